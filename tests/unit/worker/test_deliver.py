"""Delivering a report: what is told to whom, and when the job ends."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest

from domain.errors import Transient
from domain.film import Unsuitable
from domain.findings import Findings, Message
from domain.ids import DeliveryId
from domain.jobs import Job
from tests.fakes import MODEL, FakeQueue, stored_film
from worker.deliver import DeliverReport

FINDINGS = Findings(model=MODEL, films=(stored_film(),), unsuitable=Unsuitable.NOT_FRONTAL)
MESSAGE = Message(peer="pacs", findings=FINDINGS, made_at=datetime(2026, 1, 2, tzinfo=UTC))


@dataclass
class FakeDeliveries:
    """An outbox with one message."""

    queue: FakeQueue
    proofs: list[tuple[int, int, str]] = field(default_factory=list)

    def load(self, delivery_id: DeliveryId) -> Message:
        """Return the message."""
        assert delivery_id == 7
        return MESSAGE

    def settle_delivered(self, job: Job, *, status: int, report_uid: str) -> None:
        """Keep the proof and end the job."""
        self.queue.finish(job)
        self.proofs.append((job.subject_id, status, report_uid))


@dataclass
class FakeReporter:
    """A peer that takes the report, or does not."""

    failure: Transient | None = None
    told: list[Message] = field(default_factory=list)

    def deliver(self, message: Message) -> tuple[int, str]:
        """Take the message, or fail."""
        self.told.append(message)
        if self.failure is not None:
            raise self.failure
        return 0xB000, "2.25.7"


@pytest.fixture
def queue() -> FakeQueue:
    """A queue with one delivery."""
    queue = FakeQueue()
    queue.add("deliver:pacs", 7)
    return queue


def run(queue: FakeQueue, reporter: FakeReporter) -> FakeDeliveries:
    deliveries = FakeDeliveries(queue)
    (job,) = queue.claim("deliver:pacs", worker="host:1", lease=timedelta(seconds=9))
    DeliverReport(deliveries=deliveries, reporter=reporter).run(job)
    return deliveries


def test_an_acknowledged_report_ends_the_job_with_its_proof(queue: FakeQueue) -> None:
    """Status and UID are what the peer acknowledged."""
    reporter = FakeReporter()
    assert run(queue, reporter).proofs == [(7, 0xB000, "2.25.7")]
    assert reporter.told == [MESSAGE]
    assert queue.state(1)[0] == "done"


def test_without_an_acknowledgement_nothing_is_settled(queue: FakeQueue) -> None:
    """The failure goes to the loop, which decides about the next try."""
    with pytest.raises(Transient):
        run(queue, FakeReporter(failure=Transient("the peer is away")))
    assert queue.state(1)[0] == "leased"
