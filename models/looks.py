"""Looks: what a classifying network is shown of a film. The whole film, its crop to the lungs, or the lungs alone.

A crop takes away borders, markers and letterboxes; the lungs alone also take away shoulders, collar and cables. Grey
values are standardised inside the lungs, so that exposure and windowing say nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from PIL import Image

from domain.explanation import Box
from models.preprocess import LUNG_SIZE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from domain.film import GreyImage

Mask = npt.NDArray[np.float32]
"""Probability of lung at each pixel of the square film: float32 (112, 112), 0 to 1."""

MARGIN = 0.06
"""What a crop keeps around the lungs, as a share of their width and height."""
SMALLEST_BOX = 0.25
"""A crop is never narrower or lower than this share of the film."""
_EDGE_MASS = 0.005
"""Share of the lungs' pixels that may lie beyond each edge: a stray pixel does not widen the crop."""
MASK_RAMP = (0.25, 0.75)
"""Probabilities of lung between which a pixel fades from blank to seen."""
GREY_MEAN, GREY_DEVIATION = 0.5, 0.2
"""Mean and standard deviation to which the grey values inside the lungs are brought; blank pixels have the mean."""
_SMALLEST_DEVIATION = 0.02
_FEWEST_PIXELS = 50
"""With fewer lung pixels than this the whole film stands for the lungs."""


class Look(StrEnum):
    """One way to show a film to the network."""

    FILM = "film"
    CROP = "crop"
    LUNGS = "lungs"


WHOLE = Box(0.0, 0.0, 1.0, 1.0)


@dataclass(frozen=True, kw_only=True, slots=True)
class LungField:
    """Where the lungs lie in a square film, and how bright they are."""

    box: Box
    mean: float
    deviation: float

    @classmethod
    def of(cls, square: GreyImage, mask: Mask) -> LungField:
        """Measure the lungs; without any, the whole film is measured.

        `square` is float32 (224, 224), 0 to 1, as `models.preprocess.prepare` gives it.
        """
        inside = mask > 0.5  # noqa: PLR2004 - lung is likelier than not
        if inside.sum() < _FEWEST_PIXELS:
            inside = np.ones_like(inside)
        rows, columns = square.shape
        coarse = square.reshape(LUNG_SIZE, rows // LUNG_SIZE, LUNG_SIZE, columns // LUNG_SIZE).mean(axis=(1, 3))
        grey = coarse[inside]
        left, right = _extent(inside.sum(axis=0))
        top, bottom = _extent(inside.sum(axis=1))
        deviation = max(float(grey.std()), _SMALLEST_DEVIATION)
        return cls(box=Box(left, top, right, bottom), mean=float(grey.mean()), deviation=deviation)


def _extent(pixels: npt.NDArray[np.int64]) -> tuple[float, float]:
    """Return where the lungs begin and end along one axis, with the margin, as fractions of the film."""
    mass = np.cumsum(pixels) / pixels.sum()
    first = float(np.searchsorted(mass, _EDGE_MASS)) / len(pixels)
    last = float(np.searchsorted(mass, 1.0 - _EDGE_MASS) + 1) / len(pixels)
    spare = max((last - first) * MARGIN, (SMALLEST_BOX - (last - first)) / 2)
    return max(first - spare, 0.0), min(last + spare, 1.0)


def show(square: GreyImage, mask: Mask, looks: Sequence[Look], size: int) -> tuple[npt.NDArray[np.float32], list[Box]]:
    """Return the looks of one film, float32 (looks, size, size), 0 to 1, and the part of the film that each shows."""
    field = LungField.of(square, mask)
    boxes = [WHOLE if look is Look.FILM else field.box for look in looks]
    shown = [_show(square, mask, field, look, size) for look in looks]
    return np.stack(shown), boxes


def _show(square: GreyImage, mask: Mask, field: LungField, look: Look, size: int) -> GreyImage:
    if look is Look.FILM:
        return _part(square, WHOLE, size)
    grey = (_part(square, field.box, size) - np.float32(field.mean)) * np.float32(GREY_DEVIATION / field.deviation)
    if look is Look.LUNGS:
        low, high = MASK_RAMP
        grey = grey * np.clip((_part(mask, field.box, size) - low) / (high - low), 0.0, 1.0)
    return np.asarray(np.clip(grey + GREY_MEAN, 0.0, 1.0), dtype=np.float32)


def _part(image: GreyImage, box: Box, size: int) -> GreyImage:
    rows, columns = image.shape
    if box == WHOLE and (rows, columns) == (size, size):
        return image
    pixels = (box.left * columns, box.top * rows, box.right * columns, box.bottom * rows)
    part = Image.fromarray(image).resize((size, size), Image.Resampling.BILINEAR, box=pixels)
    return np.asarray(part, dtype=np.float32)
