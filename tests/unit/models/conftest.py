"""Films made of arithmetic, and the shipped network loaded once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from models.classifier import OnnxClassifier
from models.package import load_package

if TYPE_CHECKING:
    from domain.film import GreyImage


@pytest.fixture(scope="session")
def classifier() -> OnnxClassifier:
    """The shipped network on one core."""
    return OnnxClassifier(load_package(), threads=1)


@pytest.fixture
def films() -> list[GreyImage]:
    """Four drawn chests of different texture and size, about which the network is not sure."""
    return [_chest(texture, 320 + 90 * texture) for texture in range(4)]


def _chest(texture: int, size: int) -> GreyImage:
    """Two dark lungs on a bright body, with waves that grow with `texture`."""
    row, column = np.meshgrid(np.linspace(-1, 1, size), np.linspace(-1, 1, size), indexing="ij")
    lungs = np.exp(-(((np.abs(column) - 0.45) / 0.3) ** 2) - (row / 0.7) ** 2)
    waves = np.sin(row * (4 + texture)) * np.cos(column * (3 + 2 * texture))
    return np.asarray(np.clip(0.7 - 0.5 * lungs + 0.04 * texture * waves, 0, 1), dtype=np.float32)
