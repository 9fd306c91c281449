"""Films that people upload: what is taken, what becomes of it, and who may see it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import IO, TYPE_CHECKING, Final, Protocol

from domain.accounts import Permission

if TYPE_CHECKING:
    from datetime import datetime

    from domain.accounts import Visitor
    from domain.delivery import Dispatch
    from domain.findings import Label, Verdict
    from domain.ids import AccountId, StudyId, StudyUid, UploadId

_JPEG, _PNG = b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n"
_DICOM, _PREAMBLE_BYTES = b"DICM", 128
BYTES_THAT_TELL: Final = _PREAMBLE_BYTES + len(_DICOM)
"""The beginning of a file that says of what kind it is."""


class UploadKind(StrEnum):
    """What a file is, by its first bytes."""

    DICOM = "DICOM"
    JPEG = "JPEG"
    PNG = "PNG"

    @classmethod
    def of(cls, start: bytes) -> UploadKind | None:
        """Return the kind of a file by its beginning, whatever its name says; None: it is none of these."""
        if start.startswith(_JPEG):
            return cls.JPEG
        if start.startswith(_PNG):
            return cls.PNG
        return cls.DICOM if start[_PREAMBLE_BYTES:BYTES_THAT_TELL] == _DICOM else None


class PictureView(StrEnum):
    """Projection of a picture, which says nothing of it itself: whoever uploads it answers for that."""

    PA = "PA"
    AP = "AP"


class Refusal(StrEnum):
    """Why a file is not taken."""

    UNKNOWN_KIND = "unknown-kind"
    DAMAGED = "damaged"
    TOO_MANY_PIXELS = "too-many-pixels"
    NOTHING_TO_SEE = "nothing-to-see"
    NO_FILM = "no-film"
    TOO_COSTLY = "too-costly"

    @property
    def sentence(self) -> str:
        """The reason in words, for whoever uploads the file."""
        return _SENTENCES[self]


_SENTENCES: Final = {
    Refusal.UNKNOWN_KIND: "This is neither DICOM nor JPEG nor PNG, whatever its name says.",
    Refusal.DAMAGED: "The file is damaged: it can't be read to its end.",
    Refusal.TOO_MANY_PIXELS: "The picture has more pixels than any film: 100 million are the most.",
    Refusal.NOTHING_TO_SEE: "The picture is blank, or has fewer than 64 rows or columns.",
    Refusal.NO_FILM: "This DICOM file is no projection X-ray (CR or DX).",
    Refusal.TOO_COSTLY: "Reading the file took more time or memory than a film may.",
}


class BadUpload(Exception):
    """A file is not taken."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.sentence)
        self.refusal = refusal


@dataclass(frozen=True, kw_only=True, slots=True)
class Wish:
    """What somebody wants done with a file."""

    removes_names: bool = True
    """Whether patient and order are replaced by a pseudonym before anything is stored; pictures name nobody."""
    is_to_read: bool = False
    """Whether a radiologist is asked to read it."""
    view: PictureView = PictureView.PA


@dataclass(frozen=True, kw_only=True, slots=True)
class NewUpload:
    """A file that was taken."""

    account: AccountId
    study_id: StudyId
    kind: UploadKind
    size_bytes: int
    """Of the file as it came."""
    is_to_read: bool


class UploadState(StrEnum):
    """How far an upload is."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    STUCK = "stuck"
    """It was held or cancelled; an operator can see why."""

    @property
    def is_open(self) -> bool:
        """Whether it will change by itself."""
        return self in {UploadState.WAITING, UploadState.RUNNING}


@dataclass(frozen=True, kw_only=True, slots=True)
class Upload:
    """An upload as it stands; it says nothing about the patient."""

    id: UploadId
    account: AccountId
    at: datetime
    kind: UploadKind
    size_bytes: int
    is_to_read: bool
    study_id: StudyId
    study_uid: StudyUid
    state: UploadState
    verdict: Verdict | None
    """Of the study's last result; None: there is none yet."""
    label: Label | None
    """The class that it names, if it names one."""

    def may_be_seen_by(self, visitor: Visitor) -> bool:
        """Whether somebody may see it: who uploaded it, and who may see every study."""
        is_own = visitor.account.id == self.account and visitor.may(Permission.UPLOAD)
        return is_own or visitor.may(Permission.READ)


class Uploads(Protocol):
    """The uploads in the database; each method raises `Transient` while it is away."""

    def add(self, upload: NewUpload) -> UploadId:
        """Record that a file was taken."""
        ...

    def last_of(self, account: AccountId, *, at_most: int) -> list[Upload]:
        """Return somebody's own uploads, the last one first."""
        ...

    def find(self, upload_id: UploadId) -> Upload | None:
        """Return an upload; None where there is none."""
        ...

    def result_of(self, upload: Upload) -> Dispatch | None:
        """Return the last result of an upload's study; None where there is none yet."""
        ...


class UploadDoor(Protocol):
    """Takes files of people; nothing that they hold harms the process that asks."""

    def take(self, file: IO[bytes], kind: UploadKind, wish: Wish, *, account: AccountId) -> StudyId:
        """Take a file, and let it be classified at once; when this returns it survives a power cut.

        It gets UIDs that are its account's own: it never becomes part of a study that came by another way, and two
        files of one study become one study again.

        Raises:
            BadUpload: it is no film.
            Transient: disk or database can't take it now.
        """
        ...
