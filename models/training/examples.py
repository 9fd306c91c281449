"""Which films a network learns from, which it is watched on, and which it never sees."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from domain.errors import Misconfigured
from domain.findings import Label
from models.collection import (
    BadRow,
    Collection,
    LabelledFilm,
    Trouble,
    listing,
    read_collection,
    refuse_bad_rows,
    refuse_shared_patients,
    require_classes,
)
from models.patients import is_validation
from models.training.prepared import LABELS, Example, example
from models.training.twins import twins

if TYPE_CHECKING:
    from models.collection import Identify
    from models.training.batches import Films

OTHER = "OTHER"
"""Label of a film that is neither normal nor shows pneumonia or COVID-19; only a lungs-only collection may have it."""
_NEITHER = tuple(0.0 if label is Label.COVID19 else 0.5 for label in LABELS)
"""What is answered for such a film: not COVID-19, no more."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Sources:
    """Where the films of a training lie, and what of them is left out."""

    films: Sequence[Path]
    """Collections of films, see `models.collection`."""
    lungs_only: Sequence[Path] = ()
    """Collections in which all but the lungs is black."""
    validation: Sequence[Path] = ()
    """Collections to watch the training on; none: a part of the patients is taken out of the films."""
    held_out: frozenset[str] = frozenset()
    """`COLUMN=VALUE` of the manifests, for example `folder=b`: such films and their patients stay unseen."""
    excluded: Sequence[Path] = ()
    """Collections whose patients stay unseen."""
    seed: int = 7


@dataclass(frozen=True, kw_only=True, slots=True)
class Pool:
    """Every film of a training, before patients are put on sides; the entries of the tuples belong together."""

    examples: tuple[Example, ...]
    films: tuple[LabelledFilm | None, ...]
    """The labelled film of each example, None for lungs alone."""
    given: frozenset[str]
    """Patients whom somebody chose for the validation; empty: they are drawn."""
    unseen: frozenset[str]
    """Patients whose films are neither learnt from nor watched."""
    seed: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Sides:
    """Numbers of the examples on each side: int64 (films,)."""

    training: npt.NDArray[np.int64]
    validation: npt.NDArray[np.int64]
    twins: int
    """Lungs-only films that are taken for pictures of whole films."""


def read_pool(sources: Sources, identify: Identify | None = None) -> Pool:
    """Read all collections.

    Films of the same original name (manifest column `source_name`) count as one patient, in whatever collection.

    Raises:
        Misconfigured: a collection can't be read or has bad rows, nothing is there to hold out, or training and
            validation share patients.
    """
    films = [film for place in sources.films for film in _read(place, identify).films]
    given = [film for place in sources.validation for film in _read(place, identify).films]
    _check_held_out(sources.held_out, films)
    hidden = {film.patient for film in films if is_held_out(film, sources.held_out)}
    excluded = {film.patient for place in sources.excluded for film in _read(place, identify).films}
    refuse_shared_patients([film for film in films if film.patient not in hidden | excluded], given)
    whole = [*films, *given]
    same = _same_patients(whole)
    lungs = [
        item
        for place in sources.lungs_only
        for item in _lungs_only(read_collection(place, identify=identify), same, sources.held_out)
    ]
    return Pool(
        examples=(*(example(film) for film in whole), *lungs),
        films=(*whole, *(None for _ in lungs)),
        given=frozenset(film.patient for film in given),
        unseen=frozenset(hidden | excluded),
        seed=sources.seed,
    )


def pool_of(training: Sequence[LabelledFilm], validation: Sequence[LabelledFilm], seed: int) -> Pool:
    """Return films whose sides somebody has chosen already.

    Raises:
        Misconfigured: the sides share patients.
    """
    refuse_shared_patients(training, validation)
    whole = (*training, *validation)
    return Pool(
        examples=tuple(example(film) for film in whole),
        films=whole,
        given=frozenset(film.patient for film in validation),
        unseen=frozenset(),
        seed=seed,
    )


def is_held_out(film: LabelledFilm, held_out: frozenset[str]) -> bool:
    """Say whether one of the film's columns has a value that is held out."""
    return any(f"{column}={value}" in held_out for column, value in film.columns.items())


def take_sides(pool: Pool, prepared: Films) -> Sides:
    """Put each patient on one side. A lungs-only film goes with the whole film of its class that it is a picture of.

    `prepared` holds the pool's examples in their order.

    Raises:
        Misconfigured: a class is missing on a side.
    """
    patients = [item.patient for item in pool.examples]
    pictures = _twins(prepared)
    for row, other in pictures.items():
        patients[row] = patients[other]
    rows: dict[bool, list[int]] = {False: [], True: []}
    for row, patient in enumerate(patients):
        if patient not in pool.unseen:
            watched = patient in pool.given if pool.given else is_validation(patient, pool.seed)
            rows[watched].append(row)
    for side, purpose in ((rows[False], "to train on"), (rows[True], "to watch the training on")):
        require_classes([film for row in side if (film := pool.films[row]) is not None], purpose)
    training, validation = (np.array(rows[side], dtype=np.int64) for side in (False, True))
    return Sides(training=training, validation=validation, twins=len(pictures))


def _twins(prepared: Films) -> dict[int, int]:
    classes = prepared.targets.argmax(axis=1)
    found: dict[int, int] = {}
    for label in range(prepared.targets.shape[1]):
        of_class = (classes == label) & (prepared.targets.max(axis=1) == 1.0)
        lungs = np.flatnonzero(of_class & prepared.lungs_only)
        found |= twins(prepared, lungs, np.flatnonzero(of_class & ~prepared.lungs_only))
    return found


def _check_held_out(held_out: frozenset[str], films: Sequence[LabelledFilm]) -> None:
    known = {f"{column}={value}" for film in films for column, value in film.columns.items()}
    if unknown := sorted(held_out - known):
        columns = sorted({name.partition("=")[0] for name in known})
        raise Misconfigured(f"no film has {listing(unknown)}; hold out COLUMN=VALUE, columns: {', '.join(columns)}")


def _read(place: Path, identify: Identify | None) -> Collection:
    collection = read_collection(place, identify=identify)
    refuse_bad_rows(collection)
    return collection


def _stem(name: str) -> str:
    return Path(name).stem.casefold()


def _same_patients(films: Sequence[LabelledFilm]) -> dict[str, str]:
    """Return the patient of each original name that a manifest gives."""
    named = ((film.columns.get("source_name", ""), film.patient) for film in films)
    return {_stem(name): patient for name, patient in named if name}


def _lungs_only(collection: Collection, same: dict[str, str], held_out: frozenset[str]) -> list[Example]:
    others = [row for row in collection.bad_rows if _is_other(row)]
    refuse_bad_rows(replace(collection, bad_rows=tuple(row for row in collection.bad_rows if not _is_other(row))))
    found = []
    for film in collection.films:
        if is_held_out(film, held_out):
            continue
        item = example(film, lungs_only=True)
        found.append(replace(item, patient=same.get(_stem(film.columns.get("source_name", "")), item.patient)))
    place = collection.place if collection.place.is_dir() else collection.place.parent
    return found + [
        Example(
            path=place / row.file, patient=row.file, group=f"{OTHER} {place.name}", target=_NEITHER, lungs_only=True
        )
        for row in others
    ]


def _is_other(row: BadRow) -> bool:
    return row.trouble is Trouble.UNKNOWN_LABEL and row.label.upper() == OTHER
