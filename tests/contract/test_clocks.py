"""The clocks of hosts do not matter: leases and due times are the database's alone."""

from __future__ import annotations

import ast
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine

from db.engine import transaction
from db.queue import PostgresQueue, enqueue
from domain.jobs import JobKind

ROOMS = Path(__file__).parents[2]
LEASE = timedelta(seconds=30)
LANE = "classify"
HOST_TIMES = {"time.time", "time.time_ns", "datetime.now", "datetime.utcnow", "datetime.today", "date.today"}


@pytest.mark.parametrize("skew_s", [-86400.0, 86400.0])
def test_a_host_a_day_off_takes_no_lease_and_waits_for_no_job(
    engine: Engine, monkeypatch: pytest.MonkeyPatch, skew_s: float
) -> None:
    """It claims what is due and nothing else, and leaves to another host what that one holds."""
    right, wrong = PostgresQueue(engine), PostgresQueue(engine)
    with transaction(engine) as connection:
        for subject, after in ((1, timedelta(0)), (2, timedelta(0)), (3, timedelta(hours=1))):
            enqueue(connection, JobKind.CLASSIFY, LANE, subject, max_attempts=3, after=after)
    (held,) = right.claim(LANE, worker="right:1", lease=LEASE)
    now = time.time
    monkeypatch.setattr(time, "time", lambda: now() + skew_s)
    assert (wrong.reap(), wrong.age(step=timedelta(minutes=15))) == (0, 0)
    claimed = wrong.claim(LANE, worker="wrong:1", lease=LEASE, limit=10)
    assert [job.subject_id for job in claimed] == [2]
    assert wrong.renew(claimed, lease=LEASE) == frozenset()
    monkeypatch.undo()
    assert right.reap() == 0
    assert right.renew([held], lease=LEASE) == frozenset()


ITS_OWN = {"scheduler.py", "checkup.py"}
"""The timetable of the one is for itself: the database says how many seconds ago a duty ran, and no two clocks are
compared. The other compares them, which is what the doctor asks it for; nothing is done by what it finds."""


def host_times(file: Path) -> Iterator[str]:
    """Yield where a module asks its host for the time of day."""
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Attribute) and ".".join(ast.unparse(node).split(".")[-2:]) in HOST_TIMES:
            yield f"{file.name}:{node.lineno}"


def test_what_claims_and_settles_does_not_ask_for_the_time_of_day() -> None:
    """Neither the database's room nor the core: intervals are told to the server, and its clock is asked."""
    files = [
        file for room in ("db", "worker", "domain") for file in (ROOMS / room).rglob("*.py") if file.name not in ITS_OWN
    ]
    assert len(files) > 30
    assert [place for file in files for place in host_times(file)] == []
