"""What a received film is, and why it may not be classified."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from domain.priority import Priority
from domain.subject import StudyIdentity

if TYPE_CHECKING:
    from collections.abc import Mapping

    from domain.ids import SeriesUid, SopInstanceUid, StudyId, StudyUid

GreyImage = npt.NDArray[np.float32]
"""One rendered film: (rows, columns), float32, 0.0 = black to 1.0 = white as a viewer shows it."""

SquareFilm = npt.NDArray[np.float32]
"""A film as the networks take it: (224, 224), float32, 0.0 to 1.0."""


class View(StrEnum):
    """Projection of a chest film, as far as its header tells."""

    PA = "PA"
    AP = "AP"
    FRONTAL = "FRONTAL"
    LATERAL = "LATERAL"
    OBLIQUE = "OBLIQUE"
    UNKNOWN = "UNKNOWN"

    @property
    def is_frontal(self) -> bool:
        """Whether the classifier was made for this projection."""
        return self in FRONTAL_PREFERENCE


FRONTAL_PREFERENCE = (View.PA, View.AP, View.FRONTAL)
"""Frontal views, the one to classify first."""


class Unsuitable(StrEnum):
    """Why a film is not classified; the value is stored, shown and counted."""

    UNREADABLE = "unreadable"
    NO_PIXEL_DATA = "no-pixel-data"
    PIXELS_CORRUPT = "pixels-corrupt"
    MULTI_FRAME = "multi-frame"
    NOT_AN_XRAY = "not-an-x-ray"
    NOT_FOR_PRESENTATION = "not-for-presentation"
    NOT_CHEST = "not-chest"
    NOT_HUMAN = "not-human"
    NOT_FRONTAL = "not-frontal"
    VIEW_UNKNOWN = "view-unknown"
    NO_CONTRAST = "no-contrast"
    TOO_SMALL = "too-small"
    BADLY_EXPOSED = "badly-exposed"
    INVERTED = "inverted"
    NOT_A_CHEST_FILM = "not-a-chest-film"
    NO_LUNGS = "no-lungs"

    @property
    def sentence(self) -> str:
        """The reason in words for a report, without any of the patient's data."""
        return _SENTENCES[self]


_SENTENCES = {
    Unsuitable.UNREADABLE: "The file could not be read as DICOM, JPEG or PNG.",
    Unsuitable.NO_PIXEL_DATA: "The object holds no pixel data.",
    Unsuitable.PIXELS_CORRUPT: "The pixel data is truncated or could not be decoded.",
    Unsuitable.MULTI_FRAME: "The object has several frames; one film is expected.",
    Unsuitable.NOT_AN_XRAY: "The object is not a projection X-ray (CR or DX).",
    Unsuitable.NOT_FOR_PRESENTATION: "The image is for processing, not for presentation.",
    Unsuitable.NOT_CHEST: "The film does not show a chest, by its header.",
    Unsuitable.NOT_HUMAN: "The film does not show a human, by its header.",
    Unsuitable.NOT_FRONTAL: "The film is not a frontal (PA or AP) view.",
    Unsuitable.VIEW_UNKNOWN: "The header does not tell whether the film is a frontal view.",
    Unsuitable.NO_CONTRAST: "The image is blank or nearly so.",
    Unsuitable.TOO_SMALL: "The image has too few pixels to be judged.",
    Unsuitable.BADLY_EXPOSED: "Most of the image is black or white without any detail.",
    Unsuitable.INVERTED: "The image looks inverted: air bright and bone dark.",
    Unsuitable.NOT_A_CHEST_FILM: "The image does not look like an upright frontal chest film.",
    Unsuitable.NO_LUNGS: "No two lungs of plausible size and place were found in the image.",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class ReceivedInstance:
    """One instance that is safe in the store and wants its rows in the database."""

    study_uid: StudyUid
    series_uid: SeriesUid
    sop_instance_uid: SopInstanceUid
    sop_class_uid: str
    transfer_syntax_uid: str
    modality: str
    digest: str
    """SHA-256 of the data set as received, in hexadecimal."""
    size_bytes: int
    path: str
    """Place in the store, relative to its root."""
    calling_ae_title: str
    priority: Priority = Priority.ROUTINE
    identity: StudyIdentity = field(default_factory=StudyIdentity)
    """Whom it is of, for worklists."""


class ConflictPolicy(StrEnum):
    """What is done with content that comes under a known SOP Instance UID and differs from the first."""

    REJECT = "reject"
    """It is refused."""
    KEEP_FIRST = "keep_first"
    """It is kept aside; the first one counts."""
    REPLACE = "replace"
    """It counts from now on; the first one is kept aside."""


class Reception(StrEnum):
    """What recording an instance came to."""

    NEW = "new"
    DUPLICATE = "duplicate"
    """The content is known; if it was deleted meanwhile, it is here again."""
    CONFLICT = "conflict"
    """The SOP Instance UID is known with another content; the first one counts, this one is kept aside."""
    REPLACED = "replaced"
    """The SOP Instance UID is known with another content; this one counts, the first one is kept aside."""
    REJECTED = "rejected"
    """The SOP Instance UID is known with another content; this one is not kept."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Recorded:
    """The answer of the database to a received instance."""

    reception: Reception
    study_id: StudyId
    path: str
    """Where the film that counts lies in the store: the new one's place, or the earlier one's."""

    def keeps(self, path: str) -> bool:
        """Whether a file that the instance brought to a place stays there."""
        return self.path == path or self.reception is Reception.CONFLICT


@dataclass(frozen=True, kw_only=True, slots=True)
class StoredFilm:
    """One received instance as the store and the database know it."""

    study_id: StudyId
    study_uid: StudyUid
    series_uid: SeriesUid
    sop_instance_uid: SopInstanceUid
    sop_class_uid: str
    digest: str
    """SHA-256 of the data set as received, in hexadecimal."""
    path: str
    """Place in the store, relative to its root."""
    deleted_on: str = field(default="", compare=False)
    """Date, YYYY-MM-DD, on which its file was deleted on purpose; empty: it is in the store."""


@dataclass(frozen=True, kw_only=True, slots=True)
class FilmHeader:
    """What the header of one film says about its use: the view, and the reason not to classify it, if there is one."""

    view: View
    unsuitable: Unsuitable | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Developed:
    """What was seen of a study's films, and the best of them as the networks take it."""

    seen: Mapping[SopInstanceUid, FilmHeader]
    """Of every film."""
    film: StoredFilm | None = None
    """The film that is to be classified; none if each has a reason against it."""
    square: SquareFilm | None = None
    seconds: Mapping[str, float] = field(default_factory=dict)
    """How long each stage took of what was done now."""


Picture = npt.NDArray[np.uint8]
"""A picture as it is shown: (rows, columns, 3), red, green and blue, 0 to 255."""

GreyPicture = npt.NDArray[np.uint8]
"""The same in grey: (rows, columns), 0 = black to 255 = white."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Print:
    """A film made for showing: no larger than asked for, beside the square that the networks take."""

    picture: GreyPicture
    square: SquareFilm
    is_resized: bool
    """Whether the picture is smaller than the film: its pixels are then not those of the film."""


GreyLevels = npt.NDArray[np.uint16]
"""A film before its window: (rows, columns), 0 to 65535, the greater the brighter."""


@dataclass(frozen=True, kw_only=True, slots=True)
class GreyScale:
    """What the grey levels of a film stand for, in its own values, and the window that it asks for."""

    black: float
    """The value of the lowest level."""
    white: float
    """The value of the highest level; the smaller one where small values are bright."""
    centre: float
    width: float
    """Always greater than 0."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Plate:
    """A film to be windowed by whoever looks at it: no larger than asked for."""

    levels: GreyLevels
    scale: GreyScale
    film_shape: tuple[int, int]
    """Rows and columns of the film with square pixels; more than those of the levels where it was made smaller."""

    def as_bytes(self) -> bytes:
        """Return the levels row by row, 16 bits each, little endian."""
        return self.levels.astype("<u2", copy=False).tobytes()


class NotClassifiable(Exception):
    """The film can't be turned into a picture for the classifier; it carries the reason."""

    def __init__(self, reason: Unsuitable) -> None:
        super().__init__(reason.sentence)
        self.reason = reason
