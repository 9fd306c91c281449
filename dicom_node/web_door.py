"""Films that come by the web: taken as `hilum import` takes files, with the failure reasons of the standard."""

from __future__ import annotations

import threading
from typing import IO, TYPE_CHECKING, Final

from dicom_node.identifiers import SOP_CLASS_UID, SOP_INSTANCE_UID, STUDY_INSTANCE_UID
from dicom_node.importer import OUTCOMES, Importer, identifiers_of
from dicom_node.media import Outcome, Source
from dicom_node.status import StoreStatus
from domain.dicomweb import Taken
from domain.errors import Transient
from domain.status import Status

if TYPE_CHECKING:
    from dicom_node.arrivals import Storage
    from domain.ids import AeTitle

_TAKEN: Final = frozenset(OUTCOMES.values()) - {Outcome.CONFLICT}


class WebFailure(Status):
    """Failure Reason (0008,1197) of a film that was not taken (PS3.18 Table I.2-2), beside those of C-STORE."""

    SOP_CLASS_NOT_SUPPORTED = 0x0122, "The SOP class is none that is taken."
    TRANSFER_SYNTAX_NOT_SUPPORTED = 0xC122, "The transfer syntax is none that is taken."


_REASONS: Final = {
    Outcome.ANOTHER_SOP_CLASS: WebFailure.SOP_CLASS_NOT_SUPPORTED,
    Outcome.DIRECTORY: WebFailure.SOP_CLASS_NOT_SUPPORTED,
    Outcome.TRANSFER_SYNTAX: WebFailure.TRANSFER_SYNTAX_NOT_SUPPORTED,
    Outcome.CONFLICT: StoreStatus.DUPLICATE_SOP_INSTANCE,
    Outcome.TOO_LARGE: StoreStatus.OUT_OF_RESOURCES,
}
"""The rest can't be understood."""


class WebFilmDoor:
    """Implements `domain.dicomweb.FilmDoor`."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self._stop = threading.Event()

    def take(self, file: IO[bytes], size_bytes: int, *, source: AeTitle, study_uid: str) -> Taken:
        """Take one file; without a failure it survives a power cut."""
        known = identifiers_of(file)
        file.seek(0)
        if study_uid and known.get(STUDY_INSTANCE_UID) != study_uid:
            return _taken(known, StoreStatus.DATA_SET_DOES_NOT_MATCH)
        importer = Importer(self._storage, source=source, stop=self._stop)
        try:
            outcome = importer.take(Source(name="", size_bytes=size_bytes, open=lambda: file))
        except Transient:
            return _taken(known, StoreStatus.OUT_OF_RESOURCES)
        return _taken(known, None if outcome in _TAKEN else _REASONS.get(outcome, StoreStatus.CANNOT_UNDERSTAND))


def _taken(known: dict[int, str], failure: int | None) -> Taken:
    return Taken(
        sop_class_uid=known.get(SOP_CLASS_UID, ""),
        sop_instance_uid=known.get(SOP_INSTANCE_UID, ""),
        study_uid=known.get(STUDY_INSTANCE_UID, ""),
        failure=None if failure is None else int(failure),
    )
