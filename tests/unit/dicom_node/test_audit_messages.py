"""The audit trail on its way to a repository."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from dicom_node.audit_message import audit_message
from dicom_node.syslog import AuditRepository, framed, send
from domain.audit import AuditAction, AuditEvent, AuditOutcome, AuditRecord
from domain.errors import Transient
from tests.certificates import Certificates, certificates
from worker.duties import audit_export

AT = datetime(2026, 11, 27, 10, 15, 0, 123456, tzinfo=UTC)


def record(number: int = 1, **event: str) -> AuditRecord:
    """Return a record of somebody who saw a study."""
    values = {"actor": "maria", "role": "radiologist", "action": "view", "object": "1.2.3", "address": "10.1.2.3"}
    values = {**values, "outcome": "success", **event}
    made = AuditEvent(
        actor=values["actor"],
        role=values["role"],
        action=AuditAction(values["action"]),
        object=values["object"],
        outcome=AuditOutcome(values["outcome"]),
        address=values["address"],
    )
    return AuditRecord(id=number, at=AT, event=made, previous="", hash="")


def message_of(one: AuditRecord) -> ET.Element:
    return ET.fromstring(audit_message(one, source="HILUM"))  # noqa: S314 - we wrote it


def test_who_saw_a_study_is_told_as_the_standard_has_it() -> None:
    """Event, participant, source and object of PS3.15 A.5.3.6."""
    message = message_of(record())
    event = message.find("EventIdentification")
    assert event is not None
    assert (event.get("EventActionCode"), event.get("EventOutcomeIndicator")) == ("R", "0")
    assert event.get("EventDateTime") == "2026-11-27T10:15:00.123+00:00"
    participant, target = message.find("ActiveParticipant"), message.find("ParticipantObjectIdentification")
    assert participant is not None
    assert target is not None
    assert (participant.get("UserID"), participant.get("NetworkAccessPointID")) == ("maria", "10.1.2.3")
    assert target.get("ParticipantObjectID") == "1.2.3"
    codes = {one.tag: one.get("csd-code") for one in message.iter() if one.get("csd-code")}
    assert codes == {"EventID": "110103", "RoleIDCode": "radiologist", "ParticipantObjectIDTypeCode": "110180"}


@pytest.mark.parametrize("action", AuditAction)
def test_every_action_has_its_event(action: AuditAction) -> None:
    """None is left without a code of DICOM's."""
    event = message_of(record(action=action)).find("EventIdentification/EventID")
    assert event is not None
    assert event.get("codeSystemName") == "DCM"


def test_a_wrong_login_is_a_failure() -> None:
    """Of whoever it was that tried; markup in it stays text."""
    message = message_of(record(action="login", outcome="denied", actor="<b>&", role="", object=""))
    event, participant = message.find("EventIdentification"), message.find("ActiveParticipant")
    assert event is not None
    assert participant is not None
    assert (event.get("EventOutcomeIndicator"), participant.get("UserID")) == ("8", "<b>&")
    assert message.find("ParticipantObjectIdentification") is None


def test_a_message_is_framed_for_syslog() -> None:
    """Its length before it, the head of RFC 5424, then XML with a byte order mark."""
    length, _, message = framed(record(), source="HILUM").partition(b" ")
    assert int(length) == len(message)
    head, mark, xml = message.partition(b"\xef\xbb\xbf")
    assert head.startswith(b"<85>1 2026-11-27T10:15:00.123456Z ")
    assert head.endswith(b" DICOM+RFC3881 - ")
    assert (mark, xml[:5]) == (b"\xef\xbb\xbf", b"<?xml")


@dataclass
class Repository:
    """A syslog server over TLS that keeps what comes."""

    port: int = 0
    received: bytearray = field(default_factory=bytearray)
    done: threading.Event = field(default_factory=threading.Event)


@contextmanager
def listening(own: Certificates) -> Iterator[Repository]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(own.certificate, own.key)
    repository = Repository()
    with socket.create_server(("127.0.0.1", 0)) as server:
        repository.port = server.getsockname()[1]

        def serve() -> None:
            try:
                connection, _ = server.accept()
                with connection, context.wrap_socket(connection, server_side=True) as secured:
                    while piece := secured.recv(65536):
                        repository.received += piece
            except OSError:  # who called does not trust us
                pass
            finally:
                repository.done.set()

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield repository
    thread.join(10)


@pytest.mark.peers
def test_records_arrive_in_order(tmp_path: Path) -> None:
    """At a repository that proves who it is."""
    own = certificates(tmp_path, "audit")
    with listening(own) as repository:
        target = AuditRepository(host="127.0.0.1", port=repository.port, authorities=own.authority)
        assert send([record(number, actor=f"user{number}") for number in (1, 2, 3)], target, source="HILUM") == 3
        assert repository.done.wait(10)
    places = [repository.received.index(f'UserID="user{number}"'.encode()) for number in (1, 2, 3)]
    assert places == sorted(places)


@pytest.mark.peers
def test_a_repository_that_does_not_prove_itself_gets_nothing(tmp_path: Path) -> None:
    """Records wait."""
    own, other = certificates(tmp_path, "audit"), certificates(tmp_path, "other")
    with listening(own) as repository:
        target = AuditRepository(host="127.0.0.1", port=repository.port, authorities=other.authority)
        with pytest.raises(Transient, match="certificate is refused"):
            send([record()], target, source="HILUM")
        assert repository.done.wait(10)
    assert repository.received == b""


@dataclass
class FakeTrail:
    """A trail in memory."""

    kept: list[AuditRecord]
    sent: int = 0

    def record(self, event: AuditEvent) -> None:
        """Add an event."""
        self.kept.append(AuditRecord(id=len(self.kept) + 1, at=AT, event=event, previous="", hash=""))

    def records(self, *, behind: int = 0) -> Iterator[AuditRecord]:
        """Yield those behind a number."""
        return iter(self.kept[behind:])

    def first_broken(self) -> None:
        """None is."""

    def sent_to(self, repository: str) -> int:
        """Return how far the one repository is."""
        assert repository == "audit"
        return self.sent

    def mark_sent(self, repository: str, last: int) -> None:
        """Remember it."""
        assert repository == "audit"
        self.sent = last


@pytest.mark.peers
def test_records_wait_while_the_certificate_of_the_repository_has_expired(tmp_path: Path) -> None:
    """The error says so, and the trail still has them for the next try."""
    own = certificates(tmp_path, "audit", days=-1)
    trail = FakeTrail([record(1), record(2)])
    with listening(own) as repository:
        target = AuditRepository(host="127.0.0.1", port=repository.port, authorities=own.authority)
        sending = partial(send, repository=target, source="HILUM")
        with pytest.raises(Transient, match="certificate has expired"):
            audit_export(trail, "audit", sending, threading.Event())
        assert repository.done.wait(10)
    assert (repository.received, trail.sent) == (b"", 0)
