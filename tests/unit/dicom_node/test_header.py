"""What a header says about a film."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from pydicom.dataset import Dataset

from dicom_node.films import read_film
from dicom_node.header import film_header
from domain.film import Unsuitable, View

if TYPE_CHECKING:
    from pathlib import Path

CR = "1.2.840.10008.5.1.4.1.1.1"
DX = "1.2.840.10008.5.1.4.1.1.1.1"
DX_PROCESSING = "1.2.840.10008.5.1.4.1.1.1.1.1"
CAPTURE = "1.2.840.10008.5.1.4.1.1.7"
CT = "1.2.840.10008.5.1.4.1.1.2"


def header(**attributes: object) -> Dataset:
    """Return the header of a frontal chest film with some attributes changed."""
    dataset = Dataset()
    chest = {"SOPClassUID": CR, "Modality": "CR", "BodyPartExamined": "CHEST", "ViewPosition": "PA"}
    for keyword, value in {**chest, **attributes}.items():
        setattr(dataset, keyword, value)
    return dataset


def coded(value: str, meaning: str = "x", scheme: str = "SCT") -> list[Dataset]:
    """Return a code sequence of one item."""
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, scheme, meaning
    return [item]


@pytest.mark.parametrize(
    ("attributes", "reason"),
    [
        ({}, None),
        ({"SOPClassUID": DX, "PresentationIntentType": "FOR PRESENTATION"}, None),
        ({"SOPClassUID": DX, "PresentationIntentType": "FOR PROCESSING"}, Unsuitable.NOT_FOR_PRESENTATION),
        ({"SOPClassUID": DX_PROCESSING}, Unsuitable.NOT_FOR_PRESENTATION),
        ({"SOPClassUID": CAPTURE, "Modality": "DX"}, None),
        ({"SOPClassUID": CAPTURE, "Modality": "OT"}, Unsuitable.NOT_AN_XRAY),
        ({"SOPClassUID": CT, "Modality": "CT"}, Unsuitable.NOT_AN_XRAY),
        ({"SOPClassUID": CR, "Modality": "MG"}, Unsuitable.NOT_AN_XRAY),
        ({"NumberOfFrames": 2}, Unsuitable.MULTI_FRAME),
        ({"NumberOfFrames": 1}, None),
    ],
)
def test_only_single_projection_films_for_presentation_are_suitable(
    attributes: dict[str, Any], reason: Unsuitable | None
) -> None:
    """SOP class, modality, intent and frames decide what kind of object it is."""
    assert film_header(header(**attributes)).unsuitable is reason


@pytest.mark.parametrize(
    ("attributes", "is_chest"),
    [
        ({"BodyPartExamined": "THORAX"}, True),
        ({"BodyPartExamined": "TORAX"}, True),
        ({"BodyPartExamined": "LUNG"}, True),
        ({"BodyPartExamined": "HIP"}, False),
        ({"BodyPartExamined": "CHESTABDOMEN"}, False),
        ({"BodyPartExamined": "HAND", "SeriesDescription": "CHEST"}, False),
        ({"BodyPartExamined": ""}, True),
        ({"BodyPartExamined": "UNKNOWN", "StudyDescription": "Knie links"}, False),
        ({"BodyPartExamined": "", "StudyDescription": "Thorax p.a."}, True),
        ({"BodyPartExamined": "", "StudyDescription": "Tórax e abdômen"}, False),
        ({"BodyPartExamined": "", "StudyDescription": "THORACIC SPINE AP"}, False),
        ({"BodyPartExamined": "", "SeriesDescription": "胸部正位"}, True),
        ({"BodyPartExamined": "", "SeriesDescription": "胸椎正位"}, False),
        ({"BodyPartExamined": "", "SeriesDescription": "左膝关节正位"}, False),
        ({"BodyPartExamined": "", "SeriesDescription": "Грудной отдел позвоночника"}, False),
        ({"BodyPartExamined": "", "SeriesDescription": "Таз, прямая"}, False),
        ({"BodyPartExamined": "", "SeriesDescription": "무릎 정면"}, False),
        ({"BodyPartExamined": "", "AnatomicRegionSequence": coded("816094009")}, True),
        ({"BodyPartExamined": "", "AnatomicRegionSequence": coded("T-D3000", scheme="SRT")}, True),
        ({"BodyPartExamined": "", "AnatomicRegionSequence": coded("29836001", "Hip")}, False),
    ],
)
def test_the_body_part_is_a_chest_or_not_said(attributes: dict[str, Any], is_chest: bool) -> None:  # noqa: FBT001
    """A named part other than the chest is refused, none at all is taken as the chest."""
    assert film_header(header(**attributes)).unsuitable is (None if is_chest else Unsuitable.NOT_CHEST)


@pytest.mark.parametrize(
    "attributes",
    [
        {"PatientSpeciesDescription": "Canis lupus familiaris"},
        {"PatientSpeciesCodeSequence": coded("448771007", "Canis lupus subspecies familiaris")},
        {"PatientSexNeutered": "ALTERED"},
        {"AcquisitionDeviceProcessingDescription": "CANINE THORAX"},
        {"PerformedProtocolCodeSequence": coded("FCR0217", "FELINE THORAX 0-15cm")},
        {"InstitutionName": "Veterinary Clinic"},
    ],
)
def test_animals_are_refused(attributes: dict[str, Any]) -> None:
    """Species attributes and veterinary words both tell."""
    assert film_header(header(**attributes)).unsuitable is Unsuitable.NOT_HUMAN


def test_a_coded_human_is_human_in_any_clinic() -> None:
    """A species code is believed before a word."""
    species = coded("337915000", "homo sapiens")
    assert film_header(header(PatientSpeciesCodeSequence=species, InstitutionName="Animal Hospital")).unsuitable is None


@pytest.mark.parametrize(
    ("attributes", "view"),
    [
        ({"ViewPosition": "PA"}, View.PA),
        ({"ViewPosition": "AP"}, View.AP),
        ({"ViewPosition": "LL"}, View.LATERAL),
        ({"ViewPosition": "RLD"}, View.LATERAL),
        ({"ViewPosition": "RLO"}, View.OBLIQUE),
        ({"ViewPosition": "AP_SUPINE"}, View.AP),
        ({"ViewPosition": "LATERAL"}, View.LATERAL),
        ({"ViewPosition": "PA", "ViewCodeSequence": coded("399173006")}, View.LATERAL),
        ({"ViewCodeSequence": coded("272479007")}, View.PA),
        ({"ViewCodeSequence": coded("R-10206", scheme="SRT")}, View.AP),
        ({"PatientOrientation": ["L", "F"]}, View.FRONTAL),
        ({"PatientOrientation": ["A", "F"]}, View.LATERAL),
        ({"PatientOrientation": ["L", "F"], "SeriesDescription": "Thorax pa"}, View.PA),
        ({"PatientOrientation": ["L", "F"], "SeriesDescription": "LATERAL"}, View.LATERAL),
        ({"PatientOrientation": ["L", "F"], "StudyDescription": "Chest PA and lateral"}, View.FRONTAL),
        ({"StudyDescription": "Chest PA and lateral"}, View.UNKNOWN),
        ({"SeriesDescription": "W033 Thorax p.a."}, View.PA),
        ({"SeriesDescription": "Thorax seitlich"}, View.LATERAL),
        ({"SeriesDescription": "RX TORAX FRENTE"}, View.FRONTAL),
        ({"SeriesDescription": "Thorax de face"}, View.FRONTAL),
        ({"SeriesDescription": "ОГК прямая"}, View.FRONTAL),
        ({"SeriesDescription": "ОГК боковая"}, View.LATERAL),
        ({"SeriesDescription": "ОГК в косой проекции"}, View.OBLIQUE),
        ({"SeriesDescription": "胸部后前位"}, View.PA),
        ({"SeriesDescription": "Bilateral nipple markers"}, View.UNKNOWN),
        ({"SeriesDescription": "RAO"}, View.OBLIQUE),
        ({}, View.UNKNOWN),
    ],
)
def test_the_view_comes_from_code_position_orientation_or_words(attributes: dict[str, Any], view: View) -> None:
    """What was coded is believed before what was written, and no view before a wrong one."""
    assert film_header(header(**{"ViewPosition": "", **attributes})).view is view


@pytest.mark.parametrize(
    ("position", "reason"),
    [("LL", Unsuitable.NOT_FRONTAL), ("LLO", Unsuitable.NOT_FRONTAL), ("", Unsuitable.VIEW_UNKNOWN)],
)
def test_a_film_that_is_not_surely_frontal_is_refused(position: str, reason: Unsuitable) -> None:
    """Lateral, oblique and unknown views have their own reasons."""
    assert film_header(header(ViewPosition=position)).unsuitable is reason


def test_broken_values_count_as_absent() -> None:
    """Bytes that no converter takes neither raise nor refuse the film."""
    dataset = header()
    dataset.add_new("NumberOfFrames", "LO", "two")
    dataset.add_new("ViewCodeSequence", "LO", "not a sequence")
    assert film_header(dataset).unsuitable is None


def test_an_empty_data_set_is_no_xray() -> None:
    """Nothing said means nothing accepted."""
    assert film_header(Dataset()).unsuitable is Unsuitable.NOT_AN_XRAY


@pytest.mark.parametrize(
    ("file", "view", "reason"),
    [
        ("chest/CR-MONO1-10-chest_rawACR.dcm", View.PA, None),
        ("chest/RG1_chestPA_CR_J2KI.dcm", View.PA, None),
        ("chest/rsna_pneumonia_CR_jpegbaseline_mono2.dcm", View.PA, None),
        ("chest/nih_cxr14_DX_nofinding_implicitLE.dcm", View.UNKNOWN, Unsuitable.VIEW_UNKNOWN),
        ("not_chest/highdicom_dx_DOG_thorax_mono1_small.dcm", View.LATERAL, Unsuitable.NOT_HUMAN),
        ("other_cr/RG2_REF.dcm", View.UNKNOWN, Unsuitable.NOT_CHEST),
        ("other_cr/CR-ModalitySequenceLUT_teeth.dcm", View.UNKNOWN, Unsuitable.NOT_CHEST),
    ],
)
def test_real_films_are_told_apart(real_films: Path, file: str, view: View, reason: Unsuitable | None) -> None:
    """Files of real devices: chests, a hip, teeth and a dog."""
    found, _ = read_film(real_films / file)
    assert (found.view, found.unsuitable) == (view, reason)
