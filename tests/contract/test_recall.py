"""What waits for a peer that is back, when two workers notice it at the same moment."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

from sqlalchemy import Engine, text

from db.engine import transaction
from db.queue import _RECALL, PostgresQueue, enqueue
from domain.jobs import Job, JobKind, ReasonClass
from tests.peers import wait_for

LANE = "deliver:pacs"
LEASE = timedelta(seconds=30)
MINUTE = timedelta(minutes=1)


def is_anybody_waiting(engine: Engine) -> bool:
    with transaction(engine) as connection:
        return bool(connection.execute(text("SELECT count(*) FROM pg_locks WHERE NOT granted")).scalar_one())


def test_who_recalls_second_waits_and_finds_everything_due(engine: Engine) -> None:
    """It does not claim what happens to be due while the first one is about to say what is."""
    queue = PostgresQueue(engine)
    with transaction(engine) as connection:
        for subject in range(3):
            enqueue(connection, JobKind.DELIVER, LANE, subject, max_attempts=None, after=timedelta(0))
    for job in queue.claim(LANE, worker="host:1", lease=LEASE, limit=3):
        queue.retry(job, after=MINUTE, reason="the peer is away", reason_class=ReasonClass.TRANSIENT)

    def recalled() -> list[Job]:
        queue.recall(LANE)
        return queue.claim(LANE, worker="host:2", lease=LEASE, limit=8)

    with ThreadPoolExecutor(1) as second:
        with transaction(engine) as first:
            first.execute(_RECALL, {"lane": LANE, "reason_class": ReasonClass.TRANSIENT})
            found = second.submit(recalled)
            wait_for(lambda: found.done() or is_anybody_waiting(engine))
        assert sorted(job.subject_id for job in found.result()) == [0, 1, 2]
