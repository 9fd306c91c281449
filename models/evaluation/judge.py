"""Run a classifier over labelled films and keep what it said, never the pictures."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from domain.film import GreyImage, Unsuitable
from domain.findings import Label, Probabilities

if TYPE_CHECKING:
    from domain.ports import Classifier
    from models.collection import LabelledFilm
    from models.evaluation.metrics import Array, Classes

Read = Callable[[Path], GreyImage | Unsuitable]
"""Returns the rendered film of a file, or why there is none; never raises for a bad file."""

LABELS = tuple(Label)
COVID19 = LABELS.index(Label.COVID19)
UNDETERMINED = len(LABELS)
REFUSED = len(LABELS) + 1
"""Numbers in `Outcomes.named` that follow those of the classes."""
BATCH = 16
"""Films read and classified together; at most two batches of pictures are in memory."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Verdict:
    """What a classifier said about one labelled film: probabilities, or why there are none."""

    film: LabelledFilm
    probabilities: Probabilities | None
    named: Label | None
    """The class it names; None where it is undetermined or the film was refused."""
    refused: Unsuitable | None
    fold: int | None = None
    """In a cross-validation: which of the networks was asked, from 1."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcomes:
    """Verdicts as arrays, one row a film."""

    truth: Classes
    """Number of the labelled class (films,), in the order of `Label`."""
    named: Classes
    """Number of the class named, or UNDETERMINED or REFUSED (films,)."""
    probabilities: Array
    """(films, classes), 0 to 1; NaN where the film was refused."""
    patients: Classes
    """Number of the patient (films,)."""

    @classmethod
    def of(cls, verdicts: Sequence[Verdict]) -> Outcomes:
        """Return the verdicts as arrays, in order."""
        numbers: dict[str, int] = {}
        patients = [numbers.setdefault(verdict.film.patient, len(numbers)) for verdict in verdicts]
        rows = [_row(verdict.probabilities) for verdict in verdicts]
        return cls(
            truth=np.array([LABELS.index(verdict.film.label) for verdict in verdicts], dtype=np.int64),
            named=np.array([_number(verdict) for verdict in verdicts], dtype=np.int64),
            probabilities=np.array(rows, dtype=np.float64).reshape(-1, len(LABELS)),
            patients=np.array(patients, dtype=np.int64),
        )


def judge(
    films: Iterable[LabelledFilm], classifier: Classifier, read: Read, *, fold: int | None = None
) -> Iterator[Verdict]:
    """Yield one verdict per film, in order; reading runs ahead in threads, by a batch at most."""
    remaining = iter(films)
    with ThreadPoolExecutor(max_workers=os.cpu_count() or 1) as pool:

        def start() -> tuple[list[LabelledFilm], list[Future[GreyImage | Unsuitable]]]:
            batch = list(islice(remaining, BATCH))
            return batch, [pool.submit(read, film.path) for film in batch]

        batch, reading = start()
        while batch:
            ahead = start()
            yield from _judge_batch(batch, [future.result() for future in reading], classifier, fold)
            batch, reading = ahead


def _judge_batch(
    films: Sequence[LabelledFilm],
    pictures: Sequence[GreyImage | Unsuitable],
    classifier: Classifier,
    fold: int | None,
) -> Iterator[Verdict]:
    answers = iter(classifier.classify([picture for picture in pictures if not isinstance(picture, Unsuitable)]))
    for film, picture in zip(films, pictures, strict=True):
        answer = picture if isinstance(picture, Unsuitable) else next(answers)
        found = answer if isinstance(answer, Probabilities) else None
        yield Verdict(
            film=film,
            probabilities=found,
            named=None if found is None else classifier.model.label_of(found),
            refused=answer if isinstance(answer, Unsuitable) else None,
            fold=fold,
        )


def _row(probabilities: Probabilities | None) -> list[float]:
    return [np.nan] * len(LABELS) if probabilities is None else list(probabilities.as_dict().values())


def _number(verdict: Verdict) -> int:
    if verdict.named is not None:
        return LABELS.index(verdict.named)
    return UNDETERMINED if verdict.refused is None else REFUSED
