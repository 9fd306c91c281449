"""Stands in for what Prometheus asks."""

from __future__ import annotations

from dataclasses import dataclass, field

from domain.meters import Meter


@dataclass
class RecordedMeters:
    """Meters that keep what they are told."""

    values: dict[tuple[str, str], list[float]] = field(default_factory=dict)
    """By name, and the values of the labels."""

    def add(self, meter: Meter, amount: float = 1.0, /, **labels: str) -> None:
        """Keep an amount."""
        assert set(labels) == set(meter.labels)
        self.values.setdefault((meter.name, " ".join(labels[label] for label in meter.labels)), []).append(amount)

    def observe(self, meter: Meter, value: float, /, **labels: str) -> None:
        """Keep a value."""
        self.add(meter, value, **labels)

    def total(self, meter: Meter, *labels: str) -> float:
        """Return the sum of what was told."""
        return sum(self.values.get((meter.name, " ".join(labels)), []))
