"""The objects that a result can be told as: which SOP classes they have, and what makes them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from domain.delivery import Dispatch, ResultObject

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from pydicom.dataset import Dataset

    from dicom_node.identity import ReportSettings
    from domain.film import Picture


@dataclass(frozen=True, kw_only=True, slots=True)
class Making:
    """What an object is made of."""

    dispatch: Dispatch
    headers: Sequence[Dataset]
    """Of the films that could be read."""
    sop_class_uid: str
    """The one that the peer accepted."""
    settings: ReportSettings
    picture: Picture | None = None
    """(rows, columns, 3), uint8: what a capture shows."""
    is_resized: bool = False
    """Whether the film's pixels in the picture are not those of the film."""
    pages: bytes = b""
    """PDF: what a document shows."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Kind:
    """An object as peers know it."""

    name: str
    """For messages."""
    sop_classes: tuple[str, ...]
    """All hold the same; the one preferred stands first."""
    make: Callable[[Making], Iterator[Dataset]]
    """Yields the object, and after it, if there is one, a plainer one for the case that the first can't be encoded."""


def _reports(making: Making) -> Iterator[Dataset]:
    from dicom_node.report import build_report, minimal_report  # loads highdicom, which `hilum echo` does not need

    dispatch, headers = making.dispatch, making.headers
    yield build_report(
        dispatch.findings,
        headers,
        created=dispatch.made_at,
        sop_class_uid=making.sop_class_uid,
        settings=making.settings,
        predecessor=dispatch.predecessor,
        is_encoded=True,
    )
    yield minimal_report(
        dispatch.findings,
        headers,
        created=dispatch.made_at,
        sop_class_uid=making.sop_class_uid,
        settings=making.settings,
        predecessor=dispatch.predecessor,
    )


def _captures(making: Making) -> Iterator[Dataset]:
    from dicom_node.capture import build_capture

    if making.picture is None:
        raise ValueError("a capture needs a picture")
    yield build_capture(
        making.dispatch.findings,
        making.headers,
        making.picture,
        created=making.dispatch.made_at,
        settings=making.settings,
        is_resized=making.is_resized,
    )


def _presentations(making: Making) -> Iterator[Dataset]:
    from dicom_node.presentation import build_presentation

    dispatch = making.dispatch
    yield build_presentation(dispatch.findings, making.headers, created=dispatch.made_at, settings=making.settings)


def _selections(making: Making) -> Iterator[Dataset]:
    from dicom_node.selection import build_selection

    dispatch = making.dispatch
    yield build_selection(dispatch.findings, making.headers, created=dispatch.made_at, settings=making.settings)


def _documents(making: Making) -> Iterator[Dataset]:
    from dicom_node.document import build_document
    from dicom_node.evidence import minimal_evidence_of

    dispatch, headers = making.dispatch, making.headers
    for sources in (headers, minimal_evidence_of(dispatch.findings, headers)[:1]):
        yield build_document(
            dispatch.findings,
            sources,
            making.pages,
            created=dispatch.made_at,
            settings=making.settings,
            predecessor=dispatch.predecessor,
        )


KINDS: Mapping[ResultObject, Kind] = {
    ResultObject.REPORT: Kind(
        name="structured report",
        sop_classes=(
            "1.2.840.10008.5.1.4.1.1.88.34",  # Comprehensive 3D SR Storage
            "1.2.840.10008.5.1.4.1.1.88.33",  # Comprehensive SR Storage
            "1.2.840.10008.5.1.4.1.1.88.22",  # Enhanced SR Storage
        ),
        make=_reports,
    ),
    ResultObject.CAPTURE: Kind(
        name="secondary capture",
        sop_classes=("1.2.840.10008.5.1.4.1.1.7",),  # Secondary Capture Image Storage
        make=_captures,
    ),
    ResultObject.PRESENTATION: Kind(
        name="presentation state",
        sop_classes=("1.2.840.10008.5.1.4.1.1.11.1",),  # Grayscale Softcopy Presentation State Storage
        make=_presentations,
    ),
    ResultObject.SELECTION: Kind(
        name="key object selection",
        sop_classes=("1.2.840.10008.5.1.4.1.1.88.59",),  # Key Object Selection Document Storage
        make=_selections,
    ),
    ResultObject.DOCUMENT: Kind(
        name="document",
        sop_classes=("1.2.840.10008.5.1.4.1.1.104.1",),  # Encapsulated PDF Storage
        make=_documents,
    ),
}
