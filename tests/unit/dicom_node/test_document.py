"""The document: an encapsulated PDF of the readable report."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING, Any

import pydicom
import pytest
from pydicom import Dataset

from dicom_node.document import build_document
from dicom_node.identity import ReportSettings
from dicom_node.objects import KINDS, Making
from dicom_node.silence import quiet
from domain.delivery import Dispatch, ResultObject
from domain.film import Unsuitable
from tests.reports import CREATED
from tests.validators import dcentvfy, dciodvfy, dcm2pdf

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from domain.findings import Findings

ODD, EVEN = b"%PDF-1.4\n%%EOF\n", b"%PDF-1.4\n\n%%EOF\n"


def encoded(findings: Findings, *sources: Dataset, pages: bytes = EVEN, **changes: Any) -> bytes:  # noqa: ANN401 - arguments
    """Return a document as a file."""
    stream = BytesIO()
    arguments = {"created": CREATED, "settings": ReportSettings(), **changes}
    with quiet():
        build_document(findings, sources, pages, **arguments).save_as(stream, enforce_file_format=True)
    return stream.getvalue()


def built(findings: Findings, *sources: Dataset, **changes: Any) -> Dataset:  # noqa: ANN401 - arguments
    """Build a document, write it, and read it back."""
    return pydicom.dcmread(BytesIO(encoded(findings, *sources, **changes)))


@pytest.mark.peers
@pytest.mark.parametrize("pages", [ODD, EVEN], ids=["odd", "even"])
def test_dcmtk_finds_the_same_pages(
    tmp_path: Path, film: Dataset, classified: Callable[..., Findings], pages: bytes
) -> None:
    """Byte by byte, without the one that makes the length even."""
    path = tmp_path / "document.dcm"
    path.write_bytes(encoded(classified(film), film, pages=pages))
    assert dcm2pdf(path) == pages


@pytest.mark.peers
def test_a_study_that_could_not_be_processed_has_a_valid_document(
    tmp_path: Path, film: Dataset, refused: Callable[..., Findings]
) -> None:
    """It is in the film's study, and names every film that was looked at."""
    paths = [tmp_path / "film.dcm", tmp_path / "document.dcm"]
    film.save_as(paths[0], enforce_file_format=True)
    paths[1].write_bytes(encoded(refused(Unsuitable.NOT_FRONTAL, film), film))
    assert (dciodvfy(paths[1]), dcentvfy(*paths)) == ([], [])
    (source,) = pydicom.dcmread(paths[1]).SourceInstanceSequence
    assert source.ReferencedSOPInstanceUID == film.SOPInstanceUID


@pytest.mark.peers
def test_a_document_that_takes_the_place_of_another_is_valid(
    tmp_path: Path, film: Dataset, classified: Callable[..., Findings], refused: Callable[..., Findings]
) -> None:
    """It names the one before."""
    before = refused(Unsuitable.NOT_FRONTAL, film)
    path = tmp_path / "document.dcm"
    path.write_bytes(encoded(classified(film), film, predecessor=before))
    (study,) = pydicom.dcmread(path).PredecessorDocumentsSequence
    assert study.StudyInstanceUID == film.StudyInstanceUID
    assert dciodvfy(path) == []


def test_a_document_says_what_it_holds(film: Dataset, classified: Callable[..., Findings]) -> None:
    """A PDF, of a result that nobody signed, about the analysed film, with nobody named on its pages."""
    document = built(classified(film), film, pages=ODD)
    assert (document.Modality, document.MIMETypeOfEncapsulatedDocument) == ("DOC", "application/pdf")
    assert (document.ConversionType, document.BurnedInAnnotation) == ("WSD", "NO")
    assert document.VerificationFlag == "UNVERIFIED"
    assert "not for diagnosis" in document.DocumentTitle
    assert document.ConceptNameCodeSequence[0].CodeValue == "126000"
    assert [one.ReferencedSOPInstanceUID for one in document.SourceInstanceSequence] == [film.SOPInstanceUID]
    assert document.EncapsulatedDocumentLength == len(ODD)


def test_a_document_names_the_one_that_it_takes_the_place_of(
    film: Dataset, classified: Callable[..., Findings], refused: Callable[..., Findings]
) -> None:
    """Under the UID that it was sent under."""
    before = refused(Unsuitable.NOT_FRONTAL, film)
    first, second = built(before, film), built(classified(film), film, predecessor=before)
    (series,) = second.PredecessorDocumentsSequence[0].ReferencedSeriesSequence
    assert series.SeriesInstanceUID == first.SeriesInstanceUID
    assert series.ReferencedSOPSequence[0].ReferencedSOPInstanceUID == first.SOPInstanceUID
    assert "PredecessorDocumentsSequence" not in first


def test_a_document_of_a_film_that_names_no_maker_is_made(film: Dataset, classified: Callable[..., Findings]) -> None:
    """The network is its only equipment then."""
    del film.Manufacturer
    (equipment,) = built(classified(film), film).ContributingEquipmentSequence
    assert equipment.ManufacturerModelName == classified(film).model.name


def test_after_the_document_comes_a_plainer_one(film: Dataset, classified: Callable[..., Findings]) -> None:
    """For the case that the header can't be encoded: with the patient's id, no name, and the same pages."""
    dispatch = Dispatch(peer="pacs", object=ResultObject.DOCUMENT, findings=classified(film), made_at=CREATED)
    kind = KINDS[ResultObject.DOCUMENT]
    making = Making(
        dispatch=dispatch, headers=[film], sop_class_uid=kind.sop_classes[0], settings=ReportSettings(), pages=EVEN
    )
    whole, plain = kind.make(making)
    assert (whole.PatientName, plain.PatientName) == (film.PatientName, "")
    assert (plain.PatientID, plain.SOPInstanceUID) == (film.PatientID, whole.SOPInstanceUID)
    assert plain.EncapsulatedDocument == whole.EncapsulatedDocument == EVEN


def test_without_pages_there_is_no_document(film: Dataset, classified: Callable[..., Findings]) -> None:
    """A peer would keep an empty one."""
    with pytest.raises(ValueError, match="pages"):
        built(classified(film), film, pages=b"")
