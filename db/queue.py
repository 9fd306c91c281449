"""The job queue: claimed with SKIP LOCKED, woken by LISTEN/NOTIFY, timed by the database's clock alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import Row, text

from db.engine import transaction
from db.wakeups import CHANNEL, EVERY_LANE, Wakeups
from domain.errors import LeaseLost
from domain.ids import JobId
from domain.jobs import Job, JobKind, JobState, ReasonClass
from domain.priority import MOST_URGENT_BY_AGE, Priority

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import timedelta
    from typing import Any

    from sqlalchemy import Connection, Engine, TextClause

_FREE = """NOT EXISTS (
    SELECT 1 FROM jobs AS running
    WHERE running.kind = jobs.kind AND running.subject_id = jobs.subject_id AND running.state = 'leased'
)"""
"""One study is never classified by two workers at once: the later job sees what the earlier one stored."""

_IS_PAUSED = f"EXISTS (SELECT FROM pauses WHERE pauses.lane IN (:lane, '{EVERY_LANE}'))"

_UNHURRIED = "set_config('synchronous_commit', 'off', true)"
"""For this transaction alone: if the server crashes before the claim is on its disk, nobody ever had the job, and the
token of whoever thinks so is worth nothing."""

_CLAIM = text(f"""
WITH due AS (
    SELECT id FROM jobs
    WHERE lane = :lane AND lane <> '' AND state = 'waiting' AND run_after <= now() AND {_FREE} AND NOT {_IS_PAUSED}
    ORDER BY priority, turn
    LIMIT :limit
    FOR UPDATE SKIP LOCKED
)
UPDATE jobs SET
    state = 'leased', attempts = attempts + 1, leased_by = :worker,
    lease_token = gen_random_uuid(), lease_until = now() + :lease
FROM due WHERE jobs.id = due.id
RETURNING
    jobs.id, kind, lane, subject_id, attempts, max_attempts, lease_token, reason_class, priority, turn,
    extract(epoch FROM now() - run_after)::float AS due_for_seconds, {_UNHURRIED}
""")  # noqa: S608 - a constant

_SECONDS_TO_NEXT = text(f"""
SELECT extract(epoch FROM min(run_after) - clock_timestamp())::float FROM (
    SELECT run_after FROM jobs
    WHERE lane = :lane AND lane <> '' AND state = 'waiting' AND {_FREE} AND NOT {_IS_PAUSED}
    ORDER BY priority, turn LIMIT 100
) AS next
""")  # noqa: S608 - a constant
"""Of the next hundred alone: what hides behind them is found a few seconds later."""

_MINE = """
FROM unnest(CAST(:ids AS bigint[]), CAST(:tokens AS uuid[])) AS mine (id, token)
WHERE jobs.id = mine.id AND lease_token = token
"""

_RENEW = text(f"UPDATE jobs SET lease_until = now() + :lease {_MINE} RETURNING jobs.id, {_UNHURRIED}")  # noqa: S608 - a constant

_SETTLE = f"""
UPDATE jobs SET state = '{{state}}', lease_token = NULL, lease_until = NULL, leased_by = NULL, {{changes}}
{_MINE} RETURNING jobs.id
"""  # noqa: S608 - a constant

_FINISH = text(_SETTLE.format(state=JobState.DONE, changes="reason = NULL, reason_class = NULL, settled_at = now()"))
_RETRY = text(
    _SETTLE.format(
        state=JobState.WAITING,
        changes="reason = :reason, reason_class = :reason_class, run_after = now() + :after, turn = now() + :after",
    )
)
_HOLD = text(
    _SETTLE.format(state=JobState.HELD, changes="reason = :reason, reason_class = :reason_class, settled_at = now()")
)
_RELEASE = text(_SETTLE.format(state=JobState.WAITING, changes="attempts = attempts - 1, run_after = now()"))

_POSTPONE = text(
    _SETTLE.format(
        state=JobState.WAITING,
        changes="attempts = attempts - 1, reason = NULL, reason_class = NULL, run_after = now() + :after, "
        "turn = now() + :after",
    )
)

_RECALL = text("""
WITH away AS (
    SELECT id FROM jobs
    WHERE lane = :lane AND lane <> '' AND state = 'waiting' AND run_after > now() AND reason_class = :reason_class
    ORDER BY id
    FOR UPDATE
)
UPDATE jobs SET run_after = now() FROM away WHERE jobs.id = away.id
""")
"""Locked in one order: of two workers at once, the second waits, and claims when everything is due."""

_REAP = text("""
WITH expired AS (
    SELECT id, max_attempts IS NOT NULL AND attempts >= max_attempts AS spent FROM jobs
    WHERE state = 'leased' AND lease_until < now()
    FOR UPDATE SKIP LOCKED
)
UPDATE jobs SET
    state = CASE WHEN spent THEN 'held' ELSE 'waiting' END,
    settled_at = CASE WHEN spent THEN now() END,
    reason = 'the worker died or hung: its lease expired', reason_class = 'lease-expired',
    lease_token = NULL, lease_until = NULL, leased_by = NULL, run_after = now()
FROM expired WHERE jobs.id = expired.id
RETURNING jobs.lane
""")

_AGE = text("""
UPDATE jobs SET priority = priority - 1
WHERE state = 'waiting' AND priority > :most AND turn < now() - :step * (4 - priority)
""")
"""Counted from its turn: the thousandth film of one sender does not become urgent by the length of its own line."""

_ENQUEUE = text("""
INSERT INTO jobs (kind, lane, subject_id, max_attempts, run_after, turn, priority)
VALUES (:kind, :lane, :subject_id, :max_attempts, now() + :after, now() + :after, :priority)
""")

_NOTIFY = text("SELECT pg_notify(:channel, :lane)")

_SHORTEST_SLEEP_SECONDS = 0.02


class PostgresQueue:
    """The queue in PostgreSQL; threads may share it, and the one connection on which it listens."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        # One statement that commits by itself: no round trips for BEGIN and COMMIT.
        self._single = engine.execution_options(isolation_level="AUTOCOMMIT")
        self._wakeups = Wakeups(engine)

    def claim(self, lane: str, *, worker: str, lease: timedelta, limit: int = 1) -> list[Job]:
        """Lease the most urgent jobs that are due in a lane, in the order of their turns; at most `limit`.

        There is none while the lane, or every lane, is paused.
        """
        values = {"lane": lane, "worker": worker, "lease": lease, "limit": limit}
        with transaction(self._single) as connection:
            rows = connection.execute(_CLAIM, values).all()
        jobs = [_from_row(row) for row in sorted(rows, key=lambda row: (row.priority, row.turn, row.id))]
        first = {(job.kind, job.subject_id): job for job in reversed(jobs)}
        again = [job for job in jobs if first[job.kind, job.subject_id] is not job]
        if again:  # an operator requeued a job while another one about the same waits
            self.release(again)
        return [job for job in jobs if job not in again]

    def renew(self, jobs: Sequence[Job], *, lease: timedelta) -> frozenset[JobId]:
        """Extend the leases, counted from now; return those of the jobs that belong to somebody else now."""
        with transaction(self._single) as connection:
            return _lost(connection, _RENEW, jobs, lease=lease)

    def retry(self, job: Job, *, after: timedelta, reason: str, reason_class: ReasonClass) -> None:
        """Return the job to its lane, due later."""
        with transaction(self._single) as connection:
            _settle(connection, _RETRY, job, after=after, reason=reason, reason_class=reason_class)

    def hold(self, job: Job, *, reason: str, reason_class: ReasonClass) -> None:
        """Take the job out of its lane until an operator requeues it."""
        with transaction(self._single) as connection:
            _settle(connection, _HOLD, job, reason=reason, reason_class=reason_class)

    def release(self, jobs: Sequence[Job]) -> None:
        """Give unfinished jobs back at once, not counting the attempt; those that were lost are left alone."""
        with transaction(self._engine) as connection:
            _lost(connection, _RELEASE, jobs)
            for lane in {job.lane for job in jobs}:
                notify(connection, lane)

    def recall(self, lane: str) -> int:
        """Make due at once what waits in a lane for another try after a transient failure; say how many jobs."""
        with transaction(self._engine) as connection:
            values = {"lane": lane, "reason_class": ReasonClass.TRANSIENT}
            count = connection.execute(_RECALL, values).rowcount
            if count:
                notify(connection, lane)
        return count

    def reap(self) -> int:
        """Return jobs of expired leases to their lanes, hold those out of attempts; say how many."""
        with transaction(self._engine) as connection:
            lanes = connection.execute(_REAP).scalars().all()
            for lane in set(lanes):
                notify(connection, lane)
        return len(lanes)

    def age(self, *, step: timedelta) -> int:
        """Make what has been due for long more urgent, by one priority a step; say how many jobs rose."""
        with transaction(self._single) as connection:
            return connection.execute(_AGE, {"step": step, "most": MOST_URGENT_BY_AGE}).rowcount

    def wait(self, lane: str, *, at_most: timedelta) -> None:
        """Sleep until a job of the lane may be due, one is announced, somebody wakes us, or the time is up."""
        heard = self._wakeups.heard(lane)
        with transaction(self._single) as connection:
            due_in = connection.execute(_SECONDS_TO_NEXT, {"lane": lane}).scalar_one()
        seconds = at_most.total_seconds() if due_in is None else min(due_in, at_most.total_seconds())
        self._wakeups.wait(lane, heard, max(seconds, _SHORTEST_SLEEP_SECONDS))

    def wake(self) -> None:
        """Wake every thread that waits."""
        self._wakeups.wake()

    def close(self) -> None:
        """Stop listening."""
        self._wakeups.close()


def finish(connection: Connection, job: Job) -> None:
    """End a job well, inside the transaction that stores its result.

    Raises:
        LeaseLost: the job belongs to somebody else now.
    """
    _settle(connection, _FINISH, job)


def finish_all(connection: Connection, jobs: Sequence[Job]) -> frozenset[JobId]:
    """End jobs well, inside the transaction that stores their results; return those that somebody else has now."""
    return _lost(connection, _FINISH, jobs)


def postpone(connection: Connection, job: Job, after: timedelta) -> None:
    """Return a job to its lane that waits for somebody else now, due later and not counted as a try.

    Raises:
        LeaseLost: the job belongs to somebody else now.
    """
    _settle(connection, _POSTPONE, job, after=after)


def enqueue(
    connection: Connection,
    kind: JobKind,
    lane: str,
    subject_id: int,
    *,
    max_attempts: int | None,
    after: timedelta,
    priority: Priority = Priority.ROUTINE,
) -> None:
    """Add a job, due `after` from now, and announce it when the transaction commits."""
    values = {
        "kind": kind,
        "lane": lane,
        "subject_id": subject_id,
        "max_attempts": max_attempts,
        "after": after,
        "priority": priority,
    }
    connection.execute(_ENQUEUE, values)
    notify(connection, lane)


def notify(connection: Connection, lane: str) -> None:
    """Wake the workers of a lane when the transaction commits."""
    connection.execute(_NOTIFY, {"channel": CHANNEL, "lane": lane})


def _settle(connection: Connection, statement: TextClause, job: Job, **values: Any) -> None:  # noqa: ANN401
    if _lost(connection, statement, [job], **values):
        raise LeaseLost("the job's lease has passed to another worker")


def _lost(connection: Connection, statement: TextClause, jobs: Sequence[Job], **values: Any) -> frozenset[JobId]:  # noqa: ANN401
    """Change the jobs that are still ours; return the others."""
    ours = {"ids": [job.id for job in jobs], "tokens": [str(job.lease_token) for job in jobs]}
    changed = set(connection.execute(statement, {**ours, **values}).scalars())
    return frozenset(job.id for job in jobs if job.id not in changed)


def _from_row(row: Row[*tuple[Any, ...]]) -> Job:
    return Job(
        id=JobId(row.id),
        kind=JobKind(row.kind),
        lane=row.lane,
        subject_id=row.subject_id,
        attempt=row.attempts,
        max_attempts=row.max_attempts,
        lease_token=row.lease_token,
        last_failure=None if row.reason_class is None else ReasonClass(row.reason_class),
        due_for_seconds=row.due_for_seconds,
    )
