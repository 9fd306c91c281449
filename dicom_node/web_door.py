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

if TYPE_CHECKING:
    from dicom_node.arrivals import Storage
    from domain.ids import AeTitle

_NOT_SUPPORTED: Final = 0x0122
"""Referenced SOP Class not supported (PS3.4 Table J.3.3-1, PS3.18 Table I.2-2)."""
_TRANSFER_SYNTAX: Final = 0xC122
"""Referenced transfer syntax not supported (PS3.18 Table I.2-2)."""
_REASONS: Final = {
    Outcome.ANOTHER_SOP_CLASS: _NOT_SUPPORTED,
    Outcome.DIRECTORY: _NOT_SUPPORTED,
    Outcome.TRANSFER_SYNTAX: _TRANSFER_SYNTAX,
    Outcome.CONFLICT: int(StoreStatus.DUPLICATE_SOP_INSTANCE),
    Outcome.TOO_LARGE: int(StoreStatus.OUT_OF_RESOURCES),
}
"""The rest can't be understood."""
_TAKEN: Final = frozenset(OUTCOMES.values()) - {Outcome.CONFLICT}


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
