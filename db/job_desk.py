"""What an operator sees of jobs and does with them: look, requeue, hold, cancel, pause, resume."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import text

from db.engine import transaction
from db.queue import notify
from db.wakeups import EVERY_LANE
from domain.jobs import JobState

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from contextlib import AbstractContextManager
    from datetime import datetime
    from typing import Any

    from sqlalchemy import Connection, Engine, TextClause

_COLUMNS = """
    id, kind, lane, subject_id, state, priority, attempts, max_attempts, run_after, leased_by, lease_until, reason,
    reason_class, created_at, settled_at
"""

_LIST = text(f"""
SELECT {_COLUMNS} FROM jobs
WHERE (state = ANY(:states)) AND (:lane = '' OR lane = :lane)
ORDER BY array_position(:states, state), priority, turn, id
LIMIT :limit
""")  # noqa: S608 - a constant

_SHOW = text(f"""
SELECT {_COLUMNS} FROM jobs WHERE id = :id
UNION ALL SELECT {_COLUMNS} FROM jobs_archive WHERE id = :id
""")  # noqa: S608 - a constant
_HISTORY = text("""
SELECT id, happened_at, before, after, attempt, actor, reason, reason_class FROM job_history WHERE job_id = :id
UNION ALL
SELECT id, happened_at, before, after, attempt, actor, reason, reason_class FROM job_history_archive WHERE job_id = :id
ORDER BY id
""")

_REQUEUE = text("""
UPDATE jobs SET
    state = 'waiting', run_after = now(), turn = now(), settled_at = NULL, reason = NULL, reason_class = NULL,
    attempts = CASE WHEN state = 'held' THEN 0 ELSE attempts END
WHERE id = :id AND state IN ('held', 'waiting')
RETURNING lane
""")
_HOLD = text("""
UPDATE jobs SET state = 'held', settled_at = now(), reason = :reason, reason_class = 'operator'
WHERE id = :id AND state = 'waiting'
RETURNING lane
""")
_CANCEL = text("""
UPDATE jobs SET state = 'cancelled', settled_at = now(), reason = :reason, reason_class = 'operator'
WHERE id = :id AND state IN ('waiting', 'held')
RETURNING lane
""")
_HELD = text("SELECT id FROM jobs WHERE state = 'held' AND (:lane = '' OR lane = :lane) ORDER BY id")
_LANES = text("SELECT lane FROM jobs UNION SELECT lane FROM jobs_archive ORDER BY lane")

_PAUSE = text("""
INSERT INTO pauses (lane, actor, reason) VALUES (:lane, :actor, :reason) ON CONFLICT (lane) DO NOTHING
""")
_RESUME = text("DELETE FROM pauses WHERE :lane IN ('', lane) RETURNING lane")
_PAUSES = text("SELECT lane, since, actor, reason FROM pauses ORDER BY lane")
_AT_WORK = text("SELECT count(*) FROM jobs WHERE state = 'leased' AND (:lane = '' OR lane = :lane)")


@dataclass(frozen=True, kw_only=True, slots=True)
class JobView:
    """A job as an operator sees it."""

    id: int
    kind: str
    lane: str
    subject_id: int
    state: str
    priority: int
    attempts: int
    max_attempts: int | None
    run_after: datetime
    leased_by: str | None
    lease_until: datetime | None
    reason: str | None
    reason_class: str | None
    created_at: datetime
    settled_at: datetime | None


@dataclass(frozen=True, kw_only=True, slots=True)
class HistoryEntry:
    """A change of a job's state."""

    happened_at: datetime
    before: str
    after: str
    attempt: int
    actor: str | None
    reason: str | None
    reason_class: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class PauseView:
    """A lane in which nothing is claimed."""

    lane: str
    """Empty: every lane."""
    since: datetime
    actor: str
    reason: str


class JobDesk:
    """Acts on jobs in the name of a person, which their history keeps."""

    def __init__(self, engine: Engine, *, actor: str) -> None:
        self._engine = engine
        self._actor = actor

    def jobs(self, *, states: Iterable[JobState], lane: str = EVERY_LANE, limit: int = 50) -> list[JobView]:
        """Return jobs by state in the order of `states`, within a state the most urgent and longest due first."""
        values = {"states": [str(state) for state in states], "lane": lane, "limit": limit}
        with transaction(self._engine) as connection:
            return [JobView(**row) for row in connection.execute(_LIST, values).mappings()]

    def show(self, job_id: int) -> tuple[JobView, list[HistoryEntry]] | None:
        """Return a job, also an archived one, and what happened to it; None where there is none."""
        with transaction(self._engine) as connection:
            row = connection.execute(_SHOW, {"id": job_id}).mappings().one_or_none()
            history = [
                HistoryEntry(**{key: value for key, value in entry.items() if key != "id"})
                for entry in connection.execute(_HISTORY, {"id": job_id}).mappings()
            ]
            return None if row is None else (JobView(**row), history)

    def held(self, lane: str = EVERY_LANE) -> Sequence[int]:
        """Return the ids of held jobs."""
        with transaction(self._engine) as connection:
            return connection.execute(_HELD, {"lane": lane}).scalars().all()

    def lanes(self) -> Sequence[str]:
        """Return the lanes that ever had a job."""
        with transaction(self._engine) as connection:
            return connection.execute(_LANES).scalars().all()

    def requeue(self, job_id: int) -> str | None:
        """Make a held job wait again with all its tries, or a waiting one due now; return what is in the way."""
        return self._act(_REQUEUE, job_id)

    def hold(self, job_id: int, reason: str) -> str | None:
        """Take a waiting job out of its lane; return what is in the way."""
        return self._act(_HOLD, job_id, reason=reason)

    def cancel(self, job_id: int, reason: str) -> str | None:
        """End a job that is not at work, for good; return what is in the way."""
        return self._act(_CANCEL, job_id, reason=reason)

    def pause(self, lane: str, reason: str) -> None:
        """Let nothing new be claimed in a lane, or in any; what is at work ends as ever."""
        with self._transaction() as connection:
            connection.execute(_PAUSE, {"lane": lane, "actor": self._actor, "reason": reason})

    def resume(self, lane: str = EVERY_LANE) -> Sequence[str]:
        """End the pause of a lane, or all pauses; return the lanes that were paused."""
        with self._transaction() as connection:
            lanes = connection.execute(_RESUME, {"lane": lane}).scalars().all()
            for resumed in lanes:
                notify(connection, resumed)
        return lanes

    def pauses(self) -> list[PauseView]:
        """Return what is paused."""
        with transaction(self._engine) as connection:
            return [PauseView(**row) for row in connection.execute(_PAUSES).mappings()]

    def at_work(self, lane: str = EVERY_LANE) -> int:
        """Return how many jobs workers have in hand."""
        with transaction(self._engine) as connection:
            return int(connection.execute(_AT_WORK, {"lane": lane}).scalar_one())

    def _act(self, statement: TextClause, job_id: int, **values: Any) -> str | None:  # noqa: ANN401 - bound by name
        with self._transaction() as connection:
            lane = connection.execute(statement, {"id": job_id, **values}).scalar_one_or_none()
            if lane is not None:
                notify(connection, lane)
                return None
            row = connection.execute(_SHOW, {"id": job_id}).mappings().one_or_none()
        return _why_not(None if row is None else JobView(**row))

    def _transaction(self) -> AbstractContextManager[Connection]:
        return _acting_as(self._engine, self._actor)


@contextmanager
def _acting_as(engine: Engine, actor: str) -> Iterator[Connection]:
    with transaction(engine) as connection:
        connection.execute(text("SELECT set_config('hilum.actor', :actor, true)"), {"actor": actor})
        yield connection


def _why_not(job: JobView | None) -> str:
    if job is None:
        return "there is no such job"
    if job.state == JobState.LEASED:
        return f"it is at work ({job.leased_by}); it ends, or comes back when its lease expires"
    return f"it is {job.state}"
