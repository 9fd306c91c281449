"""Films that travel with a network, and what it made of them: proof that it computes the same on another machine."""

from __future__ import annotations

import io
import zipfile
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from domain.errors import Misconfigured
from models.package import GOLDEN

if TYPE_CHECKING:
    from models.classifier import NetworkClassifier
    from models.package import Package

FILMS = "films"
PROBABILITIES = "probabilities"
TOLERANCE = 1e-3
"""Largest difference of a probability that another processor or toolkit may make."""
_MOST = 255


def results(classifier: NetworkClassifier, films: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    """Return the probabilities of films (films, rows, columns), suitable or not: float32 (films, classes)."""
    seen = classifier.look_at([film.astype(np.float32) / np.float32(_MOST) for film in films])
    return np.array([list(each.probabilities.as_dict().values()) for each in seen], dtype=np.float32)


def check_golden(package: Package, classifier: NetworkClassifier) -> float:
    """Classify the films of a package and return the largest difference to its probabilities.

    Raises:
        Misconfigured: it is above the tolerance, or the file can't be used.
    """
    try:
        with np.load(io.BytesIO(package.read(GOLDEN)), allow_pickle=False) as file:
            films, expected = file[FILMS], file[PROBABILITIES]
    except (KeyError, OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise Misconfigured(f"{package.folder / GOLDEN} can't be read: {error}") from error
    found = results(classifier, films)
    if len(films) == 0 or found.shape != expected.shape:
        raise Misconfigured(f"{package.folder / GOLDEN} does not hold one row of probabilities for each film")
    difference = float(np.abs(found - expected).max())
    if not difference <= TOLERANCE:
        raise Misconfigured(
            f"{package.title} gives other results here than where it was made: a probability differs by "
            f"{difference:.4f}, more than {TOLERANCE}; do not use it on this machine"
        )
    return difference
