"""The objects beside the report: what they say, and that the tools of others can read them."""

from __future__ import annotations

from dataclasses import replace
from io import BytesIO
from typing import TYPE_CHECKING, Any

import numpy as np
import pydicom
import pytest
from pydicom import Dataset

from dicom_node.capture import build_capture
from dicom_node.document import build_document
from dicom_node.identity import ReportSettings
from dicom_node.presentation import build_presentation
from dicom_node.report import build_report
from dicom_node.selection import build_selection
from dicom_node.silence import quiet
from dicom_node.wrap import wrap_film
from domain.film import Picture, Unsuitable
from tests.reports import CREATED
from tests.validators import dcentvfy, dciodvfy, dcmpschk, dsrdump, pixelmed

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from domain.findings import Findings

SETTINGS = ReportSettings()
PICTURE: Picture = np.arange(140 * 128 * 3, dtype=np.uint8).reshape(140, 128, 3)
PAGES = b"%PDF-1.4 of an odd length"
BUILDERS = {
    "capture": build_capture,
    "presentation": build_presentation,
    "selection": build_selection,
    "document": build_document,
}
KINDS = list(BUILDERS)


def built(kind: str, findings: Findings, *sources: Dataset, **changes: Any) -> Dataset:  # noqa: ANN401 - arguments
    """Build an object, write it, and read it back."""
    return pydicom.dcmread(BytesIO(encoded(kind, findings, *sources, **changes)))


def encoded(kind: str, findings: Findings, *sources: Dataset, **changes: Any) -> bytes:  # noqa: ANN401 - arguments
    """Return an object as a file."""
    arguments = {"created": CREATED, "settings": SETTINGS, **changes}
    if kind == "capture":
        arguments = {"picture": PICTURE, "is_resized": False, **arguments}
    if kind == "document":
        arguments = {"pages": PAGES, **arguments}
    stream = BytesIO()
    with quiet():
        BUILDERS[kind](findings, sources, **arguments).save_as(stream, enforce_file_format=True)  # type: ignore[operator]
    return stream.getvalue()


@pytest.fixture(params=["positive", "negative", "undetermined"])
def outcome(request: pytest.FixtureRequest, film: Dataset, classified: Callable[..., Findings]) -> Findings:
    """Return findings of each outcome that an analysed film may have."""
    scores = {
        "positive": {},
        "negative": {"covid19": 0.05, "normal": 0.9, "pneumonia": 0.05},
        "undetermined": {"covid19": 0.4, "normal": 0.3, "pneumonia": 0.3},
    }
    return classified(film, **scores[request.param])


# --- what others say of them --------------------------------------------------------------------------------------


@pytest.mark.peers
@pytest.mark.parametrize("kind", KINDS)
def test_every_object_is_valid(tmp_path: Path, film: Dataset, outcome: Findings, kind: str) -> None:
    """Modules, value lengths and evidence are right."""
    path = tmp_path / f"{kind}.dcm"
    path.write_bytes(encoded(kind, outcome, film))
    assert dciodvfy(path) == []


@pytest.mark.peers
def test_all_objects_of_a_study_agree(tmp_path: Path, film: Dataset, classified: Callable[..., Findings]) -> None:
    """Patient, study and series say the same in the film, the report and what is beside it."""
    findings = classified(film)
    paths = [tmp_path / name for name in ("film.dcm", "report.dcm", *KINDS)]
    film.save_as(paths[0], enforce_file_format=True)
    build_report(findings, [film], created=CREATED).save_as(paths[1], enforce_file_format=True)
    for path, kind in zip(paths[2:], KINDS, strict=True):
        path.write_bytes(encoded(kind, findings, film))
    assert dcentvfy(*paths) == []


@pytest.mark.peers
def test_a_selection_follows_its_template(tmp_path: Path, film: Dataset, outcome: Findings) -> None:
    """TID 2010, and dcmtk reads the document."""
    path = tmp_path / "selection.dcm"
    path.write_bytes(encoded("selection", outcome, film))
    assert (pixelmed(path), dsrdump(path)) == ([], [])


@pytest.mark.peers
@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
def test_a_presentation_state_is_one_to_dcmtk(
    tmp_path: Path, film: Dataset, classified: Callable[..., Findings], photometric: str
) -> None:
    """It says how the film is displayed, and where the text stands."""
    film.PhotometricInterpretation = photometric
    film.PresentationLUTShape = "INVERSE" if photometric == "MONOCHROME1" else "IDENTITY"
    path = tmp_path / "presentation.dcm"
    path.write_bytes(encoded("presentation", classified(film), film))
    assert (dcmpschk(path), dciodvfy(path)) == ([], [])
    assert pydicom.dcmread(path).PresentationLUTShape == film.PresentationLUTShape


@pytest.mark.peers
def test_a_name_in_any_character_set_is_kept(tmp_path: Path, classified: Callable[..., Findings]) -> None:
    """As UTF-8, where it needs more than ASCII."""
    film = wrap_film(np.arange(9216, dtype=np.uint16).reshape(96, 96), patient_id="P", patient_name="山田^太郎")
    for kind in KINDS:
        path = tmp_path / f"{kind}.dcm"
        path.write_bytes(encoded(kind, classified(film), film))
        made = pydicom.dcmread(path)
        assert (str(made.PatientName), made.SpecificCharacterSet) == ("山田^太郎", "ISO_IR 192")
        assert dciodvfy(path) == []


# --- what they say ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_findings_make_the_same_bytes(film: Dataset, classified: Callable[..., Findings], kind: str) -> None:
    """A lost acknowledgement doubles nothing."""
    assert encoded(kind, classified(film), film) == encoded(kind, classified(film), film)


def test_each_object_has_a_series_of_its_own_in_the_study(film: Dataset, classified: Callable[..., Findings]) -> None:
    """Numbered behind the report's."""
    made = [built(kind, classified(film), film) for kind in KINDS]
    assert {one.StudyInstanceUID for one in made} == {film.StudyInstanceUID}
    assert [one.SeriesNumber for one in made] == [9002, 9003, 9004, 9005]
    uids = {film.SeriesInstanceUID, *(one.SeriesInstanceUID for one in made), *(one.SOPInstanceUID for one in made)}
    assert len(uids) == 1 + 2 * len(KINDS)


@pytest.mark.parametrize("kind", KINDS)
def test_every_object_says_that_it_is_not_for_diagnosis(
    film: Dataset, classified: Callable[..., Findings], kind: str
) -> None:
    """Where a person sees it first."""
    assert "not for diagnosis" in built(kind, classified(film), film).SeriesDescription


@pytest.mark.parametrize("kind", KINDS)
def test_every_object_names_the_network(film: Dataset, classified: Callable[..., Findings], kind: str) -> None:
    """As contributing equipment, with a Device UID (IHE AIR 6.5.3.1)."""
    findings = classified(film)
    names = [
        (one.get("ManufacturerModelName"), one.get("SoftwareVersions"), "DeviceUID" in one)
        for one in built(kind, findings, film).ContributingEquipmentSequence
    ]
    assert (findings.model.name, findings.model.version, True) in names


def test_a_capture_holds_the_picture_and_names_its_film(film: Dataset, classified: Callable[..., Findings]) -> None:
    """Pixel by pixel, in colour; nobody is named in it."""
    capture = built("capture", classified(film), film)
    assert (capture.pixel_array == PICTURE).all()
    (source,) = capture.SourceImageSequence
    assert (source.ReferencedSOPInstanceUID, source.SpatialLocationsPreserved) == (film.SOPInstanceUID, "YES")
    assert (capture.ImageType, capture.ConversionType) == (["DERIVED", "SECONDARY"], "WSD")
    assert (capture.BurnedInAnnotation, capture.PatientOrientation) == ("NO", film.PatientOrientation)


def test_a_smaller_picture_says_that_places_are_not_kept(film: Dataset, classified: Callable[..., Findings]) -> None:
    """Whoever measures in it must know."""
    capture = built("capture", classified(film), film, is_resized=True)
    assert capture.SourceImageSequence[0].SpatialLocationsPreserved == "NO"
    assert [item.CodeValue for item in capture.DerivationCodeSequence] == ["113042", "113085"]


def test_a_presentation_state_keeps_the_window_and_adds_the_result(
    film: Dataset, classified: Callable[..., Findings]
) -> None:
    """The film looks as before; the words stand below it."""
    film.WindowCenter, film.WindowWidth = 2000, 1500
    film.RescaleIntercept, film.RescaleSlope, film.RescaleType = 10, 2, "US"
    state = built("presentation", classified(film), film)
    (window,) = state.SoftcopyVOILUTSequence
    assert (window.WindowCenter, window.WindowWidth, state.RescaleSlope, state.RescaleIntercept) == (2000, 1500, 2, 10)
    (annotation,) = state.GraphicAnnotationSequence
    (words,) = annotation.TextObjectSequence
    assert "COVID19" in words.UnformattedTextValue
    assert "NOT FOR DIAGNOSTIC USE" in words.UnformattedTextValue
    (area,) = state.DisplayedAreaSelectionSequence
    assert area.DisplayedAreaBottomRightHandCorner == [film.Columns, film.Rows]


def test_a_selection_names_the_analysed_film_alone(film: Dataset, classified: Callable[..., Findings]) -> None:
    """Of two films, the one that the result rests on."""
    other = wrap_film(
        np.arange(6400, dtype=np.uint16).reshape(80, 80), patient_id="P1", patient_name="Doe^Jane", study_uid="2.25.1"
    )
    selection = built("selection", classified(film, other), film, other)
    uids = [one.ReferencedSOPSequence[0].ReferencedSOPInstanceUID for one in selection.ContentSequence[-1:]]
    assert uids == [film.SOPInstanceUID]
    (evidence,) = selection.CurrentRequestedProcedureEvidenceSequence
    (series,) = evidence.ReferencedSeriesSequence
    assert [one.ReferencedSOPInstanceUID for one in series.ReferencedSOPSequence] == [film.SOPInstanceUID]


# --- what can't be made -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["capture", "presentation", "selection"])
def test_without_an_analysed_film_there_is_no_object(
    film: Dataset, refused: Callable[..., Findings], kind: str
) -> None:
    """There is nothing to show."""
    with pytest.raises(ValueError, match="analysed film"):
        built(kind, refused(Unsuitable.NOT_FRONTAL, film), film)


@pytest.mark.peers
@pytest.mark.parametrize("kind", ["capture", "selection", "document"])
def test_a_film_without_a_readable_header_has_its_object_all_the_same(
    tmp_path: Path, film: Dataset, classified: Callable[..., Findings], kind: str
) -> None:
    """Patient and study are empty then, as in the report."""
    path = tmp_path / "object.dcm"
    path.write_bytes(encoded(kind, classified(film)))
    assert dciodvfy(path) == []


def test_a_presentation_state_of_a_film_without_a_size_is_refused(
    film: Dataset, classified: Callable[..., Findings]
) -> None:
    """It would show nobody knows what."""
    del film.Rows
    with pytest.raises(ValueError, match="rows and columns"):
        built("presentation", classified(film), film)


def test_an_object_of_another_network_is_another_object(film: Dataset, classified: Callable[..., Findings]) -> None:
    """It does not take the place of the first one."""
    first = classified(film)
    second = replace(first, model=replace(first.model, sha256="cd" * 32))
    for kind in KINDS:
        assert built(kind, first, film).SOPInstanceUID != built(kind, second, film).SOPInstanceUID
