"""Films from files: taken as if they had come by C-STORE, with the same bytes, the same rows and the same safety."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from lzma import LZMAError
from typing import IO, TYPE_CHECKING, Final
from zipfile import BadZipFile

from dicom_node.arrivals import NO_ROOM, StorageArrival, why_not_now
from dicom_node.command_set import C_STORE_RQ, Command
from dicom_node.contexts import COMPRESSED, RECEIVED_SOP_CLASSES, UNCOMPRESSED
from dicom_node.encoding import DataSetPlace, NotDicom, NotUnderstood, data_set_place
from dicom_node.identifiers import SOP_CLASS_UID, SOP_INSTANCE_UID, NotADataSet, TooShort, identifiers
from dicom_node.media import Outcome
from dicom_node.status import StoreStatus
from domain.errors import Transient
from domain.film import Reception

if TYPE_CHECKING:
    import threading

    from dicom_node.arrivals import Storage
    from dicom_node.media import Source
    from domain.ids import AeTitle

LARGEST_BYTES: Final = 2_000_000_000
"""A file or a member of an archive that is longer is not read on: no chest film is, but a zip bomb may be."""
_START_BYTES: Final = 64 * 1024
"""Enough of nearly every film to find its identifiers."""
_LONGEST_START_BYTES: Final = 4 * 1024 * 1024
_PIECE_BYTES: Final = 1024 * 1024
_PIECES_BETWEEN_LOOKS = 64
"""How often the room on the disk is looked at while one film is written."""
_TRANSFER_SYNTAXES = frozenset((*UNCOMPRESSED, *COMPRESSED))
_DIRECTORY_SOP_CLASS = "1.2.840.10008.1.3.10"
"""Media Storage Directory Storage: a DICOMDIR (PS3.3 Annex F)."""


OUTCOMES = {
    Reception.NEW: Outcome.NEW,
    Reception.DUPLICATE: Outcome.DUPLICATE,
    Reception.CONFLICT: Outcome.KEPT_ASIDE,
    Reception.REPLACED: Outcome.REPLACED,
    Reception.REJECTED: Outcome.CONFLICT,
}


class Interrupted(Exception):
    """Somebody asked to stop; the film at hand is left out, those before it are taken."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Film:
    """A film that may be taken, as far as it is read."""

    start: memoryview
    """First bytes of its data set."""
    transfer_syntax_uid: str
    command: Command


class _NotTaken(Exception):
    def __init__(self, outcome: Outcome) -> None:
        super().__init__(outcome)
        self.outcome = outcome


class Importer:
    """Takes films from files into the store and the database."""

    def __init__(
        self, storage: Storage, *, source: AeTitle, stop: threading.Event, largest_bytes: int = LARGEST_BYTES
    ) -> None:
        """Take nothing yet.

        Args:
            storage: where films go.
            source: the AE title that they are recorded to come from.
            stop: set by whoever wants to end early.
            largest_bytes: no file is read further.
        """
        self._storage = storage
        self._source = source
        self._stop = stop
        self._largest_bytes = largest_bytes

    def take(self, source: Source) -> Outcome:
        """Take one file; when this returns `NEW` it survives a power cut.

        Raises:
            Transient: disk or database can't take it now, nor any other.
            Interrupted: it was to stop.
        """
        if self._stop.is_set():
            raise Interrupted
        try:
            with source.open() as stream:
                return self._take(stream, source.size_bytes)
        except _NotTaken as refusal:
            return refusal.outcome
        except (BadZipFile, EOFError, NotImplementedError, zlib.error, LZMAError):
            return Outcome.DAMAGED
        except OSError:
            return Outcome.UNREADABLE

    def _take(self, stream: IO[bytes], size_bytes: int) -> Outcome:
        film = _film(stream)
        if max(size_bytes, len(film.start)) > self._largest_bytes:
            return Outcome.TOO_LARGE
        arrival = StorageArrival(self._storage, film.command, film.transfer_syntax_uid, self._source)
        try:
            arrival.write(film.start)
            self._pour(stream, arrival, len(film.start))
            return _outcome(arrival)
        finally:
            arrival.abandon()

    def _pour(self, stream: IO[bytes], arrival: StorageArrival, poured: int) -> None:
        """Let the rest arrive in pieces, as far as there is room for it."""
        pieces = 0
        while arrival.problem is None and (piece := stream.read(_PIECE_BYTES)):
            if self._stop.is_set():
                raise Interrupted
            poured += len(piece)
            if poured > self._largest_bytes:
                raise _NotTaken(Outcome.TOO_LARGE)
            arrival.write(memoryview(piece))
            pieces += 1
            if pieces % _PIECES_BETWEEN_LOOKS == 0 and not self._has_room():
                raise Transient(NO_ROOM)

    def _has_room(self) -> bool:
        try:
            return self._storage.store.has_room(self._storage.reserve_bytes)
        except OSError as error:
            raise Transient("the spool can't be used") from error


def _film(stream: IO[bytes]) -> _Film:
    """Read as much as tells what the file is.

    Raises:
        _NotTaken: it is no film that is taken.
    """
    start, place, values = _begun(stream)
    sop_class = values.get(SOP_CLASS_UID) or place.media_sop_class_uid
    if sop_class not in RECEIVED_SOP_CLASSES:
        raise _NotTaken(_kind(sop_class, place))
    if place.transfer_syntax_uid not in _TRANSFER_SYNTAXES:
        raise _NotTaken(Outcome.TRANSFER_SYNTAX)
    return _Film(
        start=memoryview(start)[place.offset :],
        transfer_syntax_uid=place.transfer_syntax_uid,
        command=Command(
            field=C_STORE_RQ,
            message_id=1,
            data_set_type=0,
            sop_class_uid=values.get(SOP_CLASS_UID, ""),
            sop_instance_uid=values.get(SOP_INSTANCE_UID, ""),
        ),
    )


def identifiers_of(stream: IO[bytes]) -> dict[int, str]:
    """Return the identifiers by tag of the data set that a file begins with, as far as it has them.

    Raises:
        OSError: it can't be read.
    """
    try:
        return _begun(stream)[2]
    except _NotTaken:
        return {}


def _begun(stream: IO[bytes]) -> tuple[bytes, DataSetPlace, dict[int, str]]:
    """Read the beginning of a file, with where its data set is and what that says of itself.

    Raises:
        _NotTaken: it is no data set.
    """
    start = stream.read(_START_BYTES)
    try:
        return start, *_told(start, whole=len(start) < _START_BYTES)
    except TooShort:
        start += stream.read(_LONGEST_START_BYTES - len(start))
        return start, *_told(start, whole=True)


def _told(start: bytes, *, whole: bool) -> tuple[DataSetPlace, dict[int, str]]:
    """Return where the data set is and what it says of itself.

    Raises:
        TooShort: more bytes are needed; never where `whole` is true.
        _NotTaken: it is no data set.
    """
    try:
        place = data_set_place(start, whole=whole)
    except NotDicom as error:
        raise _NotTaken(Outcome.NOT_DICOM) from error
    except NotUnderstood as error:
        raise _NotTaken(Outcome.NOT_UNDERSTOOD) from error
    if place.media_sop_class_uid == _DIRECTORY_SOP_CLASS:
        raise _NotTaken(Outcome.DIRECTORY)
    try:
        return place, identifiers(start[place.offset :], place.transfer_syntax_uid, whole=whole)
    except NotADataSet as error:
        raise _NotTaken(_not_a_data_set(place)) from error


def _not_a_data_set(place: DataSetPlace) -> Outcome:
    """Tell what a file is whose data set can't be parsed."""
    if place.media_sop_class_uid and place.media_sop_class_uid not in RECEIVED_SOP_CLASSES:
        return Outcome.ANOTHER_SOP_CLASS
    return Outcome.NOT_UNDERSTOOD if place.is_marked else Outcome.NOT_DICOM


def _kind(sop_class: str, place: DataSetPlace) -> Outcome:
    if sop_class:
        return Outcome.ANOTHER_SOP_CLASS
    return Outcome.NOT_UNDERSTOOD if place.is_marked else Outcome.NOT_DICOM


def _outcome(arrival: StorageArrival) -> Outcome:
    """Let the film be settled and say what became of it.

    Raises:
        Transient: disk or database can't take it now.
    """
    status = arrival.finish()
    if arrival.recorded is not None:
        return OUTCOMES[arrival.recorded.reception]
    if status is StoreStatus.OUT_OF_RESOURCES:
        raise why_not_now(arrival.problem) from arrival.problem
    if status is StoreStatus.CANNOT_UNDERSTAND:
        return Outcome.NOT_UNDERSTOOD
    return Outcome.REFUSED
