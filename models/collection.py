"""Labelled films as people keep them: a manifest, or a folder per class; checked before anybody learns or judges."""

from __future__ import annotations

import csv
from collections import Counter
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from domain.errors import Misconfigured
from domain.findings import Label
from models.patients import patient_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    Identify = Callable[[Path], str | None]
    """Returns who is on a film by the file's own header, as a key that shows nobody; None where it does not tell."""

MANIFEST = "manifest.csv"
NOT_STATED = "not stated"
FOLDER = "folder"
"""Column that every manifest has unasked: the first folder of the file's path."""
MOST_NAMED = 20
"""Names that an error lists before it only counts."""
_LABELS = {"covid19": Label.COVID19, "covid": Label.COVID19, "normal": Label.NORMAL, "pneumonia": Label.PNEUMONIA}
_NEEDED = ("file", "label")
_NOT_COLUMNS = {"file", "label", "patient_id"}
_PICTURE_SUFFIXES = {".jpg", ".jpeg", ".png"}
_DICOM_SUFFIXES = {".dcm", ".dicom"}
_DICOM_PREFIX = b"DICM"
_DICOM_PREFIX_END = 132
_KERMANY = "kermany"


class Trouble(StrEnum):
    """Why a row can't be used; the value is shown."""

    UNKNOWN_LABEL = "unknown label"
    MISSING_FILE = "file missing"
    TWO_LABELS = "named twice, with two labels"


@dataclass(frozen=True, kw_only=True, slots=True)
class LabelledFilm:
    """One film of which somebody says what it shows."""

    file: str
    """Path as the manifest or the folder names it."""
    path: Path
    label: Label
    patient: str
    """Key of the patient, or of the film itself where the patient is unknown; never written anywhere."""
    source: str
    """Collection or hospital it came from."""
    columns: Mapping[str, str]
    """What else the manifest says about it, `source` and `folder` included, patients left out."""


@dataclass(frozen=True, kw_only=True, slots=True)
class BadRow:
    """One film that is named but can't be used."""

    file: str
    label: str
    trouble: Trouble


@dataclass(frozen=True, kw_only=True, slots=True)
class Collection:
    """The films of one manifest or folder, sorted by file, and the rows that are none."""

    place: Path
    films: tuple[LabelledFilm, ...]
    bad_rows: tuple[BadRow, ...] = ()

    @property
    def name(self) -> str:
        """The folder's name, or the manifest's with its folder."""
        place = self.place.resolve()
        return place.name if place.name != MANIFEST and place.suffix != ".csv" else f"{place.parent.name}/{place.name}"

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns by which the films can be grouped, sorted."""
        return tuple(sorted({name for film in self.films for name in film.columns}))


def read_collection(path: Path, *, identify: Identify | None = None) -> Collection:
    """Return the films of a manifest, of a folder that holds a `manifest.csv`, or of a folder per class.

    `identify` tells the patients of DICOM files that the manifest does not tell.

    Raises:
        Misconfigured: there is nothing of the kind at `path`, or a manifest lacks a column or all rows.
    """
    manifest = path / MANIFEST if path.is_dir() else path
    if not path.exists():
        raise Misconfigured(f"{path} does not exist; name a manifest CSV or a folder with films")
    found = _read_manifest(manifest) if manifest.is_file() else _read_class_folders(path)
    films: dict[Path, LabelledFilm] = {}
    bad_rows = []
    for row, place in found:
        entry = _entry(row, place, identify)
        if isinstance(entry, LabelledFilm):
            first = films.setdefault(place.resolve(), entry)
            if first.label is not entry.label:
                entry = BadRow(file=entry.file, label=row["label"], trouble=Trouble.TWO_LABELS)
        if isinstance(entry, BadRow):
            bad_rows.append(entry)
    ordered = sorted(films.values(), key=lambda film: film.file)
    return Collection(place=path, films=tuple(ordered), bad_rows=tuple(bad_rows))


def label_of(text: str) -> Label | None:
    """Return the class that a label or a folder's name means, None for others: `COVID-19`, `covid19`, `Normal`."""
    return _LABELS.get("".join(letter for letter in text.casefold() if letter.isalnum()))


def listing(names: Iterable[str]) -> str:
    """Return up to 20 names, and how many there are beyond."""
    every = list(names)
    rest = len(every) - MOST_NAMED
    return ", ".join(every[:MOST_NAMED]) + (f" and {rest} more" if rest > 0 else "")


def refuse_bad_rows(collection: Collection) -> None:
    """Insist that every row can be used.

    Raises:
        Misconfigured: a file is missing or named twice, or a label is none of Hilum's; the text lists them.
    """
    if not collection.bad_rows:
        return
    lines = [f"{collection.place} can't be used as it is:"]
    for trouble in Trouble:
        rows = [row for row in collection.bad_rows if row.trouble is trouble]
        if rows:
            lines.append(f"  {trouble} ({len(rows)}): {listing(_told(row) for row in rows)}")
    lines.append(f"Labels are {', '.join(Label)}. Mend these rows or take them out.")
    raise Misconfigured("\n".join(lines))


def require_classes(films: Sequence[LabelledFilm], purpose: str = "to train on") -> None:
    """Insist on films of every class.

    Raises:
        Misconfigured: a class is missing.
    """
    counts = Counter(film.label for film in films)
    missing = [label for label in Label if not counts[label]]
    if missing:
        told = ", ".join(f"{label} {counts[label]}" for label in Label)
        raise Misconfigured(f"no films of {' and '.join(missing)} {purpose}; found: {told}. Every class is needed")


def refuse_shared_patients(
    one: Sequence[LabelledFilm],
    other: Sequence[LabelledFilm],
    names: tuple[str, str] = ("training", "validation"),
) -> None:
    """Insist that no patient is on both sides of a split that somebody made.

    Raises:
        Misconfigured: some are; the text lists films of theirs, never the patients.
    """
    shared = {film.patient for film in one} & {film.patient for film in other}
    if shared:
        files = listing(film.file for film in other if film.patient in shared)
        raise Misconfigured(
            f"{len(shared)} patients are in both {names[0]} and {names[1]} films, so the figures would flatter; "
            f"take out of {names[1]}: {files}"
        )


def film_files(folder: Path) -> list[Path]:
    """Return every file below a folder that is a JPEG, a PNG or DICOM by its name or its first bytes, sorted."""
    return [path for path in sorted(folder.rglob("*")) if path.is_file() and _is_film(path)]


def _told(row: BadRow) -> str:
    return f"{row.file} ({row.label or 'empty'})" if row.trouble is Trouble.UNKNOWN_LABEL else row.file


def _is_film(path: Path) -> bool:
    if path.suffix.lower() in _PICTURE_SUFFIXES | _DICOM_SUFFIXES:
        return True
    try:
        with path.open("rb") as file:
            return file.read(_DICOM_PREFIX_END).endswith(_DICOM_PREFIX)
    except OSError:
        return False


def _read_manifest(manifest: Path) -> Iterator[tuple[dict[str, str], Path]]:
    try:
        with manifest.open(newline="", encoding="utf-8-sig") as file:
            table = csv.DictReader(file)
            header = table.fieldnames or ()
            rows = [{name: (value or "").strip() for name, value in row.items() if name} for row in table]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise Misconfigured(f"{manifest} can't be read as a CSV file in UTF-8: {error}") from error
    missing = [name for name in _NEEDED if name not in header]
    if missing:
        raise Misconfigured(
            f"{manifest} lacks the column {' and '.join(missing)}; its first line must name the columns, "
            "file and label at least"
        )
    if not rows:
        raise Misconfigured(f"{manifest} names no films")
    for row in rows:
        place = Path(row["file"])
        folder = NOT_STATED if place.is_absolute() or place.parent == Path() else place.parts[0]
        yield {FOLDER: folder, **row}, manifest.parent / place


def _read_class_folders(folder: Path) -> Iterator[tuple[dict[str, str], Path]]:
    inside = sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith((".", "__")))
    if not any(label_of(path.name) for path in inside):
        names = listing(path.name for path in inside) or "none"
        raise Misconfigured(
            f"{folder} holds neither a {MANIFEST} nor a folder per class ({', '.join(Label)}); folders in it: {names}"
        )
    for place in inside:
        for path in film_files(place):
            row = {"file": path.relative_to(folder).as_posix(), "label": place.name, "source": folder.resolve().name}
            yield row, path


def _entry(row: Mapping[str, str], path: Path, identify: Identify | None) -> LabelledFilm | BadRow:
    label = label_of(row["label"])
    if label is None or not path.is_file():
        trouble = Trouble.UNKNOWN_LABEL if label is None else Trouble.MISSING_FILE
        return BadRow(file=row["file"], label=row["label"], trouble=trouble)
    columns = {name: value or NOT_STATED for name, value in row.items() if name not in _NOT_COLUMNS}
    columns.setdefault("source", NOT_STATED)
    patient = _patient(row, path, identify)
    return LabelledFilm(
        file=row["file"], path=path, label=label, patient=patient, source=columns["source"], columns=columns
    )


def _patient(row: Mapping[str, str], path: Path, identify: Identify | None) -> str:
    """Return the manifest's patient, else the DICOM header's, else what the file's name tells, else the film itself."""
    is_picture = path.suffix.lower() in _PICTURE_SUFFIXES
    if not row.get("patient_id") and not is_picture and identify is not None and (found := identify(path)):
        return found
    if row.get("source") and row.get("source_name"):
        return patient_of(row)
    if row.get("patient_id") or not is_picture:
        return row.get("patient_id") or row["file"]
    return patient_of({"source": _KERMANY, "source_name": path.name, "patient_id": row["file"]})
