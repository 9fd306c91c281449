"""Whom a film is of, read from its first bytes."""

from __future__ import annotations

import pytest
from pydicom import Dataset
from pynetdicom.dsutils import encode

from dicom_node.identifiers import NotADataSet, short_values
from dicom_node.nameplate import WANTED, identity_by
from domain.subject import StudyIdentity


def identity_of(header: Dataset) -> StudyIdentity:
    content = encode(header, is_implicit_vr=False, is_little_endian=True)
    assert content is not None
    return identity_by(lambda: short_values(content, "1.2.840.10008.1.2.1", WANTED, whole=True))


def test_everything_that_worklists_show_is_found() -> None:
    """Patient, order, study, station."""
    header = Dataset()
    header.PatientName, header.PatientID, header.IssuerOfPatientID = "Doe^Jane^^", "P1", "HOSPITAL"
    header.PatientBirthDate, header.PatientSex = "19700101", "F"
    header.AccessionNumber, header.StudyDate, header.StudyTime = "A1", "20261127", "101500.5"
    header.StudyDescription, header.StationName = "Chest PA", "XRAY-ROOM-2"
    assert identity_of(header) == StudyIdentity(
        patient_name="Doe^Jane",
        patient_id="P1",
        issuer_of_patient_id="HOSPITAL",
        patient_birth_date="19700101",
        patient_sex="F",
        accession_number="A1",
        study_date="20261127",
        study_time="101500.5",
        study_description="Chest PA",
        station_name="XRAY-ROOM-2",
    )


@pytest.mark.parametrize(
    ("character_set", "name"),
    [
        ("ISO_IR 100", "Buc^Jérôme"),
        ("ISO_IR 144", "Люкceмбypг"),  # noqa: RUF001 - PS3.5 has Latin letters among them
        ("ISO_IR 192", "Wang^XiaoDong=王^小東"),
        (["", "ISO 2022 IR 87"], "Yamada^Tarou=山田^太郎=やまだ^たろう"),
        ("GB18030", "Wang^XiaoDong=王^小东"),
    ],
)
def test_names_are_read_in_their_character_set(character_set: str | list[str], name: str) -> None:
    """Each group of a name."""
    header = Dataset()
    header.SpecificCharacterSet, header.PatientName = character_set, name
    assert identity_of(header).patient_name == name


def test_what_can_not_be_read_names_nobody() -> None:
    """The film is taken all the same."""

    def broken() -> dict[int, bytes]:
        raise NotADataSet("cut")

    assert identity_by(broken) == StudyIdentity()


def test_bytes_of_no_character_set_break_nothing() -> None:
    """Nor do control characters get on."""
    found = identity_by(lambda: {0x00080005: b"NONSENSE", 0x00100010: b"Doe\xff^J\x00", 0x00100020: b"P\x0b1 "})
    assert (found.patient_id, found.patient_name.startswith("Doe")) == ("P 1", True)


def test_an_identity_never_shows_itself() -> None:
    """In no log, in no traceback."""
    assert "Doe" not in repr(StudyIdentity(patient_name="Doe^Jane"))
