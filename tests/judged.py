"""Labelled films and verdicts for tests of judging, and a network that reads the answer off the film's grey."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from domain.film import GreyImage, Unsuitable
from domain.findings import Label, ModelVersion, Probabilities
from models.collection import LabelledFilm
from models.evaluation.judge import Verdict
from tests.fakes import MODEL

COVID, NORMAL, PNEUMONIA = Label


def labelled(label: Label, *, file: str = "film.png", patient: str = "", source: str = "here") -> LabelledFilm:
    """Return a film; its own patient unless one is given."""
    columns = {"source": source, "licence": "CC BY"}
    return LabelledFilm(
        file=file, path=Path(file), label=label, patient=patient or file, source=source, columns=columns
    )


def sure(label: Label, share: float = 0.8) -> Probabilities:
    """Return probabilities that favour one class, the others alike."""
    rest = (1 - share) / 2
    return Probabilities(**{str(other).lower(): share if other is label else rest for other in Label})


def verdict(
    truth: Label,
    said: Label | Unsuitable | Probabilities,
    *,
    source: str = "here",
    patient: str = "",
    number: int = 0,
    fold: int | None = None,
) -> Verdict:
    """Return what a network said about one film: a class, surely; probabilities; or a refusal."""
    found = None if isinstance(said, Unsuitable) else sure(said) if isinstance(said, Label) else said
    return Verdict(
        film=labelled(truth, file=f"{source}/{truth}/{number}.png", patient=patient, source=source),
        probabilities=found,
        named=None if found is None else MODEL.label_of(found),
        refused=said if isinstance(said, Unsuitable) else None,
        fold=fold,
    )


def verdicts(*said: tuple[Label, Label | Unsuitable | Probabilities, int], source: str = "here") -> list[Verdict]:
    """Return so many verdicts of each kind, every film of its own patient."""
    kinds = [(truth, answer) for truth, answer, times in said for _ in range(times)]
    return [verdict(truth, answer, source=source, number=number) for number, (truth, answer) in enumerate(kinds)]


GREYS = {COVID: 0.2, NORMAL: 0.5, PNEUMONIA: 0.8}


class GreyReader:
    """A network that names the class whose grey is the film's, doubts others, and refuses white films."""

    def __init__(self) -> None:
        self.largest_batch = 0

    @property
    def model(self) -> ModelVersion:
        """Which network this is."""
        return MODEL

    def classify(self, images: Sequence[GreyImage]) -> list[Probabilities | Unsuitable]:
        """Return one result per film."""
        self.largest_batch = max(self.largest_batch, len(images))
        return [self._of(float(np.mean(image))) for image in images]

    def _of(self, grey: float) -> Probabilities | Unsuitable:
        if grey > 0.95:
            return Unsuitable.BADLY_EXPOSED
        near = [label for label, own in GREYS.items() if abs(own - grey) < 0.05]
        return sure(near[0], 0.9) if near else sure(NORMAL, 0.4)


def films_of(counts: Iterable[tuple[Label, str, int]]) -> list[LabelledFilm]:
    """Return so many films of a class from a source, every one of its own patient."""
    return [
        labelled(label, file=f"{source}/{label}/{number}.png", source=source)
        for label, source, count in counts
        for number in range(count)
    ]
