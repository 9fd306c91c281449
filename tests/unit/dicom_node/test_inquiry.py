"""Our requests for storage commitment: what a peer is asked, and every way in which it answers."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import pytest
from pydicom import Dataset
from pynetdicom import AE, evt
from pynetdicom.events import Event
from pynetdicom.sop_class import StorageCommitmentPushModel, StorageCommitmentPushModelInstance, Verification

from dicom_node.inquiry import CommitmentInquirer, EventStatus, take_answer
from dicom_node.requestor import PeerAddress
from domain.commitment import Reference
from domain.confirmation import Inquiry, PeersAnswer
from domain.errors import Permanent, Transient
from domain.ids import AeTitle, SopInstanceUid
from tests.fakes import RecordedEvents

REPORT = "1.2.840.10008.5.1.4.1.1.88.34"
KEPT, LOST = SopInstanceUid("2.25.1"), SopInstanceUid("2.25.2")
INQUIRY = Inquiry(
    peer="pacs",
    transaction_uid="2.25.99",
    references=tuple(Reference(sop_class_uid=REPORT, sop_instance_uid=uid) for uid in (KEPT, LOST)),
    questions=0,
)
ANSWER = PeersAnswer(transaction_uid="2.25.99", committed=(KEPT,), failed=((LOST, 0x0112),))


def information(transaction: str = "2.25.99", *, kept: str = KEPT) -> Dataset:
    """Return the event information of an answer."""
    made, good, bad = Dataset(), Dataset(), Dataset()
    made.TransactionUID = transaction
    good.ReferencedSOPClassUID, good.ReferencedSOPInstanceUID = REPORT, kept
    bad.ReferencedSOPClassUID, bad.ReferencedSOPInstanceUID, bad.FailureReason = REPORT, LOST, 0x0112
    made.ReferencedSOPSequence, made.FailedSOPSequence = [good], [bad]
    return made


@dataclass
class Archive:
    """A provider of storage commitment."""

    status: int = 0
    at_once: Dataset | None = None
    asked: list[Dataset] = field(default_factory=list)
    answered: list[int] = field(default_factory=list)

    def hear(self, event: Event) -> tuple[int, None]:
        """Take an N-ACTION."""
        self.asked.append(event.action_information)
        return self.status, None

    def answer(self, event: Event) -> None:
        """Answer on the same association, after the response was sent."""
        if self.at_once is not None and self.asked and not self.answered:
            self.answered.append(-1)
            response, _ = event.assoc.send_n_event_report(
                self.at_once, 2, StorageCommitmentPushModel, StorageCommitmentPushModelInstance
            )
            self.answered[:] = [int(response.Status)]


@contextmanager
def listening(archive: Archive, sop_class: str = StorageCommitmentPushModel) -> Iterator[PeerAddress]:
    """Start it on a free port."""
    entity = AE(ae_title="PACS")
    entity.add_supported_context(sop_class)
    handlers = [(evt.EVT_N_ACTION, archive.hear), (evt.EVT_DIMSE_SENT, archive.answer)]
    server = entity.start_server(("127.0.0.1", 0), block=False, evt_handlers=handlers)  # type: ignore[arg-type]
    try:
        port = server.socket.getsockname()[1]
        yield PeerAddress(name="pacs", ae_title=AeTitle("PACS"), host="127.0.0.1", port=port)
    finally:
        server.shutdown()


def ask(peer: PeerAddress, at_once_s: float = 0.05) -> PeersAnswer | None:
    return CommitmentInquirer(peers=[peer], calling=AeTitle("HILUM"), timeout_s=5, at_once_s=at_once_s).ask(INQUIRY)


def test_a_question_names_the_instances_and_its_transaction() -> None:
    """As PS3.4 Table J.3-1 has it; the answer is to come later."""
    archive = Archive()
    with listening(archive) as peer:
        assert ask(peer) is None
    (asked,) = archive.asked
    assert asked.TransactionUID == "2.25.99"
    assert [(one.ReferencedSOPClassUID, one.ReferencedSOPInstanceUID) for one in asked.ReferencedSOPSequence] == [
        (REPORT, KEPT),
        (REPORT, LOST),
    ]


@pytest.mark.parametrize(("status", "kind"), [(0x0213, Transient), (0x0110, Transient), (0x0122, Permanent)])
def test_a_refused_question_is_tried_again_or_held(status: int, kind: type[Exception]) -> None:
    """The message names the status."""
    with listening(Archive(status)) as peer, pytest.raises(kind, match=f"0x{status:04X}"):
        ask(peer)


def test_a_peer_without_the_service_is_permanent() -> None:
    """The settings are wrong."""
    with listening(Archive(), Verification) as peer, pytest.raises(Permanent, match="storage commitment"):
        ask(peer)


def test_a_peer_that_left_the_settings_is_permanent() -> None:
    """An operator took it out while its question waited."""
    with pytest.raises(Permanent, match="any more"):
        CommitmentInquirer(peers=[], calling=AeTitle("HILUM")).ask(INQUIRY)


# --- answers that come to the node ---------------------------------------------------------------------------------


@dataclass
class FakeReport:
    """An N-EVENT-REPORT."""

    event_type: int = 2
    event_information: Dataset = field(default_factory=information)


@dataclass
class FakeDesk:
    """A desk that knows one question, or is away."""

    is_away: bool = False
    taken: list[tuple[str, PeersAnswer]] = field(default_factory=list)

    def answered(self, peer: str, answer: PeersAnswer) -> bool:
        """Take the answer."""
        if self.is_away:
            raise Transient("the database is away")
        self.taken.append((peer, answer))
        return answer.transaction_uid == INQUIRY.transaction_uid


def take(report: FakeReport, desk: FakeDesk, peer: str | None = "pacs") -> tuple[EventStatus, RecordedEvents]:
    events = RecordedEvents()
    return take_answer(report, peer, desk, events), events  # type: ignore[arg-type]


def test_an_answer_is_left_at_the_desk() -> None:
    """What is kept, what is not, and why; the log has counts."""
    desk = FakeDesk()
    status, events = take(FakeReport(), desk)
    assert (status, desk.taken) == (EventStatus.SUCCESS, [("pacs", ANSWER)])
    assert events.names() == ["commitment-confirmed", "commitment-denied"]
    assert KEPT not in str(events.told)


@pytest.mark.parametrize(
    ("report", "peer", "status"),
    [
        (FakeReport(event_type=3), "pacs", EventStatus.NO_SUCH_EVENT_TYPE),
        (FakeReport(event_information=information("2.25.404")), "pacs", EventStatus.INVALID_ARGUMENT_VALUE),
        (FakeReport(event_information=information(kept="")), "pacs", EventStatus.INVALID_ARGUMENT_VALUE),
        (FakeReport(event_information=Dataset()), "pacs", EventStatus.INVALID_ARGUMENT_VALUE),
        (FakeReport(), None, EventStatus.INVALID_ARGUMENT_VALUE),
    ],
)
def test_what_is_no_answer_to_us_gets_its_status(report: FakeReport, peer: str | None, status: EventStatus) -> None:
    """Of another kind, to no question, without UIDs, from somebody we never ask."""
    found, events = take(report, FakeDesk(), peer)
    assert (found, events.names()) == (status, ["commitment-answer-refused"])


def test_without_the_database_the_peer_is_asked_to_come_again() -> None:
    """Nothing is acknowledged that is not committed."""
    assert take(FakeReport(), FakeDesk(is_away=True))[0] is EventStatus.RESOURCE_LIMITATION


def test_an_answer_on_our_own_association_is_taken() -> None:
    """Some peers do not wait for the association to end."""
    archive = Archive(at_once=information())
    with listening(archive) as peer:
        assert ask(peer, at_once_s=5) == ANSWER
        time.sleep(0.1)
    assert archive.answered == [0]
