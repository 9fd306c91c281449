"""Films made of arithmetic, and the shipped network loaded once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from models.classifier import OnnxClassifier
from models.package import load_package
from tests.drawn import drawn_films

if TYPE_CHECKING:
    from domain.film import GreyImage


@pytest.fixture(scope="session")
def classifier() -> OnnxClassifier:
    """The shipped network on one core."""
    return OnnxClassifier(load_package(), threads=1)


@pytest.fixture
def films() -> list[GreyImage]:
    """Four drawn chests of different texture and size, about which the network is not sure."""
    return drawn_films()
