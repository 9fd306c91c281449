"""Films made of arithmetic, a package to spoil, and the shipped network loaded once."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from models.classifier import NetworkClassifier
from models.onnx_runtime import OnnxRuntime
from models.package import load_package
from tests.drawn import drawn_films

if TYPE_CHECKING:
    from domain.film import GreyImage
    from models.package import Package


@pytest.fixture
def copy(tiny_package: Package, tmp_path: Path) -> Path:
    """A copy of the tiny package that a test may spoil."""
    return shutil.copytree(tiny_package.folder, tmp_path / "copy" / tiny_package.folder.name)


@pytest.fixture(scope="session")
def classifier() -> NetworkClassifier:
    """The shipped network on one core."""
    package = load_package()
    return NetworkClassifier(package, OnnxRuntime(package, threads=1))


@pytest.fixture
def films() -> list[GreyImage]:
    """Four drawn chests of different texture and size, about which the network is not sure."""
    return drawn_films()
