"""Films made for the tests, and ways to break them."""

from __future__ import annotations

from functools import lru_cache
from importlib.resources import files as resources
from io import BytesIO
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pydicom
from PIL import Image
from pydicom import Dataset

from dicom_node.wrap import wrap_film

PATIENT = "Sekret^Maria"
"""A name that must not turn up in any log."""


@lru_cache
def chest(number: int, rows: int) -> npt.NDArray[np.uint8]:
    """Return one of the bundled films, squashed to a square: the network refuses what is no chest."""
    files = sorted(Path(str(resources("hilum.demo"))).joinpath("films").rglob("*.jpg"))
    with Image.open(files[number % len(files)]) as picture:
        return np.asarray(picture.convert("L").resize((rows, rows), Image.Resampling.BILINEAR))


def film(number: int = 1, *, view: str = "PA", study: int | None = None, rows: int = 256) -> Dataset:
    """Return a chest film with a soft pattern of its own, in a study of its own unless one is given."""
    coarse = np.random.default_rng(number).integers(0, 64, (8, 8), dtype=np.uint16)
    pattern = np.kron(coarse, np.ones((rows // 8, rows // 8), dtype=np.uint16))
    pixels = chest(number, rows).astype(np.uint16) * 15 + pattern
    patient = f"SECRET-ID-{study or number}"
    return wrap_film(pixels, patient_id=patient, patient_name=PATIENT, view_position=view, accession_number="A")


def saved(dataset: Dataset, folder: Path, name: str | None = None) -> Path:
    """Write a film as a file."""
    file = folder / (name or f"{dataset.SOPInstanceUID}.dcm")
    dataset.save_as(file, enforce_file_format=True)
    return file


def copy_of(dataset: Dataset) -> Dataset:
    """Return the film as it is read back from a file."""
    content = BytesIO()
    dataset.save_as(content, enforce_file_format=True)
    content.seek(0)
    return pydicom.dcmread(content)
