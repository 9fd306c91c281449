"""What the web server needs of the DICOM room, in the DICOM JSON model (PS3.18 Annex F); see `domain.ports`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from domain.ids import AeTitle

DicomJson = dict[str, Any]
"""A data set: by tag in eight hexadecimal digits, `vr` and `Value`."""


class BadQuery(ValueError):
    """The query has an attribute that there is not, or a value that can't be; the text says which attribute."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """A study, a series of it, or an instance of that (PS3.18 Section 10.1.1)."""

    study_uid: str
    series_uid: str = ""
    """Empty: the whole study."""
    instance_uid: str = ""
    """Empty: the whole series."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Page:
    """Which part of the answers is wanted."""

    limit: int
    offset: int = 0


class ResultLibrary(Protocol):
    """Our own results as the instances that peers get; each method raises `Transient` while they can't be reached."""

    def studies(self, parameters: Sequence[tuple[str, str]], page: Page) -> list[DicomJson]:
        """Return studies with a result that meet a query, the last received first.

        Raises:
            BadQuery: it can't be understood.
        """
        ...

    def series(self, study_uid: str, parameters: Sequence[tuple[str, str]], page: Page) -> list[DicomJson]:
        """Return the series of a study's results that meet a query; raises the same."""
        ...

    def instances(self, place: Place, parameters: Sequence[tuple[str, str]], page: Page) -> list[DicomJson]:
        """Return the instances of a study or series that meet a query; raises the same."""
        ...

    def metadata(self, place: Place) -> list[DicomJson]:
        """Return every attribute of the instances of a place; an empty list where there is none."""
        ...

    def files(self, place: Place) -> Iterator[bytes]:
        """Yield the instances of a place as DICOM files in Explicit VR Little Endian (PS3.10 Section 7)."""
        ...


@dataclass(frozen=True, kw_only=True, slots=True)
class Taken:
    """What became of one instance that was sent."""

    sop_class_uid: str
    sop_instance_uid: str
    study_uid: str
    failure: int | None
    """Failure Reason (0008,1197); none: it is durable, or was so before."""


class FilmDoor(Protocol):
    """Takes films that come by the web."""

    def take(self, file: IO[bytes], size_bytes: int, *, source: AeTitle, study_uid: str) -> Taken:
        """Take one file; without a failure it survives a power cut.

        Args:
            file: DICOM, at its beginning; it can be read twice.
            size_bytes: of the file.
            source: what it is recorded to come from.
            study_uid: the only study that it may be of; empty: any.
        """
        ...


@dataclass(frozen=True, kw_only=True, slots=True)
class StepReply:
    """What is answered to a request to change a step of the worklist."""

    status: int
    """DIMSE status (PS3.4 Annex CC)."""
    name: str
    is_done: bool


class StepDesk(Protocol):
    """The reading worklist; each method raises `Transient` while the database is away."""

    def find(self, parameters: Sequence[tuple[str, str]], page: Page) -> list[DicomJson]:
        """Return steps that meet a query, the most urgent first.

        Raises:
            BadQuery: it can't be understood.
        """
        ...

    def get(self, uid: str) -> DicomJson | None:
        """Return a step with all its attributes; None where there is none."""
        ...

    def change_state(self, uid: str, wanted: Mapping[str, Any], *, performer: str) -> StepReply:
        """Claim a step, or complete or cancel it, by the Transaction UID and Procedure Step State of a data set."""
        ...

    def modify(self, uid: str, modifications: Mapping[str, Any], *, transaction_uid: str) -> StepReply:
        """Change a step."""
        ...
