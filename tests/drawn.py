"""Chests drawn by arithmetic, for what must be the same on every machine."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from domain.film import GreyImage


def drawn_films() -> list[GreyImage]:
    """Return four chests of different texture and size, about which the network is not sure."""
    return [drawn_chest(texture, 320 + 90 * texture) for texture in range(4)]


def drawn_chest(texture: int, size: int) -> GreyImage:
    """Two dark lungs on a bright body, with waves that grow with `texture`."""
    row, column = np.meshgrid(np.linspace(-1, 1, size), np.linspace(-1, 1, size), indexing="ij")
    lungs = np.exp(-(((np.abs(column) - 0.45) / 0.3) ** 2) - (row / 0.7) ** 2)
    waves = np.sin(row * (4 + texture)) * np.cos(column * (3 + 2 * texture))
    return np.asarray(np.clip(0.7 - 0.5 * lungs + 0.04 * texture * waves, 0, 1), dtype=np.float32)


def square_film() -> GreyImage:
    """A prepared film, float32 (224, 224), with texture everywhere."""
    rows, columns = np.mgrid[:224, :224].astype(np.float32)
    return np.asarray(0.5 + 0.2 * np.sin(rows / 9) * np.cos(columns / 7) + 0.1 * np.sin(columns / 31), dtype=np.float32)


def lung_mask(*, left: int = 16, top: int = 20, right: int = 96, bottom: int = 92, one_lung: bool = False) -> GreyImage:
    """Two upright ellipses side by side in the given part of a mask, float32 (112, 112)."""
    rows, columns = np.mgrid[:112, :112]
    mask = np.zeros((112, 112), dtype=np.float32)
    quarter = (right - left) / 4
    for middle in [left + quarter] if one_lung else [left + quarter, right - 1 - quarter]:
        inside = ((columns - middle) / quarter) ** 2 + (
            (rows - (top + bottom - 1) / 2) / ((bottom - top) / 2)
        ) ** 2 <= 1
        mask[inside] = 1.0
    return mask
