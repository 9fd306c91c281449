"""A modality that asks for storage commitment and listens for the answer."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from pydicom import Dataset
from pynetdicom import AE, evt
from pynetdicom.events import Event
from pynetdicom.sop_class import StorageCommitmentPushModel, StorageCommitmentPushModelInstance

from dicom_node.requestor import PeerAddress
from domain.ids import AeTitle

DX = "1.2.840.10008.5.1.4.1.1.1.1"


@dataclass
class Modality:
    """A modality that asked, and now hears."""

    status: int = 0
    heard: list[tuple[int, Dataset]] = field(default_factory=list)

    def hear(self, event: Event) -> tuple[int, None]:
        """Take an N-EVENT-REPORT."""
        self.heard.append((event.event_type, event.event_information))
        return self.status, None


@contextmanager
def listening(
    modality: Modality, sop_class: str = StorageCommitmentPushModel, *, port: int = 0
) -> Iterator[PeerAddress]:
    """Start it, on a free port by default; it is the user of the service although it accepts the association."""
    entity = AE(ae_title="XRAY1")
    entity.add_supported_context(sop_class, scu_role=True, scp_role=True)
    handlers = [(evt.EVT_N_EVENT_REPORT, modality.hear)]
    server = entity.start_server(("127.0.0.1", port), block=False, evt_handlers=handlers)
    try:
        port = server.socket.getsockname()[1]
        yield PeerAddress(name="xray", ae_title=AeTitle("XRAY1"), host="127.0.0.1", port=port)
    finally:
        server.shutdown()


def asked(*instances: str, transaction: str | None = "2.25.99") -> Dataset:
    """Return the action information of a request."""
    information = Dataset()
    if transaction is not None:
        information.TransactionUID = transaction
    information.ReferencedSOPSequence = [Dataset() for _ in instances]
    for item, uid in zip(information.ReferencedSOPSequence, instances, strict=True):
        item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = DX, uid
    return information


def answer_to(
    port: int,
    information: Dataset,
    *,
    action: int = 1,
    instance: str = StorageCommitmentPushModelInstance,
    calling: str,
) -> int:
    """Send an N-ACTION and return its status."""
    entity = AE(ae_title=calling)
    entity.add_requested_context(StorageCommitmentPushModel)
    association = entity.associate("127.0.0.1", port, ae_title="HILUM")
    assert association.is_established
    response, _ = association.send_n_action(information, action, StorageCommitmentPushModel, instance)
    association.release()
    return int(response.Status)


def store(port: int, film: Dataset, *, calling: str) -> int:
    """C-STORE a film and return the status."""
    entity = AE(ae_title=calling)
    entity.add_requested_context(film.SOPClassUID, film.file_meta.TransferSyntaxUID)
    association = entity.associate("127.0.0.1", port, ae_title="HILUM")
    assert association.is_established
    status = int(association.send_c_store(film).Status)
    association.release()
    return status
