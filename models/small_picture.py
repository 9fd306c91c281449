"""Films as pictures of a moderate size; apart from what draws on them, since those who read films need no more."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

if TYPE_CHECKING:
    from domain.film import GreyImage, GreyLevels, GreyPicture

_REDUCING_GAP = 2.0
_LEVELS = 255.0
_DEEP_LEVELS = 65535.0


def grey_picture(image: GreyImage, most_pixels: int) -> GreyPicture:
    """Return a film as an 8-bit picture of at most so many rows and columns, its proportions kept.

    `image` is (rows, columns), float32, 0 = black to 1 = white.
    """
    return np.asarray(np.rint(_small(image, most_pixels) * _LEVELS), dtype=np.uint8)


def grey_levels(image: GreyImage, most_pixels: int) -> GreyLevels:
    """Return the same in 16 bits: 0 = the smallest value to 65535 = the greatest."""
    return np.asarray(np.rint(_small(image, most_pixels) * _DEEP_LEVELS), dtype=np.uint16)


def _small(image: GreyImage, most_pixels: int) -> GreyImage:
    rows, columns = image.shape
    scale = min(1.0, most_pixels / max(rows, columns))
    picture = Image.fromarray(np.ascontiguousarray(image, dtype=np.float32))
    if scale < 1.0:
        size = max(1, round(columns * scale)), max(1, round(rows * scale))
        picture = picture.resize(size, Image.Resampling.BICUBIC, reducing_gap=_REDUCING_GAP)
    return np.asarray(np.clip(np.asarray(picture), 0.0, 1.0), dtype=np.float32)
