"""Films without their patients, checked against the profile's table as typed from PS3.15 Annex E, not the library's."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import pydicom
import pytest
from pydicom.dataset import Dataset

from dicom_node.deidentify import Deidentifier, Film, LeftOut, NotExported
from tests.films import film
from tests.validators import dciodvfy

KEY = b"a key for the tests of this module"
NAME, NUMBER = "Quittenbaum^Anna", "PID-77031"
# PS3.15 Table E.1-1, Basic Profile: what such films have.
REMOVED = {
    "AdditionalPatientHistory": NAME, "AdmittingDiagnosesDescription": NAME, "Allergies": NAME, "BranchOfService": NAME,
    "CountryOfResidence": NAME, "CurrentPatientLocation": NAME, "DerivationDescription": NAME,
    "EthnicGroup": "X", "ImageComments": NAME, "InstitutionAddress": NAME, "InstitutionalDepartmentName": NAME,
    "IssuerOfPatientID": "CLINIC", "MedicalAlerts": NAME, "MedicalRecordLocator": NAME, "MilitaryRank": "X",
    "NameOfPhysiciansReadingStudy": NAME, "Occupation": "X", "OtherPatientIDs": NUMBER, "OtherPatientNames": NAME,
    "PatientAddress": NAME, "PatientBirthName": NAME, "PatientComments": NAME, "PatientMotherBirthName": NAME,
    "PatientReligiousPreference": "X", "PatientState": NAME, "PatientTelephoneNumbers": "123",
    "PerformedProcedureStepDescription": NAME, "PerformedProcedureStepID": "P1",
    "PerformedProcedureStepStartDate": "20260101", "PhysiciansOfRecord": NAME, "ReferringPhysicianAddress": NAME,
    "RegionOfResidence": "X", "RequestingPhysician": NAME,
    "RequestingService": NAME, "ScheduledProcedureStepDescription": NAME, "SeriesDescription": NAME,
    "StudyComments": NAME, "StudyDescription": NAME, "VisitComments": NAME, "PatientAge": "050Y", "PatientSize": "1.8",
    "PatientWeight": "80", "PatientBirthTime": "120000",
}  # fmt: skip
EMPTIED = {
    "AccessionNumber": "ACC-1", "PatientBirthDate": "19610203", "PatientSex": "F", "ReferringPhysicianName": NAME,
    "StudyDate": "20260102", "StudyTime": "101112", "StudyID": "S1",
}  # fmt: skip
NOT_KEPT = {
    "InstitutionName": NAME, "OperatorsName": NAME, "PerformingPhysicianName": NAME, "ProtocolName": NAME,
    "StationName": "ROOM-Q", "DeviceSerialNumber": "SN-99", "SeriesDate": "20260102", "AcquisitionDate": "20260102",
    "ContentDate": "20260102", "AcquisitionDateTime": "20260102101112",
}  # fmt: skip
"""Removed, emptied or replaced, as the object requires."""


def full(number: int = 1, **changes: str) -> Dataset:
    """Return a film with all of that, in sequences and private attributes too."""
    made = film(number)
    for keyword, value in {**REMOVED, **EMPTIED, **NOT_KEPT, **changes}.items():
        setattr(made, keyword, value)
    made.PatientName, made.PatientID = changes.get("PatientName", NAME), changes.get("PatientID", NUMBER)
    request = Dataset()
    request.RequestedProcedureID, request.RequestedProcedureDescription = "R1", NAME
    made.RequestAttributesSequence = [request]
    source = Dataset()
    source.ReferencedSOPClassUID, source.ReferencedSOPInstanceUID = made.SOPClassUID, made.SOPInstanceUID
    source.add_new(0x00331010, "LO", NAME)
    made.SourceImageSequence = [source]
    made.AcquisitionDeviceProcessingDescription = f"for {NAME.replace('^', ' ')}"  # the profile may leave it
    made.private_block(0x0011, "QUITTENBAUM 1.0", create=True).add_new(0x01, "LO", NAME)
    made.add_new(0x60004000, "LT", NAME)
    made.file_meta.SourceApplicationEntityTitle = "QUITTENBAUM"
    return made


def treated(dataset: Dataset, *, key: bytes = KEY, **options: bool) -> tuple[Film, Dataset]:
    content = BytesIO()
    dataset.save_as(content, enforce_file_format=True)
    content.seek(0)
    made = Deidentifier(key=key, **options).film(content)
    return made, pydicom.dcmread(BytesIO(made.content))


@pytest.fixture(scope="module")
def done() -> tuple[Film, Dataset]:
    """A film after it."""
    return treated(full())


@pytest.mark.parametrize("keyword", sorted(REMOVED))
def test_what_the_table_removes_has_no_value(done: tuple[Film, Dataset], keyword: str) -> None:
    """It may be there, empty, where the table leaves that open."""
    assert not done[1].get(keyword)


@pytest.mark.parametrize("keyword", sorted(EMPTIED))
def test_what_the_table_empties_is_empty(done: tuple[Film, Dataset], keyword: str) -> None:
    """Type 2: it stays, without a value."""
    assert done[1][keyword].is_empty


@pytest.mark.parametrize("keyword", sorted(NOT_KEPT))
def test_what_the_table_replaces_is_not_what_it_was(done: tuple[Film, Dataset], keyword: str) -> None:
    """Gone, empty or a dummy."""
    assert str(done[1].get(keyword)) != NOT_KEPT[keyword]


def test_the_patient_is_nowhere_in_the_file(done: tuple[Film, Dataset]) -> None:
    """Neither in sequences nor in private attributes, overlays or the head."""
    content = done[0].content.lower()
    for secret in (b"quittenbaum", b"anna", NUMBER.lower().encode(), b"acc-1"):
        assert secret not in content
    assert not [element for element in done[1].iterall() if element.tag.is_private]


def test_it_says_what_was_done(done: tuple[Film, Dataset]) -> None:
    """PS3.3 C.7.1.1, CID 7050."""
    dataset = done[1]
    assert (dataset.PatientIdentityRemoved, dataset.LongitudinalTemporalInformationModified) == ("YES", "REMOVED")
    assert [one.CodeValue for one in dataset.DeidentificationMethodCodeSequence] == ["113100"]
    assert "PS3.15" in dataset.DeidentificationMethod


def test_uids_are_new_and_agree(done: tuple[Film, Dataset]) -> None:
    """Within a film, and between films of a study; classes stay."""
    dataset, before = done[1], full()
    other = treated(full(2, StudyInstanceUID=before.StudyInstanceUID))[1]
    assert dataset.StudyInstanceUID == other.StudyInstanceUID != before.StudyInstanceUID
    assert dataset.SOPInstanceUID != other.SOPInstanceUID
    assert dataset.file_meta.MediaStorageSOPInstanceUID == dataset.SOPInstanceUID != before.SOPInstanceUID
    (source,) = dataset.SourceImageSequence
    assert (source.ReferencedSOPInstanceUID, source.ReferencedSOPClassUID) == (
        dataset.SOPInstanceUID,
        before.SOPClassUID,
    )


def test_a_pseudonym_is_of_its_patient_and_key() -> None:
    """The same for each film of a patient; another for another patient or by another key."""
    first, second = treated(full(1))[0], treated(full(2))[0]
    assert first.patient == second.patient
    assert treated(full(1, PatientID="OTHER"))[0].patient != first.patient
    assert treated(full(1), key=b"another key of sixteen bytes")[0].patient != first.patient


def test_dates_can_be_kept_apart() -> None:
    """Shifted by the patient's own number of days, so that what lies between two examinations stays."""
    first, second = (treated(full(1, StudyDate=date), shifts_dates=True)[1] for date in ("20260102", "20260109"))
    days = [pydicom.valuerep.DA(one.StudyDate) for one in (first, second)]
    assert days[0] is not None
    assert days[1] is not None
    assert (days[1] - days[0]).days == 7
    assert first.StudyDate < "20260102"
    assert first.AcquisitionDateTime[:8] == first.StudyDate
    assert not first.PatientBirthDate
    assert first.LongitudinalTemporalInformationModified == "MODIFIED"
    assert [one.CodeValue for one in first.DeidentificationMethodCodeSequence] == ["113100", "113107"]


def test_characteristics_can_be_kept() -> None:
    """Sex and age, for the figures by group; not the birth date."""
    made, dataset = treated(full(), keeps_characteristics=True)
    assert (made.sex, dataset.PatientSex, dataset.PatientAge, dataset.PatientBirthDate) == ("F", "F", "050Y", "")
    assert [one.CodeValue for one in dataset.DeidentificationMethodCodeSequence] == ["113100", "113108"]


def test_the_film_is_still_one(done: tuple[Film, Dataset], tmp_path: Path) -> None:
    """The pixels are the same, and a validator accepts it."""
    assert done[1].PixelData == full().PixelData
    file = tmp_path / "film.dcm"
    file.write_bytes(done[0].content)
    assert dciodvfy(file) == []


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"BurnedInAnnotation": "YES"}, LeftOut.BURNED_IN),
        ({"SOPClassUID": "1.2.840.10008.5.1.4.1.1.7"}, LeftOut.NO_FILM),
    ],
)
def test_what_may_show_a_name_is_left_out(changes: dict[str, str], reason: LeftOut) -> None:
    """Films with writing in the picture, secondary captures."""
    with pytest.raises(NotExported) as refusal:
        treated(full(**changes))
    assert refusal.value.reason is reason


def test_writing_in_the_picture_can_be_taken_into_account() -> None:
    """By whoever looks at the films; that it is there stays said."""
    assert treated(full(BurnedInAnnotation="YES"), takes_burned_in=True)[1].BurnedInAnnotation == "YES"


@pytest.mark.parametrize("content", [b"", b"no film", bytes(200)])
def test_other_files_are_left_out(content: bytes) -> None:
    """Whatever they hold."""
    with pytest.raises(NotExported):
        Deidentifier(key=KEY).film(BytesIO(content))
