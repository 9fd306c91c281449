"""The network at work: films in; probabilities, or the reason why a film can't be judged, out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from PIL import Image

from domain.findings import Probabilities
from models.eligibility import exposure, verdict
from models.heatmap import explanation_of
from models.looks import show
from models.preprocess import LUNG_SIZE, prepare

if TYPE_CHECKING:
    from collections.abc import Sequence

    from domain.explanation import Box, Explanation
    from domain.film import GreyImage, SquareFilm, Unsuitable
    from domain.findings import ModelVersion
    from models.looks import Mask
    from models.package import Package
    from models.runtime import Runtime

_LARGEST_BATCH = 16
"""Films computed together: enough to keep the cores busy, and some 100 MB of memory at most."""

Scores = npt.NDArray[np.float32]


@dataclass(frozen=True, kw_only=True, slots=True)
class Seen:
    """What the networks found in one film."""

    unsuitable: Unsuitable | None
    probabilities: Probabilities
    """Meant for films that are suitable; computed for the others as well."""
    mask: Mask
    boxes: list[Box]
    maps: npt.NDArray[np.float32]
    """Evidence for each class by look: (looks, rows, columns, classes), not negative."""


class NetworkClassifier:
    """A `domain.ports.Classifier` made of a checked package; one process may share it between threads."""

    def __init__(self, package: Package, runtime: Runtime) -> None:
        self._package = package
        self._runtime = runtime

    @property
    def model(self) -> ModelVersion:
        """Which network this is."""
        return self._package.model

    @property
    def place(self) -> str:
        """What computes, in words."""
        return self._runtime.place

    @property
    def batch(self) -> int:
        """How many films are best computed together."""
        return self._runtime.batch

    def classify(self, images: Sequence[GreyImage]) -> list[Probabilities | Unsuitable]:
        """Return one result per image, in order; an empty sequence gives an empty list.

        Every image is (rows, columns), float32, 0 = black to 1 = white; sizes may differ.
        """
        return [seen.unsuitable or seen.probabilities for seen in self.look_at(images)]

    def classify_squares(self, squares: Sequence[SquareFilm]) -> list[Probabilities | Unsuitable]:
        """Return the same for films that `prepare` made, (224, 224), and whose exposure was checked."""
        found: list[Seen] = []
        for start in range(0, len(squares), _LARGEST_BATCH):
            batch = squares[start : start + _LARGEST_BATCH]
            found += self._compute(batch, [None] * len(batch))
        return [seen.unsuitable or seen.probabilities for seen in found]

    def explain(self, images: Sequence[GreyImage]) -> list[Explanation | Unsuitable]:
        """Return what `classify` returns, with the evidence for the most probable class, one entry per image."""
        return [seen.unsuitable or explanation_of(seen) for seen in self.look_at(images)]

    def explain_squares(self, squares: Sequence[SquareFilm]) -> list[Explanation | Unsuitable]:
        """Return the same for films that `prepare` made, as `classify_squares` takes them."""
        found = self._compute(squares, [None] * len(squares)) if squares else []
        return [seen.unsuitable or explanation_of(seen) for seen in found]

    def look_at(self, images: Sequence[GreyImage]) -> list[Seen]:
        """Return everything the networks found, one entry per image, in order."""
        found: list[Seen] = []
        for start in range(0, len(images), _LARGEST_BATCH):
            found += self._look_at(images[start : start + _LARGEST_BATCH])
        return found

    def warm_up(self) -> None:
        """Classify a grey square, so that the first real film does not wait for memory to be set up."""
        self.classify([np.linspace(0.0, 1.0, LUNG_SIZE * LUNG_SIZE, dtype=np.float32).reshape(LUNG_SIZE, LUNG_SIZE)])

    def _look_at(self, images: Sequence[GreyImage]) -> list[Seen]:
        return self._compute([prepare(image) for image in images], [exposure(image) for image in images])

    def _compute(self, squares: Sequence[SquareFilm], exposures: Sequence[Unsuitable | None]) -> list[Seen]:
        masks, reasons = self._lungs(squares, exposures)
        package = self._package
        views = [show(square, mask, package.looks, package.size) for square, mask in zip(squares, masks, strict=True)]
        scores, maps = self._runtime.classes(np.concatenate([looks for looks, _ in views]))
        looks = len(package.looks)
        scores = scores.reshape(len(squares), looks, -1).mean(axis=1)
        maps = maps.reshape(len(squares), looks, *maps.shape[1:])
        return [
            Seen(
                unsuitable=reason,
                probabilities=probabilities(row, package.temperature),
                mask=mask,
                boxes=boxes,
                maps=evidence,
            )
            for reason, row, mask, (_, boxes), evidence in zip(reasons, scores, masks, views, maps, strict=True)
        ]

    def _lungs(
        self, squares: Sequence[SquareFilm], exposures: Sequence[Unsuitable | None]
    ) -> tuple[Sequence[Mask], list[Unsuitable | None]]:
        coarse = np.stack([lung_input(square) for square in squares])
        limits = self._package.limits
        masks, frontal = self._runtime.lungs(coarse)
        inverted = np.zeros_like(frontal)
        doubtful = np.flatnonzero(frontal < limits.frontal)
        if len(doubtful):
            inverted[doubtful] = self._runtime.lungs(1.0 - coarse[doubtful])[1]
        return list(masks), [
            exposed or verdict(mask, float(upright), float(other), limits)
            for exposed, mask, upright, other in zip(exposures, masks, frontal, inverted, strict=True)
        ]


def lung_input(square: GreyImage) -> GreyImage:
    """Return a square film (224, 224) as the lung network sees it: float32 (112, 112), each pixel the mean of four."""
    return np.asarray(Image.fromarray(square).reduce(square.shape[0] // LUNG_SIZE), dtype=np.float32)


def probabilities(scores: Scores, temperature: float) -> Probabilities:
    """Return calibrated probabilities from the class scores of one film, (classes,)."""
    scaled = scores.astype(np.float64) / temperature
    exponents = np.exp(scaled - scaled.max())
    covid19, normal, pneumonia = (exponents / exponents.sum()).tolist()
    return Probabilities(covid19=covid19, normal=normal, pneumonia=pneumonia)
