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
