"""What the worker counts of its work."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from domain.errors import Permanent, Transient
from domain.jobs import Job
from domain.measures import BATCH_STUDIES, CLAIMS, JOB_SECONDS, JOBS, LEASES_LOST, RESULTS, SCORES, STAGE_SECONDS
from tests.fake_meters import RecordedMeters
from tests.fake_studies import FakeStudies
from tests.fakes import FakeClassifier, FakeDarkroom, FakeQueue, RecordedEvents, stored_film
from tests.peers import wait_for
from worker.aftermath import Aftermath
from worker.guard import Guard
from worker.loop import Loop
from worker.pipeline import Pipeline
from worker.retry import Backoff

LEASE = timedelta(seconds=30)
BACKOFF = Backoff(first=timedelta(hours=1), limit=timedelta(hours=1))


class Handler:
    """Fails as it is told, else is done."""

    def __init__(self, failure: Exception | None) -> None:
        self._failure = failure

    def run(self, _: Job) -> str:
        if self._failure is not None:
            raise self._failure
        return "told"


@pytest.mark.parametrize(
    ("failure", "outcome"), [(None, "done"), (Transient("away"), "retried"), (Permanent("refused"), "held")]
)
def test_a_delivery_is_counted_by_peer_and_outcome(failure: Exception | None, outcome: str) -> None:
    """With the time that it took, also where it failed."""
    queue, events, meters = FakeQueue(), RecordedEvents(), RecordedMeters()
    queue.add("deliver:pacs", 1)
    guard = Guard(lane="deliver:pacs", queue=queue, events=events, meters=meters)
    aftermath = Aftermath(queue=queue, backoff=BACKOFF, events=events, meters=meters)
    Loop(guard=guard, handler=Handler(failure), worker="host:1", lease=LEASE, aftermath=aftermath).step()
    assert meters.total(CLAIMS, "deliver:pacs") == 1
    assert meters.total(JOBS, "deliver:pacs", outcome) == 1
    assert len(meters.values[JOB_SECONDS.name, "deliver:pacs"]) == 1


def test_a_lost_lease_is_counted_where_it_is_noticed() -> None:
    """At the renewal, here."""
    queue, meters = FakeQueue(), RecordedMeters()
    queue.add("classify", 1)
    guard = Guard(lane="classify", queue=queue, events=RecordedEvents(), meters=meters)
    aftermath = Aftermath(queue=queue, backoff=BACKOFF, events=guard.events, meters=meters)
    leases = Loop(guard=guard, handler=Handler(None), worker="host:1", lease=LEASE, aftermath=aftermath).leases
    (job,) = queue.claim("classify", worker="host:1", lease=LEASE)
    leases.take([job])
    queue.rows[job.id].job = replace(job, attempt=2, lease_token=type(job.lease_token)(int=1))
    leases.beat()
    assert meters.total(LEASES_LOST, "classify", "renewal") == 1


def test_a_classification_is_counted_with_its_stages_and_scores() -> None:
    """Outcome, batch, and the output for each class of this network."""
    queue, meters = FakeQueue(), RecordedMeters()
    studies = FakeStudies(queue=queue)
    for number in (1, 2):
        studies.by_id[number] = (stored_film(study=number),)
        queue.add("classify", number)
    guard = Guard(lane="classify", queue=queue, events=RecordedEvents(), meters=meters)
    line = Pipeline(
        guard=guard,
        studies=studies,
        darkroom=FakeDarkroom(),
        classifier=FakeClassifier(),
        worker="host:1",
        lease=LEASE,
        aftermath=Aftermath(queue=queue, backoff=BACKOFF, events=guard.events, meters=meters),
        batch=2,
        patience=timedelta(seconds=5),
    )
    line._claim()
    assert line._developed.qsize() == 2
    guard.stop.set()
    line.run()
    wait_for(lambda: meters.total(RESULTS, "classified") == 2)
    assert meters.total(BATCH_STUDIES) == 2
    assert {labels for name, labels in meters.values if name == STAGE_SECONDS.name} == {"darkroom", "network", "settle"}
    assert {labels for name, labels in meters.values if name == SCORES.name} == {
        f"test-network 1.0.0 {label}" for label in ("COVID19", "NORMAL", "PNEUMONIA")
    }
