"""The structured report of films whose header is odd, poor or foreign."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pydicom
import pytest
from pydicom.dataset import Dataset

from dicom_node.silence import quiet
from domain.film import Unsuitable
from tests.reports import built, coded, items, written
from tests.validators import dciodvfy

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from domain.findings import Findings


@pytest.mark.peers
@pytest.mark.parametrize(
    ("character_set", "name"),
    [
        (None, "Doe^Jane"),
        ("ISO_IR 100", "Müller^Jörg"),
        ("ISO_IR 144", "Люкceмбypг"),  # noqa: RUF001 - Russian
        (["", "ISO 2022 IR 87"], "Yamada^Tarou=山田^太郎=やまだ^たろう"),
        (["", "ISO 2022 IR 149"], "Hong^Gildong=洪^吉洞=홍^길동"),
        ("GB18030", "Wang^XiaoDong=王^小东"),
        ("GBK", "Wang^XiaoDong=王^小东"),
        ("ISO_IR 192", "Wang^XiaoDong=王^小東"),
    ],
)
def test_a_name_survives_in_every_character_set(
    tmp_path: Path, film: Dataset, classified: Callable[..., Findings], character_set: object, name: str
) -> None:
    """What the modality wrote is what the report says, in a set that the validator accepts."""
    film.SpecificCharacterSet = character_set
    film.PatientName = name
    film.save_as(tmp_path / "film.dcm", enforce_file_format=True)
    source = pydicom.dcmread(tmp_path / "film.dcm", stop_before_pixels=True)
    path = written(tmp_path, classified(source), source)
    assert str(pydicom.dcmread(path).PatientName) == name
    assert dciodvfy(path) == []


@pytest.mark.peers
@pytest.mark.parametrize(
    "missing",
    [
        ["PatientBirthDate", "PatientSex"],
        ["AccessionNumber", "StudyID", "StudyDate", "StudyTime", "ReferringPhysicianName"],
        ["PatientName", "PatientID"],
        ["Rows", "Columns", "ImagerPixelSpacing", "PatientOrientation", "Modality"],
        ["Manufacturer"],
    ],
)
def test_missing_attributes_make_no_difference_to_validity(
    tmp_path: Path, film: Dataset, classified: Callable[..., Findings], missing: list[str]
) -> None:
    """Real films lack what the standard demands."""
    findings = classified(film)
    for keyword in missing:
        del film[keyword]
    path = written(tmp_path, findings, film)
    assert dciodvfy(path) == []
    assert len(list(items(pydicom.dcmread(path), "125007"))) == 2


@pytest.mark.peers
@pytest.mark.parametrize(
    ("keyword", "value"),
    [
        ("PatientSex", "U"),
        ("PatientBirthDate", "19700230"),
        ("StudyDate", "2026.01.02"),
        ("StudyTime", "25:99"),
        ("PatientAge", "81"),
        ("PatientOrientation", ""),
        ("ImagerPixelSpacing", [0, 0]),
        ("ImagerPixelSpacing", None),
        ("SpecificCharacterSet", "ISO_IR 999"),
        ("InstitutionName", "X" * 80),
        ("Manufacturer", "X" * 80),
        ("TimezoneOffsetFromUTC", "soon"),
        ("ProcedureCodeSequence", [Dataset()]),
        ("RequestAttributesSequence", [Dataset()]),
        ("PatientName", "A\nB"),
    ],
)
def test_odd_values_are_put_right(
    tmp_path: Path, film: Dataset, classified: Callable[..., Findings], keyword: str, value: object
) -> None:
    """Real films have values that the standard forbids."""
    with quiet():
        setattr(film, keyword, value)
        path = written(tmp_path, classified(film), film)
    assert dciodvfy(path) == []
    assert pydicom.dcmread(path).StudyDescription == "Chest X-ray"


@pytest.mark.peers
def test_a_film_without_header_still_gets_its_report(
    tmp_path: Path, film: Dataset, refused: Callable[..., Findings]
) -> None:
    """Where nothing could be read, the identifiers that the spool knows are enough."""
    path = written(tmp_path, refused(Unsuitable.UNREADABLE, film))
    assert dciodvfy(path) == []
    assert pydicom.dcmread(path).StudyInstanceUID == film.StudyInstanceUID


def test_a_header_that_defeats_the_builder_still_gets_its_report(
    film: Dataset, classified: Callable[..., Findings], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The result reaches the radiologist under the patient's id, without the rest of the header."""

    def broken(*_: object) -> None:
        raise ValueError("a header nobody thought of")

    monkeypatch.setattr("dicom_node.report.evidence_of", broken)
    report = built(classified(film), film)
    assert (report.PatientID, report.PatientName) == ("P1", "")
    assert coded(report, "705057003") == ["52101004", "272519000"]


# --- what no validator sees --------------------------------------------------------------------------------------
