"""The worker stands still for longer than its lease, and wakes up when others have done its work."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psutil
import pytest
from sqlalchemy import Engine, text

from db.engine import transaction
from domain.jobs import CLASSIFY_LANE
from tests.chaos.count import Count
from tests.chaos.hospital import STUDIES, Hospital, hospital
from tests.peers import Hilum, Orthanc, wait_for

pytestmark = [pytest.mark.peers, pytest.mark.timeout(600)]

UNHURRIED_SECONDS = 1.0
"""Pause of the modality, so that there is work left for the second time, however quick the workers are."""

_IN_HAND = text("SELECT id, lane FROM jobs WHERE state = 'leased' AND leased_by LIKE '%:' || :pid")
_LOST = text("""
SELECT DISTINCT job_id FROM job_history
WHERE reason_class = 'lease-expired' AND before = 'leased' AND actor LIKE '%:' || :pid AND happened_at > :since
""")
_NOW = text("SELECT clock_timestamp() AS now")
_SETTLED_BY = text("SELECT actor FROM job_history WHERE job_id = :job AND after = 'done'")
_SLOW_FINDINGS = """
CREATE FUNCTION be_slow() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(0.5); RETURN NULL; END';
CREATE TRIGGER be_slow AFTER INSERT ON findings EXECUTE FUNCTION be_slow();
"""
_QUICK_FINDINGS = """
CREATE OR REPLACE FUNCTION be_slow() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
"""
_STORES = text("SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'PgSleep'")
_IS_WAITED_FOR = text("""
SELECT FROM pg_stat_activity
WHERE datname = current_database() AND state = 'idle in transaction' AND backend_xid IS NOT NULL
""")


@contextmanager
def standing_still(*processes: psutil.Process) -> Iterator[None]:
    """Stop processes for the block."""
    try:
        for process in processes:
            process.suspend()
        wait_for(lambda: all(process.status() == psutil.STATUS_STOPPED for process in processes))
        yield
    finally:
        for process in processes:
            process.resume()


def lanes_in_hand(ward: Hospital, worker: Hilum) -> set[str]:
    """Return the lanes of which a worker has jobs."""
    return {row.lane for row in ward.rows(_IN_HAND, pid=str(worker.process.pid))}


def lost_to_another(ward: Hospital, worker: Hilum) -> list[int]:
    """Wait until a worker that stands still has lost what it had and all of it is settled; return the jobs it lost.

    It settled what the server was about to commit when it was stopped: that is not lost.
    """
    (began,) = ward.rows(_NOW)
    wait_for(lambda: not lanes_in_hand(ward, worker))
    lost = [row.job_id for row in ward.rows(_LOST, pid=str(worker.process.pid), since=began.now)]
    wait_for(lambda: all(settled_by(ward, job) for job in lost))
    return lost


def settled_by(ward: Hospital, job: int) -> list[str]:
    """Return who settled a job: nobody, or one."""
    return [row.actor for row in ward.rows(_SETTLED_BY, job=job)]


def check_that_it_knows(ward: Hospital, worker: Hilum, lost: list[int]) -> None:
    """Wait until a worker said of each job that it lost it; none of them was settled by it, or twice."""
    wait_for(lambda: set(lost) <= {line["job"] for line in worker.events() if line["event"] == "lease-lost"})
    actors = [settled_by(ward, job) for job in lost]
    assert all(len(each) == 1 and not each[0].endswith(f":{worker.process.pid}") for each in actors)


def test_a_worker_that_stood_still_settles_nothing_that_it_lost(
    engine: Engine, pacs: Orthanc, tmp_path: Path, tell: Callable[[Count], None]
) -> None:
    """SIGSTOP for longer than its lease, beside another worker: that one settles, and the first one says it lost.

    First alone, then together with its processes that read films.
    """
    with (
        hospital(tmp_path, engine, pacs, films=range(20_000, 20_000 + STUDIES), worker={"threads": 1}) as ward,
        ward.run("node") as node,
        ward.run("worker") as first,
        ward.run("worker") as second,
        ExitStack() as stack,
    ):
        first.wait_until("worker-ready")
        second.wait_until("worker-ready")
        node.wait_until("node-ready")
        ward.pause_seconds = UNHURRIED_SECONDS
        sending = stack.enter_context(ward.sending())
        alone = psutil.Process(first.process.pid)
        for stopped in ([alone], [alone, *alone.children(recursive=True)]):
            lost: list[int] = []
            while not lost:
                assert ward.reported() < STUDIES, "the worker had nothing to lose"
                time.sleep(0.01)
                if CLASSIFY_LANE in lanes_in_hand(ward, first):
                    with standing_still(*stopped):
                        lost = lost_to_another(ward, first) if CLASSIFY_LANE in lanes_in_hand(ward, first) else []
            check_that_it_knows(ward, first, lost)
        ward.wait_until_settled(sending)
        tell(ward.reckoned("the worker hangs", deaths=2))


def test_a_worker_that_stands_still_in_a_transaction_keeps_nothing_locked(
    engine: Engine, pacs: Orthanc, tmp_path: Path, tell: Callable[[Count], None]
) -> None:
    """SIGSTOP between its statement and its commit: the server ends the transaction, and another worker goes on."""
    alter(engine, _SLOW_FINDINGS)
    with (
        hospital(tmp_path, engine, pacs, films=range(22_000, 22_000 + STUDIES)) as ward,
        ward.run("node"),
        ward.run("worker") as first,
        ward.sending() as sending,
    ):
        first.wait_until("worker-ready")
        lost: list[int] = []
        while not lost:
            wait_for(lambda: ward.rows(_STORES))
            with standing_still(psutil.Process(first.process.pid)):
                while ward.rows(_STORES):
                    time.sleep(0.1)
                if ward.rows(_IS_WAITED_FOR):
                    alter(engine, _QUICK_FINDINGS)
                    with ward.run("worker"):
                        lost = lost_to_another(ward, first)
        ward.wait_until_settled(sending)
        check_that_it_knows(ward, first, lost)
        tell(ward.reckoned("the worker hangs in a transaction", deaths=1))


def alter(engine: Engine, statements: str) -> None:
    """Change the database."""
    with transaction(engine) as connection:
        connection.exec_driver_sql(statements)
