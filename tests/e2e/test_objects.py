"""Every object of a result, on the whole way from dcmtk to Orthanc."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import pydicom
import pytest
from pydicom import Dataset

from tests.films import PATIENT, film, saved
from tests.peers import Orthanc, free_port, hilum, orthanc, settings_file, storescu, wait_for
from tests.validators import dcentvfy, dciodvfy

pytestmark = pytest.mark.peers

OBJECTS = ["report", "capture", "presentation", "selection", "document"]
MODALITIES = {"SR", "OT", "PR", "KO", "DOC"}


def objects_of(pacs: Orthanc, sent: Dataset) -> list[Dataset]:
    """Return what the PACS holds in a film's study."""
    found = [each for each in pacs.get("/instances?expand") if each["MainDicomTags"]["SOPInstanceUID"]]
    read = [pydicom.dcmread(BytesIO(pacs.file(each["ID"]))) for each in found]
    return [each for each in read if each.StudyInstanceUID == sent.StudyInstanceUID]


def test_the_pacs_gets_every_object_that_was_asked_for(tmp_path: Path) -> None:
    """Report, picture, state, key image and document lie in the study, agree with each other, and are valid."""
    port = free_port()
    with orthanc(tmp_path / "orthanc") as pacs:
        config = settings_file(
            tmp_path,
            home=str(tmp_path / "home"),
            node={"port": port, "study_quiet_seconds": 0.2},
            peers=[
                {"name": "xray", "ae_title": "XRAY1", "host": "127.0.0.1", "port": 1, "may_send": True},
                {"name": "pacs", "ae_title": "ORTHANC", "host": "127.0.0.1", "port": pacs.dicom_port},
                {"name": "gone", "ae_title": "GONE", "host": "127.0.0.1", "port": 1},
            ],
            routes=[
                {"objects": OBJECTS, "peers": ["pacs"]},
                {"objects": ["report"], "peers": ["gone"], "instead": "pacs", "instead_after_seconds": 1},
            ],
        )
        sent = film(901)
        with hilum(config, "up") as running:
            running.wait_until("worker-ready")
            running.wait_until("node-ready")
            assert storescu(port, saved(sent, tmp_path))[0] == 0
            found = wait_for(lambda: [each for each in [objects_of(pacs, sent)] if len(each) == len(OBJECTS)])[0]
            text = running.log.read_text()
    assert {one.Modality for one in found} == MODALITIES
    capture = next(one for one in found if one.Modality == "OT")
    assert capture.pixel_array.shape[2] == 3
    (document,) = (one for one in found if one.Modality == "DOC")
    assert document.EncapsulatedDocument.startswith(b"%PDF-")
    files = [saved(one, tmp_path) for one in (sent, *found)]
    assert [dciodvfy(file) for file in files[1:]] == [[]] * len(OBJECTS)
    assert dcentvfy(*files) == []
    assert [word for word in (PATIENT, "SECRET-ID", "unexpected") if word in text] == []
