"""Reports on their way: every answer of a peer, given by a real peer on a loopback port."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import numpy as np
import pytest
from pydicom.dataset import Dataset
from pynetdicom import AE, evt
from pynetdicom.sop_class import (
    Comprehensive3DSRStorage,
    ComprehensiveSRStorage,
    CTImageStorage,
    EnhancedSRStorage,
    SecondaryCaptureImageStorage,
)

from dicom_node import report
from dicom_node.objects import KINDS
from dicom_node.requestor import PeerAddress
from dicom_node.sender import ResultSender, echo
from dicom_node.spool import Spool
from dicom_node.status import status_name
from domain.delivery import Dispatch, ResultObject
from domain.errors import Away, Permanent, Transient
from domain.ids import AeTitle
from tests.peers import wait_for

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from pynetdicom.association import Association
    from pynetdicom.events import Event, NotificationEvent

    from domain.findings import Findings

VERIFICATION = "1.2.840.10008.1.1"
EXPLICIT, IMPLICIT = "1.2.840.10008.1.2.1", "1.2.840.10008.1.2"


class Pacs:
    """A peer that answers with one status and keeps what it was sent."""

    def __init__(self, status: int | None = 0, comment: str = "") -> None:
        self.status = status
        self.comment = comment
        self.received: list[Dataset] = []
        self.callers: list[str] = []

    def store(self, event: Event) -> int | Dataset:
        """Answer a C-STORE; without a status, break off instead."""
        self.callers.append(event.assoc.requestor.ae_title)
        if self.status is None:
            event.assoc.abort()
            return 0
        self.received.append(event.dataset)
        if not self.comment:
            return self.status
        answer = Dataset()
        answer.Status, answer.ErrorComment = self.status, self.comment
        return answer


@contextmanager
def listening(
    pacs: Pacs,
    *sop_classes: object,
    syntaxes: tuple[str, ...] = (EXPLICIT, IMPLICIT),
    handlers: Sequence[tuple[NotificationEvent, Callable[[Event], None]]] = (),
) -> Iterator[PeerAddress]:
    """Start the peer on a free port."""
    entity = AE(ae_title="PACS")
    entity.require_called_aet = True
    for sop_class in sop_classes or (Comprehensive3DSRStorage, VERIFICATION):
        entity.add_supported_context(sop_class, list(syntaxes))
    server = entity.start_server(("127.0.0.1", 0), block=False, evt_handlers=[(evt.EVT_C_STORE, pacs.store), *handlers])
    try:
        port = server.socket.getsockname()[1]
        yield PeerAddress(name="pacs", ae_title=AeTitle("PACS"), host="127.0.0.1", port=port)
    finally:
        server.shutdown()


def dispatch(findings: Findings, kind: ResultObject = ResultObject.REPORT) -> Dispatch:
    return Dispatch(peer="pacs", object=kind, findings=findings, made_at=datetime(2026, 1, 2, tzinfo=UTC))


@pytest.fixture
def findings(film: Dataset, classified: Callable[..., Findings], tmp_path: Path) -> Findings:
    """Return findings about a film that lies in the spool."""
    found = classified(film)
    film.save_as(tmp_path / found.films[0].path, enforce_file_format=True)
    return found


@pytest.fixture
def send(findings: Findings, tmp_path: Path) -> Callable[[PeerAddress], tuple[int, str]]:
    """Return a function that delivers the findings to a peer."""

    def deliver(peer: PeerAddress) -> tuple[int, str]:
        sender = ResultSender(
            peers=[peer],
            calling=AeTitle("HILUM"),
            store=Spool(tmp_path),
            timeout_s=5,
        )
        proof = sender.deliver(dispatch(findings))
        return proof.status, proof.sop_instance_uid

    return deliver


def test_a_report_arrives_in_the_study(film: Dataset, send: Callable[..., tuple[int, str]]) -> None:
    """Status and UID returned are those of the instance that the peer has."""
    pacs = Pacs()
    with listening(pacs) as peer:
        assert send(peer) == (0, pacs.received[0].SOPInstanceUID)
    assert pacs.received[0].StudyInstanceUID == film.StudyInstanceUID
    assert pacs.callers == ["HILUM"]


def test_a_second_delivery_sends_the_same_instance(send: Callable[..., tuple[int, str]]) -> None:
    """A lost acknowledgement does not double the report."""
    with listening(Pacs()) as peer:
        assert send(peer) == send(peer)


def test_a_peer_that_breaks_off_what_it_accepted_is_asked_again(
    send: Callable[..., tuple[int, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It takes one class of reports and no other, and is gone when we look: nothing that would not pass."""
    associate = AE.associate

    def slowly(*arguments: object, **names: object) -> Association:
        association = associate(*arguments, **names)  # type: ignore[arg-type]
        wait_for(lambda: not association.is_established)
        return association

    monkeypatch.setattr(AE, "associate", slowly)
    handlers = [(evt.EVT_ESTABLISHED, lambda event: threading.Timer(0.2, event.assoc.abort).start())]
    with listening(Pacs(), handlers=handlers) as peer, pytest.raises(Transient, match="broke off"):
        send(peer)


@pytest.mark.parametrize(
    ("accepted", "sent"),
    [
        ((EnhancedSRStorage, ComprehensiveSRStorage, Comprehensive3DSRStorage), Comprehensive3DSRStorage),
        ((EnhancedSRStorage, ComprehensiveSRStorage), ComprehensiveSRStorage),
        ((EnhancedSRStorage,), EnhancedSRStorage),
    ],
)
def test_the_richest_class_that_the_peer_accepts_is_sent(
    send: Callable[..., tuple[int, str]], accepted: tuple[str, ...], sent: str
) -> None:
    """Older archives do not know Comprehensive 3D SR."""
    pacs = Pacs()
    with listening(pacs, *accepted) as peer:
        send(peer)
    assert pacs.received[0].SOPClassUID == sent


def test_a_peer_with_implicit_vr_only_gets_that(send: Callable[..., tuple[int, str]]) -> None:
    """The default transfer syntax of DICOM is enough."""
    with listening(Pacs(), syntaxes=(IMPLICIT,)) as peer:
        assert send(peer)[0] == 0


@pytest.mark.parametrize("status", [0xB000, 0xB006, 0xB007, 0x0107, 0x0111])
def test_a_warning_and_a_duplicate_count_as_delivered(send: Callable[..., tuple[int, str]], status: int) -> None:
    """The peer has the report."""
    with listening(Pacs(status)) as peer:
        assert send(peer)[0] == status


@pytest.mark.parametrize("status", [0xA700, 0xA7FF, 0x0110, 0x0213])
def test_a_failure_of_the_moment_is_tried_again(send: Callable[..., tuple[int, str]], status: int) -> None:
    """A full disk is emptied some day."""
    with listening(Pacs(status)) as peer, pytest.raises(Transient, match=f"0x{status:04X}"):
        send(peer)


@pytest.mark.parametrize(
    ("status", "name"),
    [
        (0xA900, "data set does not match SOP class"),
        (0xC000, "cannot understand"),
        (0xC123, "cannot understand"),
        (0x0122, "SOP class not supported"),
        (0x0124, "not authorised"),
        (0xDEAD, "failure"),
    ],
)
def test_a_refusal_for_good_is_permanent_and_named(
    send: Callable[..., tuple[int, str]], status: int, name: str
) -> None:
    """An operator reads words, not a number alone."""
    with listening(Pacs(status)) as peer, pytest.raises(Permanent, match=name):
        send(peer)


def test_a_peer_without_report_classes_is_permanent(send: Callable[..., tuple[int, str]]) -> None:
    """Trying again would not teach it."""
    with listening(Pacs(), CTImageStorage) as peer, pytest.raises(Permanent, match="structured report"):
        send(peer)


def test_a_peer_that_breaks_off_is_tried_again(send: Callable[..., tuple[int, str]]) -> None:
    """No answer is no success."""
    with listening(Pacs(status=None)) as peer, pytest.raises(Transient):
        send(peer)


@pytest.mark.filterwarnings(
    "ignore::pytest.PytestUnraisableExceptionWarning"
)  # pynetdicom drops the unconnected socket
def test_a_peer_that_is_away_is_tried_again(send: Callable[..., tuple[int, str]]) -> None:
    """Nobody listens."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        with pytest.raises(Away):
            send(PeerAddress(name="pacs", ae_title=AeTitle("PACS"), host="127.0.0.1", port=port))


def test_a_peer_of_another_name_is_tried_again_and_says_so(send: Callable[..., tuple[int, str]]) -> None:
    """A wrong AE title is put right in a configuration, at either end."""
    with listening(Pacs()) as peer:
        other = PeerAddress(name="pacs", ae_title=AeTitle("OTHER"), host=peer.host, port=peer.port)
        with pytest.raises(Away, match="rejected"):
            send(other)


def test_a_store_that_is_away_is_tried_again(findings: Findings, tmp_path: Path) -> None:
    """The report waits for its films."""
    with listening(Pacs()) as peer:
        sender = ResultSender(peers=[peer], calling=AeTitle("HILUM"), store=Spool(tmp_path / "none", for_reading=True))
        with pytest.raises(Transient, match="store"):
            sender.deliver(dispatch(findings))


def test_a_peer_that_nobody_configured_is_permanent(findings: Findings, tmp_path: Path) -> None:
    """It was taken out of the settings while a report waited for it."""
    with pytest.raises(Permanent, match="not configured"):
        ResultSender(peers=[], calling=AeTitle("HILUM"), store=Spool(tmp_path)).deliver(dispatch(findings))
    pacs = PeerAddress(name="pacs", ae_title=AeTitle("PACS"), host="127.0.0.1", port=1)
    with pytest.raises(Permanent, match="not configured"):  # it was a RIS when the message was queued
        ResultSender(peers=[pacs], calling=AeTitle("HILUM"), store=Spool(tmp_path)).deliver(
            dispatch(findings, ResultObject.MESSAGE)
        )


def test_what_a_peer_says_with_its_refusal_is_kept_out_of_the_message(send: Callable[..., tuple[int, str]]) -> None:
    """It may hold anything: the database has it, no log."""
    with listening(Pacs(0xA700, "no room for Doe^Jane")) as peer, pytest.raises(Transient) as problem:
        send(peer)
    assert (str(problem.value), problem.value.said) == (
        "the peer refused the structured report: out of resources (0xA700)",
        "no room for Doe^Jane",
    )


@pytest.mark.parametrize("kind", [ResultObject.PRESENTATION, ResultObject.SELECTION])
def test_other_objects_arrive_as_well(findings: Findings, tmp_path: Path, kind: ResultObject) -> None:
    """Each in its own SOP class, with the proof of what was taken."""
    pacs = Pacs(0xB007, "kept")
    (sop_class,) = KINDS[kind].sop_classes
    with listening(pacs, sop_class) as peer:
        proof = ResultSender(peers=[peer], calling=AeTitle("HILUM"), store=Spool(tmp_path)).deliver(
            dispatch(findings, kind)
        )
    (received,) = pacs.received
    assert (received.SOPClassUID, received.SOPInstanceUID) == (proof.sop_class_uid, proof.sop_instance_uid)
    assert (proof.sop_class_uid, proof.status, proof.comment) == (sop_class, 0xB007, "kept")


def test_a_picture_arrives_as_a_capture(findings: Findings, tmp_path: Path) -> None:
    """As it was drawn."""
    pacs = Pacs()
    picture = np.full((20, 10, 3), 7, dtype=np.uint8)
    with listening(pacs, SecondaryCaptureImageStorage) as peer:
        sender = ResultSender(peers=[peer], calling=AeTitle("HILUM"), store=Spool(tmp_path))
        sender.deliver_picture(dispatch(findings, ResultObject.CAPTURE), picture, is_resized=True)
    assert pacs.received[0].PixelData == picture.tobytes()


def test_pages_arrive_as_a_document(findings: Findings, tmp_path: Path) -> None:
    """As they were set; the byte that makes their length even is no part of them."""
    pacs = Pacs()
    with listening(pacs, *KINDS[ResultObject.DOCUMENT].sop_classes) as peer:
        sender = ResultSender(peers=[peer], calling=AeTitle("HILUM"), store=Spool(tmp_path))
        sender.deliver_pages(dispatch(findings, ResultObject.DOCUMENT), b"%PDF-odd!")
    (received,) = pacs.received
    assert received.EncapsulatedDocument[: received.EncapsulatedDocumentLength] == b"%PDF-odd!"


def test_an_object_that_can_not_be_made_is_permanent(film: Dataset, findings: Findings, tmp_path: Path) -> None:
    """The reason names the type of the failure, since its text may hold a patient's data."""
    del film.Rows
    film.save_as(tmp_path / findings.films[0].path, enforce_file_format=True)
    with listening(Pacs(), *KINDS[ResultObject.PRESENTATION].sop_classes) as peer:
        sender = ResultSender(peers=[peer], calling=AeTitle("HILUM"), store=Spool(tmp_path))
        with pytest.raises(Permanent, match=r"the presentation state can't be made of this film \(ValueError\)"):
            sender.deliver(dispatch(findings, ResultObject.PRESENTATION))


def test_messages_hold_no_patient_data(film: Dataset, send: Callable[..., tuple[int, str]]) -> None:
    """They go into the log and onto the page."""
    with listening(Pacs(0xC000)) as peer, pytest.raises(Permanent) as problem:
        send(peer)
    for value in (film.PatientName, film.PatientID, film.StudyInstanceUID, film.AccessionNumber):
        assert str(value) not in str(problem.value)


def test_an_echo_is_answered() -> None:
    """The peer is there."""
    with listening(Pacs()) as peer:
        assert echo(peer, AeTitle("HILUM"), timeout_s=5) == 0


@pytest.mark.filterwarnings(
    "ignore::pytest.PytestUnraisableExceptionWarning"
)  # pynetdicom drops the unconnected socket
def test_an_echo_to_nobody_is_transient() -> None:
    """Nobody is there."""
    peer = PeerAddress(name="pacs", ae_title=AeTitle("PACS"), host="127.0.0.1", port=1)
    with pytest.raises(Transient):
        echo(peer, AeTitle("HILUM"), timeout_s=1)


def test_an_echo_does_not_wait_for_highdicom() -> None:
    """It is loaded when a report is built, not when the module is."""
    code = "import sys, dicom_node.sender; print('highdicom' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


@pytest.mark.parametrize(("status", "name"), [(0xA701, "out of resources"), (0xFFFF, "failure")])
def test_every_status_has_words(status: int, name: str) -> None:
    """Also one that the standard does not know."""
    assert status_name(status) == name


def test_a_report_that_can_not_be_encoded_goes_out_with_less_of_the_header(
    send: Callable[..., tuple[int, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The result reaches the radiologist, with patient and study ids, under the same UID."""
    whole = report.evidence_of

    def spoiled(findings: Findings, sources: Sequence[Dataset]) -> list[Dataset]:
        evidence = whole(findings, sources)
        evidence[0].StudyID = Unwritable("1")
        return evidence

    pacs = Pacs()
    with listening(pacs) as peer:
        send(peer)
        monkeypatch.setattr(report, "evidence_of", spoiled)
        send(peer)
    first, second = pacs.received
    assert second.SOPInstanceUID == first.SOPInstanceUID
    assert (second.PatientID, second.StudyInstanceUID) == (first.PatientID, first.StudyInstanceUID)
    assert (bool(first.PatientName), bool(second.PatientName)) == (True, False)


class Unwritable(str):
    """A text that no writer can encode."""

    __slots__ = ()

    def encode(self, *_: object, **__: object) -> bytes:
        """Fail as some broken values do."""
        raise UnicodeEncodeError("utf-8", "", 0, 1, "no")

    def __deepcopy__(self, _: object) -> Unwritable:
        """Stay what it is."""
        return self
