"""Labelled training films: who they belong to, and which of them a network may learn from."""

from __future__ import annotations

import csv
import hashlib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from domain.findings import Label

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from domain.film import GreyImage

MANIFEST = "manifest.csv"
VALIDATION_SHARE = 0.2
_KERMANY_PATIENT = re.compile(r"(?:NORMAL2-)?(IM-\d+|person\d+)")
_MOST_UNSIGNED_BYTE = 255.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Film:
    """One labelled film of the training collection."""

    file: str
    """Path inside the collection."""
    label: Label
    folder: str
    """First part of the path: the batch in which the film came."""
    source: str
    """Collection that published it; several hospitals may have fed one."""
    patient: str
    """The patient, or the film itself where the patient is unknown; one side of the split holds all of its films."""
    licence: str

    @classmethod
    def from_row(cls, row: Mapping[str, str]) -> Film:
        """Return the film of one row of the collection's manifest."""
        sources = row["source"].split("/")
        return cls(
            file=row["file"],
            label=Label(row["label"]),
            folder=row["file"].split("/")[0],
            source="ieee8023" if "ieee8023" in sources else row["source"],
            patient=patient_of(row),
            licence=row["licence"].strip() or "not stated",
        )


def patient_of(row: Mapping[str, str]) -> str:
    """Return the group a film belongs to: `personN` or `IM-NNNN` for Kermany's films, else the id given, else the film.

    The numbers `IM-NNNN` and `NORMAL2-IM-NNNN` are taken for one patient, to be on the safe side.
    """
    source = row["source"]
    if source == "kermany" and (match := _KERMANY_PATIENT.match(row["source_name"])):
        return f"kermany-{match.group(1)}"
    return row.get("patient_id") or f"{source}-{Path(row['source_name']).stem.rstrip('-')}"


def _rows(manifest: Path) -> list[dict[str, str]]:
    with manifest.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def read_films(collection: Path) -> list[Film]:
    """Return every film that the manifest of a collection names, sorted by path."""
    return sorted((Film.from_row(row) for row in _rows(collection / MANIFEST)), key=lambda film: film.file)


def patients_in(manifest: Path) -> frozenset[str]:
    """Return the patients of another manifest, whose films a network must not have seen."""
    return frozenset(patient_of(row) for row in _rows(manifest))


def without(films: Iterable[Film], patients: frozenset[str]) -> list[Film]:
    """Return the films of all other patients."""
    return [film for film in films if film.patient not in patients]


def is_validation(patient: str, seed: int) -> bool:
    """Say on which side of the split a patient stands; the answer depends on nothing but the patient and the seed."""
    digest = hashlib.sha256(f"{seed}:{patient}".encode()).digest()
    return int.from_bytes(digest[:8]) / 2**64 < VALIDATION_SHARE


def split(films: Iterable[Film], seed: int) -> tuple[list[Film], list[Film]]:
    """Return the films to train on and the films to validate on; no patient is in both."""
    films = list(films)
    return (
        [film for film in films if not is_validation(film.patient, seed)],
        [film for film in films if is_validation(film.patient, seed)],
    )


def load_picture(path: Path) -> GreyImage:
    """Return a JPEG or PNG film as float32 (rows, columns), 0 to 1."""
    with Image.open(path) as picture:
        return np.asarray(picture.convert("L"), dtype=np.float32) / np.float32(_MOST_UNSIGNED_BYTE)
