"""Cross-validation by patient: every film is judged by a network that has seen none of its patient's films."""

from __future__ import annotations

import hashlib
from collections import Counter
from typing import TYPE_CHECKING, Protocol

import numpy as np

from domain.errors import Misconfigured
from domain.findings import Label
from models.collection import require_classes
from models.evaluation.judge import judge

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from domain.ports import Classifier
    from models.collection import LabelledFilm
    from models.evaluation.judge import Read, Verdict

_VALIDATION_FOLDS = 5
"""Of the films that are not judged, one in five validates: it stops the training and sets the temperature."""
_LEAST_FOLDS = 2


class Train(Protocol):
    """Trains one network."""

    def __call__(self, training: Sequence[LabelledFilm], validation: Sequence[LabelledFilm], seed: int) -> Classifier:
        """Return a network that learned from `training` and was stopped and calibrated on `validation`."""
        ...


def split_patients(films: Sequence[LabelledFilm], folds: int, seed: int) -> list[list[LabelledFilm]]:
    """Return the films in so many parts; all films of a patient are in one.

    Every part gets, as well as whole patients allow, the same share of each class of each source. The answer depends on
    the films and the seed, not on the films' order.
    """
    kinds = sorted({_kind(film) for film in films})
    number_of = {kind: number for number, kind in enumerate(kinds)}
    by_patient: dict[str, list[LabelledFilm]] = {}
    for film in sorted(films, key=lambda film: film.file):
        by_patient.setdefault(film.patient, []).append(film)
    wanted = np.maximum(np.bincount([number_of[_kind(film)] for film in films], minlength=len(kinds)) / folds, 1.0)
    filled = np.zeros((folds, len(kinds)))
    parts: list[list[LabelledFilm]] = [[] for _ in range(folds)]
    for patient in sorted(by_patient, key=lambda patient: (-len(by_patient[patient]), _lot(patient, seed))):
        adds = np.bincount([number_of[_kind(film)] for film in by_patient[patient]], minlength=len(kinds))
        fullness = ((filled / wanted)[:, adds > 0]).max(axis=1)
        part = min(range(folds), key=lambda number: (fullness[number], len(parts[number]), number))
        parts[part] += by_patient[patient]
        filled[part] += adds
    return parts


def cross_validate(
    films: Sequence[LabelledFilm], train: Train, read: Read, *, folds: int, seed: int
) -> Iterator[Verdict]:
    """Train one network per fold on the other folds and yield its verdicts about the films of its own.

    Neither training nor validation films share a patient with the films that are judged.

    Raises:
        Misconfigured: there are fewer than two folds, or a class has fewer patients than there are folds.
    """
    _check(films, folds)
    parts = split_patients(films, folds, seed)
    for number, judged in enumerate(parts, start=1):
        rest = [film for part in parts if part is not judged for film in part]
        validation, *training = split_patients(rest, _VALIDATION_FOLDS, seed + number)
        learned = [film for part in training for film in part]
        require_classes(learned, f"to train on in fold {number}")
        classifier = train(learned, validation, seed + number)
        yield from judge(judged, classifier, read, fold=number)


def _check(films: Sequence[LabelledFilm], folds: int) -> None:
    if folds < _LEAST_FOLDS:
        raise Misconfigured(f"a cross-validation needs at least {_LEAST_FOLDS} folds, not {folds}")
    require_classes(films, "to cross-validate with")
    patients = Counter(label for _, label in {(film.patient, film.label) for film in films})
    few = [f"{label} {patients[label]}" for label in Label if patients[label] < folds]
    if few:
        raise Misconfigured(f"fewer patients than the {folds} folds: {', '.join(few)}; ask for fewer folds")


def _kind(film: LabelledFilm) -> tuple[str, str]:
    return film.source, film.label


def _lot(patient: str, seed: int) -> bytes:
    return hashlib.sha256(f"{seed}:{patient}".encode()).digest()
