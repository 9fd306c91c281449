"""The DICOM node: takes films from modalities and PACS, and says success only for what is durable."""

from __future__ import annotations

import hashlib
import re
import threading
from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING, Any

from pydicom import dcmread
from pynetdicom import AE, evt

from dicom_node.contexts import offered
from dicom_node.status import StoreStatus
from domain.errors import Misconfigured, Transient
from domain.film import ReceivedInstance, Reception
from domain.ids import SeriesUid, SopInstanceUid, StudyUid

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pydicom import Dataset
    from pynetdicom.events import Event

    from dicom_node.spool import Spool
    from domain.ports import Intake
    from worker.events import Events

_MAXIMUM_PDU_BYTES = 128 * 1024
_ACSE_TIMEOUT_SECONDS = 30
_IDLE_TIMEOUT_SECONDS = 60
_OPENING_PATIENCE_SECONDS = 10.0
_UID = re.compile(r"[0-9.]{1,64}")
_HEADER_TAGS = ["SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID", "Modality"]


class Refused(Exception):
    """The instance is not taken; the status says why."""

    def __init__(self, status: StoreStatus) -> None:
        super().__init__(status.name)
        self.status = status


@dataclass(frozen=True, kw_only=True, slots=True)
class Listener:
    """Where the node listens and whom it hears."""

    ae_title: str
    host: str
    port: int
    """0: any free port."""
    maximum_associations: int
    accepted_ae_titles: Sequence[str]
    """Calling AE titles that may open associations; empty: all."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Storage:
    """What storing needs: a place for files, a place for rows, and a log."""

    spool: Spool
    intake: Intake
    events: Events


class Node:
    """A running SCP of Verification and Storage for CR and DX.

    It listens before the database is found, so that a modality's C-ECHO is answered soon after the start. A film that
    comes before `open_storage` waits for a moment and is then refused as out of resources: its sender tries again.
    """

    def __init__(self, listener: Listener) -> None:
        self._listener = listener
        self._storage: Storage | None = None
        self._is_open = threading.Event()
        self._server: Any = None

    def start(self) -> int:
        """Listen and return the port; senders are served by threads from now on.

        Raises:
            Misconfigured: the address can't be listened on.
        """
        listener = self._listener
        ae = AE(ae_title=listener.ae_title)
        ae.supported_contexts = offered()
        ae.maximum_pdu_size = _MAXIMUM_PDU_BYTES
        ae.maximum_associations = listener.maximum_associations
        ae.acse_timeout = _ACSE_TIMEOUT_SECONDS
        ae.network_timeout = _IDLE_TIMEOUT_SECONDS
        ae.require_calling_aet = list(listener.accepted_ae_titles)
        handlers: list[Any] = [(evt.EVT_C_STORE, self._on_store), (evt.EVT_REJECTED, self._on_rejected)]
        try:
            self._server = ae.start_server((listener.host, listener.port), block=False, evt_handlers=handlers)
        except OSError as error:
            raise Misconfigured(
                f"can't listen on {listener.host}:{listener.port}: {error.strerror}; "
                "choose another node.host or node.port, or stop what uses it"
            ) from error
        return int(self._server.socket.getsockname()[1])

    def open_storage(self, storage: Storage) -> None:
        """Begin to take films."""
        self._storage = storage
        self._is_open.set()

    def stop(self) -> None:
        """Stop listening and end the associations."""
        if self._server is not None:
            self._server.shutdown()
            self._server = None

    def _on_rejected(self, event: Event) -> None:
        if self._storage is not None:
            self._storage.events.warning("association-rejected", calling=_calling(event))

    def _on_store(self, event: Event) -> int:
        self._is_open.wait(_OPENING_PATIENCE_SECONDS)
        if self._storage is None:
            return StoreStatus.OUT_OF_RESOURCES
        return answer(event, self._storage)


def answer(event: Event, storage: Storage) -> StoreStatus:
    """Take one instance and return the status that says what became of it; nothing is raised."""
    try:
        return _store(event, storage)
    except Refused as refusal:
        status = refusal.status
    except (OSError, Transient) as error:
        storage.events.error("storage-unavailable", error=type(error).__name__)
        status = StoreStatus.OUT_OF_RESOURCES
    except Exception as error:  # noqa: BLE001 - pynetdicom would answer with a status of its own
        storage.events.error("store-failed", error=type(error).__name__)
        status = StoreStatus.OUT_OF_RESOURCES
    storage.events.warning("instance-refused", status=status.name, calling=_calling(event))
    return status


def _store(event: Event, storage: Storage) -> StoreStatus:
    content = event.encoded_dataset(include_meta=True)
    instance = _describe(event, content, storage.spool)
    storage.spool.write(instance.path, content)
    recorded = storage.intake.record(instance)
    if recorded.path != instance.path:
        storage.spool.remove(instance.path)
    if recorded.reception is Reception.CONFLICT:
        storage.events.warning("instance-differs", study=recorded.study_id, kept="first")
    else:
        storage.events.info(
            "instance-received",
            study=recorded.study_id,
            reception=recorded.reception,
            bytes=instance.size_bytes,
            calling=instance.calling_ae_title,
        )
    return StoreStatus.SUCCESS


def _describe(event: Event, content: bytes, spool: Spool) -> ReceivedInstance:
    header = _header(content)
    data_set = event.encoded_dataset(include_meta=False)
    digest = hashlib.sha256(data_set).hexdigest()
    study_uid = StudyUid(_uid(header, "StudyInstanceUID"))
    sop_instance_uid = SopInstanceUid(_uid(header, "SOPInstanceUID"))
    sop_class_uid = _uid(header, "SOPClassUID")
    request: Any = event.request
    if (sop_class_uid, sop_instance_uid) != (request.AffectedSOPClassUID, request.AffectedSOPInstanceUID):
        raise Refused(StoreStatus.DATA_SET_DOES_NOT_MATCH)
    return ReceivedInstance(
        study_uid=study_uid,
        series_uid=SeriesUid(_uid(header, "SeriesInstanceUID")),
        sop_instance_uid=sop_instance_uid,
        sop_class_uid=sop_class_uid,
        transfer_syntax_uid=str(event.context.transfer_syntax),
        modality=_modality(header),
        digest=digest,
        size_bytes=len(data_set),
        path=spool.place(study_uid, sop_instance_uid, digest),
        calling_ae_title=_calling(event),
    )


def _calling(event: Event) -> str:
    return str(event.assoc.requestor.ae_title)


def _header(content: bytes) -> Dataset:
    try:
        return dcmread(BytesIO(content), stop_before_pixels=True, specific_tags=list(_HEADER_TAGS))
    except Exception as error:  # a parser of foreign bytes fails in many ways; all mean the same
        raise Refused(StoreStatus.CANNOT_UNDERSTAND) from error


def _uid(header: Dataset, keyword: str) -> str:
    try:
        uid = str(header.get(keyword, ""))
    except Exception as error:
        raise Refused(StoreStatus.CANNOT_UNDERSTAND) from error
    if not _UID.fullmatch(uid):
        raise Refused(StoreStatus.CANNOT_UNDERSTAND)
    return uid


def _modality(header: Dataset) -> str:
    try:
        text = str(header.get("Modality", "") or "")
    except Exception:  # noqa: BLE001 - a broken value counts as an absent one
        return ""
    return re.sub(r"[^A-Z0-9_ ]", "", text.upper())[:16]
