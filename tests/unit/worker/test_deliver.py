"""Delivering an object of a result: what is told to whom, and when the job ends."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest

from domain.delivery import Dispatch, Proof, ResultObject
from domain.errors import Transient
from domain.film import Unsuitable
from domain.findings import Findings
from domain.ids import DeliveryId
from domain.jobs import Job
from tests.fakes import MODEL, FakeQueue, stored_film
from worker.deliver import Deliver

FINDINGS = Findings(model=MODEL, films=(stored_film(),), unsuitable=Unsuitable.NOT_FRONTAL)
DISPATCH = Dispatch(
    peer="pacs", object=ResultObject.REPORT, findings=FINDINGS, made_at=datetime(2026, 1, 2, tzinfo=UTC)
)
PROOF = Proof(status=0xB000, sop_class_uid="1.2.840.10008.5.1.4.1.1.88.34", sop_instance_uid="2.25.7")


@dataclass
class FakeDeliveries:
    """An outbox with one object."""

    queue: FakeQueue
    proofs: list[tuple[int, Proof]] = field(default_factory=list)

    def load(self, delivery_id: DeliveryId) -> Dispatch:
        """Return the object."""
        assert delivery_id == 7
        return DISPATCH

    def settle_delivered(self, job: Job, proof: Proof) -> None:
        """Keep the proof and end the job."""
        self.queue.finish(job)
        self.proofs.append((job.subject_id, proof))


@dataclass
class FakeCourier:
    """A peer that takes the object, or does not."""

    failure: Transient | None = None
    told: list[Dispatch] = field(default_factory=list)

    def deliver(self, dispatch: Dispatch) -> Proof:
        """Take the object, or fail."""
        self.told.append(dispatch)
        if self.failure is not None:
            raise self.failure
        return PROOF


@pytest.fixture
def queue() -> FakeQueue:
    """A queue with one delivery."""
    queue = FakeQueue()
    queue.add("deliver:pacs", 7)
    return queue


def run(queue: FakeQueue, courier: FakeCourier) -> FakeDeliveries:
    deliveries = FakeDeliveries(queue)
    (job,) = queue.claim("deliver:pacs", worker="host:1", lease=timedelta(seconds=9))
    Deliver(deliveries=deliveries, couriers={ResultObject.REPORT: courier}).run(job)
    return deliveries


def test_an_acknowledged_object_ends_the_job_with_its_proof(queue: FakeQueue) -> None:
    """Status and UID are what the peer acknowledged."""
    courier = FakeCourier()
    assert run(queue, courier).proofs == [(7, PROOF)]
    assert courier.told == [DISPATCH]
    assert queue.state(1)[0] == "done"


def test_without_an_acknowledgement_nothing_is_settled(queue: FakeQueue) -> None:
    """The failure goes to the loop, which decides about the next try."""
    with pytest.raises(Transient):
        run(queue, FakeCourier(failure=Transient("the peer is away")))
    assert queue.state(1)[0] == "leased"
