"""What the shipped network does with real films, where the collection of them lies beside the repository."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from dicom_node.films import read_pixels
from domain.film import Unsuitable
from models.classifier import NetworkClassifier
from models.onnx_runtime import OnnxRuntime
from models.package import load_package
from tests.peers import missing

ASSETS = Path(__file__).parents[1] / "assets" / "models"
_EVERY = 24


@pytest.fixture(scope="module")
def films() -> Path:
    """The collection of real films."""
    folder = Path(__file__).parents[2].parent / "shared" / "data"
    if not folder.is_dir():
        missing("the collection of real films", f"it would lie in {folder}")
    return folder


@pytest.fixture(scope="module")
def network() -> NetworkClassifier:
    """The shipped network."""
    package = load_package()
    return NetworkClassifier(package, OnnxRuntime(package))


def _refused(network: NetworkClassifier, files: list[Path]) -> float:
    """Return the share of files that are refused, by reading or by what they show."""
    images = [image for file in files if not isinstance(image := read_pixels(file), Unsuitable)]
    unread = len(files) - len(images)
    return (unread + sum(isinstance(answer, Unsuitable) for answer in network.classify(images))) / len(files)


def test_laterals_slices_and_limbs_are_refused(network: NetworkClassifier, films: Path) -> None:
    """Nineteen of twenty pictures that show no frontal chest are refused; frontal films that lie among them are not."""
    wrong = {line.strip() for line in (ASSETS / "frontal_among_laterals.txt").read_text().splitlines()}
    place = films / "not_eligible"
    pictures = [file for file in sorted(place.rglob("*.jpg")) if file.relative_to(place).as_posix() not in wrong]
    limbs = sorted((films / "dicom" / "other_cr").glob("*.dcm"))
    assert len(pictures) > 60
    assert len(limbs) == 9
    assert _refused(network, pictures) >= 0.95
    assert _refused(network, limbs) == 1.0


def test_frontal_films_are_kept(network: NetworkClassifier, films: Path) -> None:
    """At least 99 of 100 frontal films of all sources are classified."""
    place = films / "cxr224"
    with (place / "manifest.csv").open(newline="", encoding="utf-8") as file:
        rows = [row["file"] for row in csv.DictReader(file)]
    assert _refused(network, [place / row for row in rows[::_EVERY]]) <= 0.01
