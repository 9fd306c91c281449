"""Films made for the tests, and what the rest of Hilum would say about them."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from dicom_node.wrap import wrap_film
from domain.film import StoredFilm
from domain.findings import Findings, ModelVersion, Probabilities
from domain.ids import SeriesUid, SopInstanceUid, StudyId, StudyUid
from tests.peers import missing

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt
    from pydicom.dataset import Dataset

    from domain.film import Unsuitable

MODEL = ModelVersion(name="hilum-test", version="1.2.3", sha256=hashlib.sha256(b"weights").hexdigest())


def ramp(rows: int = 96, columns: int = 128, *, bits: int = 12) -> npt.NDArray[np.uint16]:
    """Return a picture with every grey value from 0 to the largest."""
    values = np.linspace(0, 2**bits - 1, rows * columns).reshape(rows, columns)
    return values.round().astype(np.uint16)


@pytest.fixture
def film() -> Dataset:
    """Return a frontal chest film."""
    return wrap_film(
        ramp(), patient_id="P1", patient_name="Doe^Jane", accession_number="A1", patient_sex="F", study_uid="2.25.1"
    )


@pytest.fixture
def stored() -> Callable[[Dataset], StoredFilm]:
    """Return what the spool would know of a film."""

    def describe(dataset: Dataset) -> StoredFilm:
        return StoredFilm(
            study_id=StudyId(1),
            study_uid=StudyUid(dataset.StudyInstanceUID),
            series_uid=SeriesUid(dataset.SeriesInstanceUID),
            sop_instance_uid=SopInstanceUid(dataset.SOPInstanceUID),
            sop_class_uid=str(dataset.SOPClassUID),
            digest=hashlib.sha256(dataset.SOPInstanceUID.encode()).hexdigest(),
            path=f"{dataset.SOPInstanceUID}.dcm",
        )

    return describe


@pytest.fixture
def classified(stored: Callable[[Dataset], StoredFilm]) -> Callable[..., Findings]:
    """Return findings with the probabilities of COVID-19, normal and pneumonia, made from the first of some films."""

    def findings(*films: Dataset, covid19: float = 0.83, normal: float = 0.1, pneumonia: float = 0.07) -> Findings:
        kept = tuple(stored(film) for film in films)
        scores = Probabilities(covid19=covid19, normal=normal, pneumonia=pneumonia)
        return Findings(model=MODEL, films=kept, analysed=kept[0], probabilities=scores)

    return findings


@pytest.fixture
def refused(stored: Callable[[Dataset], StoredFilm]) -> Callable[..., Findings]:
    """Return findings that say why there are none."""

    def findings(reason: Unsuitable, *films: Dataset) -> Findings:
        return Findings(model=MODEL, films=tuple(stored(film) for film in films), unsuitable=reason)

    return findings


@pytest.fixture(scope="session")
def real_films() -> Path:
    """Return the folder of real DICOM files beside the repository."""
    folder = Path(__file__).parents[3].parent / "shared" / "data" / "dicom"
    if not folder.is_dir():
        missing("the collection of real DICOM files", f"it would lie in {folder}")
    return folder
