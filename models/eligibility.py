"""Whether the pixels show what the classifier was made for: an upright frontal chest film with two lungs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from domain.film import Unsuitable

if TYPE_CHECKING:
    from domain.film import GreyImage
    from models.looks import Mask

_LUNG = 0.5
_DARKEST, _BRIGHTEST = 0.02, 0.98
_MOST_WITHOUT_DETAIL = 0.75
"""Share of a film's pixels that may be black or white; the ground of a letterboxed film alone reaches one half."""
_DEEPEST_GAP = 0.75
"""Least lung between the two lungs, as a share of the narrower lung's tallest column, from which they count as one."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Limits:
    """What is accepted; the limits belong to the version of the network and lie in its package."""

    frontal: float = 0.5
    """Least probability of an upright frontal chest film."""
    smallest_lungs: float = 0.06
    """Least share of the square film that is lung."""
    largest_lungs: float = 0.65
    smallest_side: float = 0.01
    """Least share of the square film that is lung on either side of the gap between them."""


def exposure(image: GreyImage) -> Unsuitable | None:
    """Return BADLY_EXPOSED for a film (rows, columns), 0 to 1, that is nearly all black or white, else None."""
    pixels = image[:: max(image.shape[0] // 224, 1), :: max(image.shape[1] // 224, 1)]
    lost = np.count_nonzero((pixels <= _DARKEST) | (pixels >= _BRIGHTEST)) / pixels.size
    return Unsuitable.BADLY_EXPOSED if lost > _MOST_WITHOUT_DETAIL else None


def verdict(mask: Mask, frontal: float, frontal_inverted: float, limits: Limits) -> Unsuitable | None:
    """Return why a film can't be judged, or None.

    Args:
        mask: probability of lung, float32 (112, 112).
        frontal: probability of an upright frontal chest film, 0 to 1.
        frontal_inverted: the same for the film with black and white exchanged.
        limits: what is accepted.
    """
    if frontal < limits.frontal:
        inverted = frontal_inverted >= limits.frontal
        return Unsuitable.INVERTED if inverted else Unsuitable.NOT_A_CHEST_FILM
    return None if has_two_lungs(mask, limits) else Unsuitable.NO_LUNGS


def has_two_lungs(mask: Mask, limits: Limits) -> bool:
    """Say whether the lungs' area is plausible and lies on two sides of a gap, the mediastinum."""
    lung = mask > _LUNG
    columns = lung.sum(axis=0) / lung.size
    area = float(columns.sum())
    if not limits.smallest_lungs <= area <= limits.largest_lungs:
        return False
    occupied = np.flatnonzero(columns)
    first, last = int(occupied[0]), int(occupied[-1]) + 1
    third = (last - first) // 3
    gap = first + third + int(columns[first + third : last - third].argmin())
    sides = columns[:gap], columns[gap:]
    if min(float(side.sum()) for side in sides) < limits.smallest_side:
        return False
    return float(columns[gap]) < _DEEPEST_GAP * min(float(side.max()) for side in sides)
