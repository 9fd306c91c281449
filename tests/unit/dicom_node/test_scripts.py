"""What the films say of patients in the scripts of the world reads the same in everything that leaves."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING

import numpy as np
import pydicom
import pytest
from pydicom import Dataset

from dicom_node.films import SpoolFilms
from dicom_node.identity import ReportSettings
from dicom_node.objects import KINDS, Making
from dicom_node.silence import quiet
from dicom_node.spool import Spool
from dicom_node.subjects import StoredSubjects
from domain.delivery import Dispatch, ResultObject
from ris.oru import Parties, build_oru
from tests.reports import CREATED
from tests.scripts import SCRIPTS, Script, put, written

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from domain.findings import Findings
    from domain.subject import Subject

NAMES = ("PatientName", "ReferringPhysicianName")
WORDS = ("IssuerOfPatientID", "StudyDescription")
PICTURE = np.zeros((70, 64, 3), dtype=np.uint8)
PAGES = b"%PDF-1.4 stands for the pages"


@pytest.fixture(params=SCRIPTS)
def script(request: pytest.FixtureRequest) -> Script:
    """Each script in turn."""
    return SCRIPTS[request.param]


@pytest.fixture
def findings(script: Script, classified: Callable[..., Findings], tmp_path: Path) -> Findings:
    """Findings about a film in the store whose texts are all in one script."""
    film = written(1, script, "Chest PA")
    other = Dataset()
    other.PatientID = "OTHER"
    put(other, "IssuerOfPatientID", script.encode(script.words))
    film.OtherPatientIDsSequence = [other]
    for keyword in NAMES:
        put(film, keyword, script.name)
    for keyword in WORDS:
        put(film, keyword, script.encode(script.words))
    found = classified(film)
    film.save_as(tmp_path / found.films[0].path, enforce_file_format=True)
    return found


def dispatch(kind: ResultObject, findings: Findings) -> Dispatch:
    return Dispatch(peer="pacs", object=kind, findings=findings, made_at=CREATED)


def made(kind: ResultObject, findings: Findings, folder: Path) -> Dataset:
    """Make an object of the film in the store, write it, and read it back."""
    header = SpoolFilms(Spool(folder)).dataset(findings.films[0])
    assert header is not None
    making = Making(
        dispatch=dispatch(kind, findings),
        headers=[header],
        sop_class_uid=KINDS[kind].sop_classes[0],
        settings=ReportSettings(),
        picture=PICTURE,
        pages=PAGES,
    )
    stream = BytesIO()
    with quiet():
        next(KINDS[kind].make(making)).save_as(stream, enforce_file_format=True)
    return pydicom.dcmread(BytesIO(stream.getvalue()))


@pytest.mark.parametrize("kind", KINDS)
def test_names_and_texts_are_those_of_the_film(
    kind: ResultObject, script: Script, findings: Findings, tmp_path: Path
) -> None:
    """Every group of a name, and words also within an item; in a set that every reader of today knows."""
    one = made(kind, findings, tmp_path)
    assert [str(one[keyword].value) for keyword in NAMES] == [script.reads] * len(NAMES)
    assert [one.get(keyword) for keyword in WORDS] == [script.words] * len(WORDS)
    assert [item.IssuerOfPatientID for item in one.OtherPatientIDsSequence] == [script.words]
    assert one.SpecificCharacterSet == ("ISO_IR 100" if script.reads.isascii() else "ISO_IR 192")


def test_the_message_says_the_names_and_texts_of_the_film(script: Script, findings: Findings, tmp_path: Path) -> None:
    """In UTF-8, as it announces; of a name its first group."""
    subject: Subject = StoredSubjects(Spool(tmp_path)).subject(findings)
    parties = Parties(sending_application="HILUM")
    message = build_oru(dispatch(ResultObject.MESSAGE, findings), subject, parties=parties, device_uid="2.25.5")
    fields = {line[:3]: line.split("|") for line in message.decode("utf-8").split("\r")}
    assert fields["MSH"][17] == "UNICODE UTF-8"
    assert fields["PID"][5].rstrip("^") == script.reads.partition("=")[0]
    assert fields["PID"][3] == f"{subject.patient_id}^^^{script.words}"
    assert fields["OBR"][4].split("^")[1] == script.words
