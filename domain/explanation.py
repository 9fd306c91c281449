"""Where in a film the network found its evidence for a class."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from domain.findings import Label, Probabilities

Evidence = npt.NDArray[np.float32]
"""How much each cell of a map speaks for a class: (rows, columns), float32, 0 = nothing, without a unit."""

_ROWS_AND_COLUMNS = 2


class Box(NamedTuple):
    """A part of a film, as fractions of its width (from the left) and of its height (from the top)."""

    left: float
    top: float
    right: float
    bottom: float


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class ExplainedLook:
    """What one look at a film brought: the part of the film that was shown, and the evidence in each of its cells."""

    box: Box
    evidence: Evidence
    """(rows, columns) of the network's last feature map, spread evenly over the box."""

    def __post_init__(self) -> None:
        box = self.box
        if not (0.0 <= box.left < box.right <= 1.0 and 0.0 <= box.top < box.bottom <= 1.0):
            raise ValueError("a look shows a part of the film: 0 <= left < right <= 1 and 0 <= top < bottom <= 1")
        _check_map(self.evidence, "evidence")
        if self.evidence.min() < 0.0:
            raise ValueError("evidence is never negative")


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Explanation:
    """A classified film with the reasons in the film: the answer, and the evidence for one class."""

    probabilities: Probabilities
    label: Label
    """The class that the evidence speaks for."""
    looks: tuple[ExplainedLook, ...]
    mask: Evidence
    """Probability of lung over the whole film, squashed to a square: (112, 112), float32, 0 to 1."""

    def __post_init__(self) -> None:
        if not self.looks:
            raise ValueError("an explanation rests on at least one look at the film")
        _check_unit_map(self.mask, "the lung mask")


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class HeatMap:
    """The evidence for a class, pixel by pixel of the film."""

    label: Label
    values: Evidence
    """(rows, columns) of the film, float32: 1 at the film's strongest place, 0 where there is nothing."""
    box: Box
    """The smallest part of the film that holds every look; outside of it the values are 0."""
    evidence_outside_lungs: float
    """Share of all evidence that lies outside the lungs, 0 to 1: a finding about the network, not the patient."""
    area_outside_lungs: float
    """The same share if the evidence were even over all that the network was shown: what to compare the other with."""

    def __post_init__(self) -> None:
        _check_unit_map(self.values, "a heat map")
        if not all(0.0 <= share <= 1.0 for share in (self.evidence_outside_lungs, self.area_outside_lungs)):
            raise ValueError("a share lies between 0 and 1")

    def as_bytes(self) -> bytes:
        """Return the values row by row in 8 bits: 0 where there is nothing, 255 at the strongest place."""
        return bytes(np.rint(self.values * 255.0).astype(np.uint8).tobytes())


def _check_map(values: Evidence, name: str) -> None:
    if values.ndim != _ROWS_AND_COLUMNS or values.size == 0 or values.dtype != np.float32:
        raise ValueError(f"{name} is a map of rows and columns in float32")
    if not np.isfinite(values).all():
        raise ValueError(f"{name} holds numbers only")


def _check_unit_map(values: Evidence, name: str) -> None:
    _check_map(values, name)
    if values.min() < 0.0 or values.max() > 1.0:
        raise ValueError(f"{name} lies between 0 and 1")
