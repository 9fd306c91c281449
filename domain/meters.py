"""What is counted and timed while the work goes on; no value of a label names a patient, a study or a stranger."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, Protocol


class MeterKind(StrEnum):
    """How the values of a meter are to be read."""

    COUNTER = "counter"
    """It only grows, and begins anew with its process."""
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


@dataclass(frozen=True, kw_only=True, slots=True)
class Meter:
    """One thing that is measured."""

    name: str
    """As Prometheus knows it."""
    kind: MeterKind
    roles: tuple[str, ...]
    """The processes that have it."""
    meaning: str
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()
    """Of a histogram: upper limits, in the unit of its name."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Reading:
    """A value that is looked up when somebody asks."""

    meter: Meter
    value: float
    labels: Mapping[str, str] = field(default_factory=dict)


class Meters(Protocol):
    """Where what happens is counted; never raises."""

    def add(self, meter: Meter, amount: float = 1.0, /, **labels: str) -> None:
        """Add to a counter or a gauge."""
        ...

    def observe(self, meter: Meter, value: float, /, **labels: str) -> None:
        """Put a value into a histogram."""
        ...


class _NoMeters:
    """Counts nothing, where nobody asks."""

    def add(self, meter: Meter, amount: float = 1.0, /, **labels: str) -> None:
        """Count nothing."""

    def observe(self, meter: Meter, value: float, /, **labels: str) -> None:
        """Keep nothing."""


NO_METERS: Final[Meters] = _NoMeters()
