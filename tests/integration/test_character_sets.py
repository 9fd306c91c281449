"""Films in the scripts of the world: received, understood, and reported with the patient's name as it came."""

from __future__ import annotations

import hashlib
from io import BytesIO
from typing import Final

import pydicom
import pytest
from pydicom import Dataset

from dicom_node.films import SpoolFilms
from dicom_node.report import build_report
from dicom_node.silence import quiet
from dicom_node.spool import Spool
from domain.film import StoredFilm, Unsuitable, View
from domain.findings import Findings, ModelVersion, Probabilities
from domain.ids import SeriesUid, SopInstanceUid, StudyId, StudyUid
from tests.integration.conftest import RunningNode
from tests.integration.test_node import encoded, store_raw
from tests.reports import CREATED
from tests.scripts import SCRIPTS, Script, written

MODEL = ModelVersion(name="hilum-test", version="1.2.3", sha256=hashlib.sha256(b"weights").hexdigest())


def received(node: RunningNode, made: Dataset) -> StoredFilm:
    """Send the film to the node and return what the spool has."""
    with quiet():
        assert store_raw(node.port, encoded(made), instance=str(made.SOPInstanceUID)) == 0
        digest = hashlib.sha256(encoded(made)).hexdigest()
    (path,) = node.spool.rglob(f"*-{digest[:16]}.dcm")
    return StoredFilm(
        study_id=StudyId(1),
        study_uid=StudyUid(str(made.StudyInstanceUID)),
        series_uid=SeriesUid(str(made.SeriesInstanceUID)),
        sop_instance_uid=SopInstanceUid(str(made.SOPInstanceUID)),
        sop_class_uid=str(made.SOPClassUID),
        digest=digest,
        path=str(path.relative_to(node.spool)),
    )


def reported(node: RunningNode, kept: StoredFilm) -> Dataset:
    """Build the report about the film, write it and read it back."""
    source = SpoolFilms(Spool(node.spool, for_reading=True)).dataset(kept)
    assert source is not None
    scores = Probabilities(covid19=0.1, normal=0.8, pneumonia=0.1)
    findings = Findings(model=MODEL, films=(kept,), analysed=kept, probabilities=scores)
    stream = BytesIO()
    build_report(findings, [source], created=CREATED).save_as(stream, enforce_file_format=True)
    return pydicom.dcmread(BytesIO(stream.getvalue()))


SAID: Final = {
    "none": [("Chest PA", View.PA, None), ("Left knee AP", View.AP, Unsuitable.NOT_CHEST)],
    "Latin": [
        ("Poumons, de face", View.FRONTAL, None),
        ("Thorax, schräg", View.OBLIQUE, Unsuitable.NOT_FRONTAL),
        ("Hüfte a.p.", View.AP, Unsuitable.NOT_CHEST),
    ],
    "Cyrillic": [
        ("Грудная клетка, прямая проекция", View.FRONTAL, None),
        ("Лёгкие, косой снимок", View.OBLIQUE, Unsuitable.NOT_FRONTAL),
        ("Коленный сустав, прямая", View.FRONTAL, Unsuitable.NOT_CHEST),
    ],
    "Japanese, beside ASCII": [
        ("胸部 正面", View.FRONTAL, None),
        ("胸部 側面", View.LATERAL, Unsuitable.NOT_FRONTAL),
        ("腹部 正面", View.FRONTAL, Unsuitable.NOT_CHEST),
    ],
    "Japanese, beside katakana": [
        ("胸部 正面", View.FRONTAL, None),
        ("胸椎 正面", View.FRONTAL, Unsuitable.NOT_CHEST),
    ],
    "Korean": [
        ("흉부 정면", View.FRONTAL, None),
        ("흉부 측면", View.LATERAL, Unsuitable.NOT_FRONTAL),
        ("무릎 정면", View.FRONTAL, Unsuitable.NOT_CHEST),
    ],
    "Chinese": [
        ("胸部正位", View.FRONTAL, None),
        ("胸部侧位", View.LATERAL, Unsuitable.NOT_FRONTAL),
        ("膝关节正位", View.FRONTAL, Unsuitable.NOT_CHEST),
    ],
    "Unicode": [("胸部後前位", View.PA, None), ("腰椎正位", View.FRONTAL, Unsuitable.NOT_CHEST)],
}
"""What a description says, the view in it, and why the film is not classified."""

CASES = [(script, *said) for script, descriptions in SAID.items() for said in descriptions]


@pytest.mark.parametrize(("script", "description", "view", "unsuitable"), CASES)
def test_a_film_is_understood_in_its_own_script(
    node: RunningNode, script: str, description: str, view: View, unsuitable: Unsuitable | None
) -> None:
    """The words of the series tell what it shows, whatever bytes they are."""
    kept = received(node, written(CASES.index((script, description, view, unsuitable)), SCRIPTS[script], description))
    header = SpoolFilms(Spool(node.spool, for_reading=True)).header(kept)
    assert (header.view, header.unsuitable) == (view, unsuitable)


@pytest.mark.parametrize("script", SCRIPTS)
def test_the_report_has_the_names_of_the_film(node: RunningNode, script: str) -> None:
    """Patient and institution read the same, in a set that every reader of today knows."""
    made = SCRIPTS[script]
    report = reported(node, received(node, written(100 + list(SCRIPTS).index(script), made, "Chest PA")))
    assert str(report.PatientName) == made.reads
    assert report.InstitutionName == made.words
    assert report.SpecificCharacterSet == ("ISO_IR 100" if made.reads.isascii() else "ISO_IR 192")


NONSENSE: Final = {
    "a term that nobody knows": (b"KLINGON", b"Buc^J\xe9r\xf4me"),
    "a term of foreign bytes": (b"\xe9\xff\x01", b"Doe^Jane"),
    "forty terms": (b"\\".join([b"ISO 2022 IR 87"] * 40), b"Doe^Jane"),
    "sets that exclude each other": (b"ISO_IR 192\\ISO 2022 IR 149", b"Hong^\x1b$)C\xb1\xe6"),
    "bytes that are no UTF-8": (b"ISO_IR 192", b"Doe^\xff\xfe\xc3"),
    "half a character": (b"\\ISO 2022 IR 87", b"Doe^\x1b$B;"),
    "an escape to nowhere": (b"\\ISO 2022 IR 87", b"Doe^\x1b$)Q\x80\x1b"),
    "no term, foreign bytes": (b"", b"Doe^\xbb\xee\xda"),
}


@pytest.mark.parametrize("name", NONSENSE)
def test_nonsense_still_gets_its_report(node: RunningNode, name: str) -> None:
    """The film is received and judged by its header; the report has the patient's ID, and some name."""
    term, patient = NONSENSE[name]
    script = Script(term=term, name=patient, reads="", encode=str.encode, words="Hospital")
    kept = received(node, written(200 + list(NONSENSE).index(name), script, "Chest PA"))
    report = reported(node, kept)
    assert SpoolFilms(Spool(node.spool, for_reading=True)).header(kept).unsuitable is None
    assert report.PatientID == f"SECRET-ID-{200 + list(NONSENSE).index(name)}"
    assert str(report.PatientName).startswith(("Doe", "Buc", "Hong"))
