"""What stands in for the hospital in a demo: a modality that sends films, and a PACS that keeps what it is sent."""

from __future__ import annotations

import time
from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING, Any

from pydicom import dcmread
from pynetdicom import AE, evt
from pynetdicom.presentation import AllStoragePresentationContexts, VerificationPresentationContexts, build_context

from domain.errors import Transient

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from pydicom import Dataset
    from pynetdicom.events import Event

_SUCCESS = 0x0000
_OUT_OF_RESOURCES = 0xA700
_RETRY_SECONDS = 0.2


@dataclass(frozen=True, kw_only=True, slots=True)
class Arrival:
    """A report that came back."""

    at_seconds: float
    """Monotonic time of its arrival."""
    file: Path


class ReceivingPacs:
    """A storage SCP on a free loopback port that writes every object into a folder."""

    def __init__(self, folder: Path, *, ae_title: str) -> None:
        self._folder = folder
        self._ae_title = ae_title
        self._server: Any = None
        self.arrivals: dict[str, Arrival] = {}
        """The last object of each study, by Study Instance UID."""

    def start(self) -> int:
        """Listen and return the port."""
        self._folder.mkdir(parents=True, exist_ok=True)
        ae = AE(ae_title=self._ae_title)
        ae.supported_contexts = [*VerificationPresentationContexts, *AllStoragePresentationContexts]
        self._server = ae.start_server(("127.0.0.1", 0), block=False, evt_handlers=[(evt.EVT_C_STORE, self._keep)])
        return int(self._server.socket.getsockname()[1])

    def stop(self) -> None:
        """Stop listening."""
        self._server.shutdown()

    def _keep(self, event: Event) -> int:
        content = event.encoded_dataset(include_meta=True)
        header = dcmread(BytesIO(content), specific_tags=["StudyInstanceUID", "SOPInstanceUID"])
        file = self._folder / f"{header.SOPInstanceUID}.dcm"
        try:
            file.write_bytes(content)
        except OSError:
            return _OUT_OF_RESOURCES
        self.arrivals[str(header.StudyInstanceUID)] = Arrival(at_seconds=time.monotonic(), file=file)
        return _SUCCESS


def wait_until_listening(host: str, port: int, *, called: str, seconds: float) -> bool:
    """C-ECHO a node until it answers; say whether it did in time."""
    ae = AE(ae_title="DEMO_MODALITY")
    ae.requested_contexts = VerificationPresentationContexts
    ae.connection_timeout = 1
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        association = ae.associate(host, port, ae_title=called)
        if association.is_established:
            status = association.send_c_echo()
            association.release()
            if status.get("Status") == _SUCCESS:
                return True
        time.sleep(_RETRY_SECONDS)
    return False


def send(films: Sequence[Dataset], host: str, port: int, *, called: str, seconds: float) -> Iterator[float]:
    """C-STORE each film in one association; yield the monotonic time of each success.

    A node whose database still starts answers that it is out of resources: the film is sent again, as a modality would
    do, for so many seconds.

    Raises:
        Transient: the association failed, or a film was not accepted.
    """
    ae = AE(ae_title="DEMO_MODALITY")
    ae.requested_contexts = [build_context(film.SOPClassUID, film.file_meta.TransferSyntaxUID) for film in films[:1]]
    association = ae.associate(host, port, ae_title=called)
    if not association.is_established:
        raise Transient("the node took no association")
    deadline = time.monotonic() + seconds
    try:
        for film in films:
            status = association.send_c_store(film).get("Status")
            while status == _OUT_OF_RESOURCES and time.monotonic() < deadline:
                time.sleep(_RETRY_SECONDS)
                status = association.send_c_store(film).get("Status")
            if status != _SUCCESS:
                raise Transient(f"a film was answered with status {status!r}")
            yield time.monotonic()
    finally:
        association.release()
