"""Find films that are pictures of one another in different collections, so that both stand on one side of a split."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from PIL import Image

if TYPE_CHECKING:
    from models.training.batches import Films

ALIKE = 0.8
"""Correlation inside the lungs from which two films count as one. Of 81 pairs known by their names, which were
recompressed, recut and masked differently, 95 % are above 0.83. Healthy lungs are so alike that some strangers are
above it too; then a film merely changes its place in the split."""
_SIZE = 48
_LUNG = 128
_GREYS = 255.0
_LEAST_VARIANCE = 1e-10
_CHUNK = 64
_FEWEST_PIXELS = 200


def twins(films: Films, rows: npt.NDArray[np.int64], others: npt.NDArray[np.int64]) -> dict[int, int]:
    """Return for film numbers in `rows` the most alike of `others`, where there is one alike enough.

    Both are cut to their lungs, so that borders and geometry do not matter, and compared where both have lung.
    """
    found: dict[int, int] = {}
    if not len(others):
        return found
    pictures, masks = _crops(films, others)
    for start in range(0, len(rows), _CHUNK):
        part = rows[start : start + _CHUNK]
        alike = _correlations(*_crops(films, part), pictures, masks)
        for row, likeness in zip(part, alike, strict=True):
            best = int(likeness.argmax())
            if likeness[best] >= ALIKE:
                found[int(row)] = int(others[best])
    return found


def _crops(films: Films, rows: npt.NDArray[np.int64]) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    pictures = np.stack([_crop(films.squares[row], films.boxes[row]) for row in rows]) / np.float32(_GREYS)
    masks = np.stack([_crop(films.masks[row], films.boxes[row]) > _LUNG for row in rows]).astype(np.float32)
    return pictures.reshape(len(rows), -1), masks.reshape(len(rows), -1)


def _crop(square: npt.NDArray[np.uint8], box: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    left, top, right, bottom = (float(edge) * square.shape[0] for edge in box)
    part = Image.fromarray(square).resize((_SIZE, _SIZE), Image.Resampling.BILINEAR, box=(left, top, right, bottom))
    return np.asarray(part, dtype=np.float32)


def _correlations(
    pictures: npt.NDArray[np.float32],
    masks: npt.NDArray[np.float32],
    others: npt.NDArray[np.float32],
    other_masks: npt.NDArray[np.float32],
) -> npt.NDArray[np.float32]:
    """Return the correlation of each picture with each other one where both have lung: (pictures, others).

    It is -1 where they share too little. Pictures are (films, pixels), 0 to 1; masks the same shape, 0 or 1.
    """
    x, y = masks * pictures, other_masks * others
    pixels = np.maximum(masks @ other_masks.T, 1.0)
    mean_x, mean_y = x @ other_masks.T / pixels, masks @ y.T / pixels
    covariance = x @ y.T / pixels - mean_x * mean_y
    variance_x = (x * pictures) @ other_masks.T / pixels - mean_x**2
    variance_y = masks @ (y * others).T / pixels - mean_y**2
    found = covariance / np.sqrt(np.maximum(variance_x * variance_y, _LEAST_VARIANCE))
    return np.asarray(np.where(pixels >= _FEWEST_PIXELS, found, -1.0), dtype=np.float32)
