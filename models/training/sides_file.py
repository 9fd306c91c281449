"""The films that a network was measured on, as a manifest: whoever doubts a figure can judge the same films again."""

from __future__ import annotations

import csv
import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from models.collection import LabelledFilm

VALIDATION, UNSEEN = "validation", "unseen"
"""Values of the column `side`: films of patients who were held out, films of sources that were."""
_FIRST = ("file", "label", "patient_id", "side")
_LEFT_OUT = {"source_name"}
"""Where it is known, patients would be told by it once more."""


def write_sides(path: Path, watched: Sequence[LabelledFilm], unseen: Sequence[LabelledFilm]) -> None:
    """Write a manifest that `models.collection.read_collection` reads, with the films' own columns and their side.

    Patients are numbered anew, so that nobody's id is written down. Paths are relative to the manifest's folder.
    """
    sides = [(film, VALIDATION) for film in watched] + [(film, UNSEEN) for film in unseen]
    numbers: dict[str, int] = {}
    columns = sorted({name for film, _ in sides for name in film.columns} - set(_FIRST) - _LEFT_OUT)
    with path.open("w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, [*_FIRST, *columns], extrasaction="ignore")
        table.writeheader()
        for film, side in sides:
            patient = numbers.setdefault(film.patient, len(numbers) + 1)
            place = os.path.relpath(film.path, path.parent)
            table.writerow({**film.columns, "file": place, "label": film.label, "patient_id": patient, "side": side})
