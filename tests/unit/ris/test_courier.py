"""Messages on their way: every answer of a RIS, given by a real listener on a loopback port."""

from __future__ import annotations

import ssl
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import pytest

from domain.delivery import Dispatch
from domain.errors import Away, Doubtful, HilumError, Misconfigured, Permanent, Transient
from domain.findings import Findings, ModelVersion
from domain.jobs import Job
from domain.subject import Subject
from ris.courier import MessageCourier, RisPeer
from ris.mllp import MllpAddress, TlsFiles
from ris.oru import Parties
from tests.certificates import Certificates, certificates
from tests.fakes import FakeQueue, RecordedEvents
from tests.peers import free_port
from tests.ris_peer import END, START, Answer, FakeRis, acknowledgement, control_id, listening, said, silence
from tests.unit.ris.test_oru import DISPATCH, SUBJECT
from worker.aftermath import Aftermath
from worker.guard import Guard
from worker.loop import Loop
from worker.retry import Backoff


class FakeSubjects:
    """Knows one patient."""

    def subject(self, findings: Findings) -> Subject:
        """Return the patient."""
        assert findings == DISPATCH.findings
        return SUBJECT


def device_uid(model: ModelVersion) -> str:
    return f"2.25.{len(model.name)}"


def courier(port: int, *, tls: TlsFiles | None = None, timeout_s: float = 5.0) -> MessageCourier:
    address = MllpAddress(host="127.0.0.1", port=port, tls=tls, timeout_s=timeout_s)
    peer = RisPeer(name="ris", address=address, parties=Parties(sending_application="HILUM"))
    return MessageCourier(peers=[peer], subjects=FakeSubjects(), device_uid=device_uid)


def deliver(answer: Answer, dispatch: Dispatch = DISPATCH, timeout_s: float = 5.0) -> FakeRis:
    ris = FakeRis([answer])
    with listening(ris) as port:
        proof = courier(port, timeout_s=timeout_s).deliver(dispatch)
    assert proof.control_id == control_id(ris.heard[0]) == dispatch.fingerprint
    return ris


@pytest.mark.parametrize("code", ["AA", "CA"])
def test_an_accepted_message_is_proved_by_its_control_id(code: str) -> None:
    """In original and in enhanced mode."""
    (message,) = deliver(acknowledgement(code)).heard
    assert message.startswith(b"MSH|^~\\&|HILUM|")
    assert b"Doe^Jane" in message


@pytest.mark.parametrize(
    ("answer", "error", "words", "peers_words"),
    [
        (acknowledgement("AE", "no patient Doe"), Doubtful, r"error with the message \(AE\)", "no patient Doe"),
        (acknowledgement("CE"), Doubtful, r"\(CE\)", ""),
        (acknowledgement("AR", "unknown type"), Permanent, r"rejected the message \(AR\)", "unknown type"),
        (acknowledgement("CR"), Permanent, r"\(CR\)", ""),
        (acknowledgement("AA", about="other"), Transient, "another message", ""),
        (acknowledgement("ZZ"), Transient, "no acknowledgement", ""),
        (said(START + b"hello" + END), Transient, "no acknowledgement", ""),
        (said(START + bytes(range(0x20, 0x100)) + END), Transient, "no acknowledgement", ""),
        (said(START + b"MSH|^~\\&|RIS\r" + END), Transient, "no acknowledgement", ""),
        (said(b""), Transient, "closed the connection", ""),
        (said(START + b"MSH|^~"), Transient, "closed the connection", ""),
        (said(b"x" * 2_000_000), Transient, "does not end|broke off", ""),
    ],
)
def test_every_other_answer_has_its_class(
    answer: Answer, error: type[HilumError], words: str, peers_words: str
) -> None:
    """What the peer said is kept apart: it may name a patient."""
    with pytest.raises(error, match=words) as problem:
        deliver(answer)
    assert type(problem.value) is error
    assert problem.value.said == peers_words


def test_a_reason_in_the_error_segment_is_read() -> None:
    """Where MSA-3, which is deprecated, is empty."""
    reply = b"MSH|^~\\&|RIS|||||ACK|7|P|2.5.1\rMSA|AE|%s\rERR||PID^1^3|204^Unknown key^HL70357|E||||no such patient"

    def answer(message: bytes) -> bytes:
        return START + reply % control_id(message).encode() + END

    with pytest.raises(Doubtful) as problem:
        deliver(answer)
    assert problem.value.said == "no such patient"


def test_silence_is_waited_for_no_longer_than_it_may_last() -> None:
    """Then the message is sent again."""
    with pytest.raises(Transient, match="in time"):
        deliver(silence, timeout_s=0.3)


def test_nobody_there_is_away() -> None:
    """The RIS may be back soon, for everything that waits for it."""
    with pytest.raises(Away, match="can't be reached"):
        courier(free_port()).deliver(DISPATCH)


def test_a_peer_that_left_the_settings_is_permanent() -> None:
    """It was taken out while a message waited for it."""
    with pytest.raises(Permanent, match="not configured"):
        courier(1).deliver(replace(DISPATCH, peer="other"))


def test_every_try_sends_the_same_bytes() -> None:
    """So a RIS that took the message, and was not heard, knows it again."""
    assert deliver(acknowledgement("AA")).heard == deliver(acknowledgement("AA")).heard


def test_different_results_and_peers_have_different_control_ids() -> None:
    """Of twenty characters at most (MSH-10)."""
    other = replace(DISPATCH.findings, model=replace(DISPATCH.findings.model, sha256="cd" * 32))
    ids = {one.fingerprint for one in (DISPATCH, replace(DISPATCH, peer="b"), replace(DISPATCH, findings=other))}
    assert {len(one) for one in ids} == {20}
    assert len(ids) == 3


# --- TLS ------------------------------------------------------------------------------------------------------------


def secured(own: Certificates) -> FakeRis:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(own.certificate, own.key)
    return FakeRis(context=context)


LANE = "deliver:ris"


@dataclass
class Delivering:
    """Does the one delivery of a lane."""

    queue: FakeQueue
    courier: MessageCourier

    def run(self, job: Job) -> str:
        """Deliver it and end the job."""
        self.courier.deliver(DISPATCH)
        self.queue.finish(job)
        return "delivered"


def delivering(queue: FakeQueue, own: MessageCourier) -> Loop:
    backoff = Backoff(first=timedelta(seconds=2), limit=timedelta(seconds=60))
    events = RecordedEvents()
    return Loop(
        guard=Guard(lane=LANE, queue=queue, events=events),
        handler=Delivering(queue, own),
        worker="host:1",
        lease=timedelta(seconds=30),
        aftermath=Aftermath(queue=queue, backoff=backoff, events=events),
    )


@pytest.mark.peers
def test_a_message_goes_over_tls_to_whom_proves_its_name(tmp_path: Path) -> None:
    """The authority of the peer's certificate is in the settings; we may have one of our own."""
    own = certificates(tmp_path, "ris")
    tls = TlsFiles(authorities=own.authority, certificate=own.certificate, key=own.key)
    with listening(secured(own)) as port:
        assert courier(port, tls=tls).deliver(DISPATCH).control_id == DISPATCH.fingerprint


@pytest.mark.peers
def test_a_peer_that_does_not_prove_its_name_is_told_nothing(tmp_path: Path) -> None:
    """Its authority is none of ours."""
    ris = secured(certificates(tmp_path, "ris"))
    with listening(ris) as port, pytest.raises(Transient, match="TLS"):
        courier(port, tls=TlsFiles()).deliver(DISPATCH)
    assert ris.heard == []


@pytest.mark.peers
def test_a_message_waits_while_the_peers_certificate_has_expired(tmp_path: Path) -> None:
    """The job stays in its lane, with the reason, however often it fails; with a new certificate it is delivered."""
    expired, renewed = certificates(tmp_path, "old", days=-1), certificates(tmp_path, "new")
    both = tmp_path / "authorities.pem"
    both.write_bytes(expired.authority.read_bytes() + renewed.authority.read_bytes())
    ris, queue, port = secured(expired), FakeQueue(), free_port()
    job = queue.add(LANE, 1, max_attempts=None)
    lane = delivering(queue, courier(port, tls=TlsFiles(authorities=both)))
    with listening(ris, port):
        lane.step()
    assert queue.state(job)[0] == "waiting"
    assert "certificate has expired" in str(queue.state(job)[2])
    assert ris.heard == []
    queue.pass_time(timedelta(minutes=2))
    with listening(secured(renewed), port):
        lane.step()
    assert queue.state(job)[0] == "done"


def test_a_missing_file_for_tls_is_a_wrong_installation(tmp_path: Path) -> None:
    """The worker stops and says so."""
    with pytest.raises(Misconfigured, match="TLS"):
        courier(1, tls=TlsFiles(authorities=tmp_path / "none.pem")).deliver(DISPATCH)
