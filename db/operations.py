"""What an operator sees of the work at a glance; what is done stays unread, however much it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import text

from db.duty_book import records
from db.engine import transaction
from db.job_desk import JobDesk
from db.outbox import PostgresDeliveries
from domain.jobs import JobKind, deliver_lane
from domain.operations import (
    Board,
    HeldJob,
    LaneLoad,
    NetworkUse,
    PausedLane,
    PeerTraffic,
    WorkerHands,
    plain_reason,
)

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import timedelta

    from sqlalchemy import Connection, Engine

_MOST_HELD = 50

# Each state by its own index; what is done, by the time.
_LANES = text("""
SELECT lane, sum(waiting)::bigint AS waiting, sum(due)::bigint AS due, sum(leased)::bigint AS leased,
    sum(held)::bigint AS held, sum(done)::bigint AS done_in_hour, sum(lately)::bigint AS done_lately,
    extract(epoch FROM now() - min(oldest))::float AS oldest_due_seconds
FROM (
    SELECT lane, count(*) AS waiting, count(*) FILTER (WHERE run_after <= now()) AS due, 0 AS leased, 0 AS held,
        0 AS done, 0 AS lately, min(run_after) FILTER (WHERE run_after <= now()) AS oldest
    FROM jobs WHERE state = 'waiting' AND lane <> '' GROUP BY lane
    UNION ALL SELECT lane, 0, 0, count(*), 0, 0, 0, NULL FROM jobs WHERE state = 'leased' GROUP BY lane
    UNION ALL SELECT lane, 0, 0, 0, count(*), 0, 0, NULL FROM jobs WHERE state = 'held' GROUP BY lane
    UNION ALL SELECT lane, 0, 0, 0, 0, count(*),
        count(*) FILTER (WHERE settled_at > now() - interval '5 minutes'), NULL
    FROM jobs WHERE state IN ('done', 'cancelled') AND state = 'done' AND settled_at > now() - interval '1 hour'
    GROUP BY lane
    UNION ALL SELECT lane, 0, 0, 0, 0, 0, 0, NULL FROM pauses WHERE lane <> ''
    UNION ALL SELECT lane, 0, 0, 0, 0, 0, 0, NULL FROM unnest(CAST(:lanes AS text[])) AS known (lane)
) AS parts
GROUP BY lane ORDER BY lane
""")
_PAUSED = text("SELECT lane, since, actor, reason FROM pauses ORDER BY lane")
_HELD = text(f"""
SELECT j.id, j.lane, j.attempts, j.reason, j.reason_class, j.settled_at AS held_at, CASE j.kind
    WHEN '{JobKind.CLASSIFY}' THEN j.subject_id
    WHEN '{JobKind.DELIVER}' THEN (
        SELECT f.study_id FROM deliveries AS d JOIN findings AS f ON f.id = d.findings_id WHERE d.id = j.subject_id
    )
    WHEN '{JobKind.SHADOW}' THEN (SELECT f.study_id FROM findings AS f WHERE f.id = j.subject_id)
END AS study
FROM jobs AS j WHERE j.state = 'held' ORDER BY j.settled_at DESC NULLS LAST, j.id DESC LIMIT {_MOST_HELD}
""")  # noqa: S608 - constants
_UNDELIVERED = text(f"""
SELECT d.peer, count(*) AS undelivered, extract(epoch FROM now() - min(d.created_at))::float AS oldest_seconds
FROM deliveries AS d
WHERE d.accepted_at IS NULL
    AND NOT EXISTS (SELECT FROM jobs WHERE kind = '{JobKind.DELIVER}' AND subject_id = d.id AND state = 'cancelled')
    AND NOT EXISTS (
        SELECT FROM jobs_archive WHERE kind = '{JobKind.DELIVER}' AND subject_id = d.id AND state = 'cancelled'
    )
GROUP BY d.peer
""")  # noqa: S608 - constants
_SUCCESSES = text("""
SELECT peer, (SELECT max(accepted_at) FROM deliveries WHERE deliveries.peer = known.peer AND accepted_at IS NOT NULL)
    AS last_success
FROM unnest(CAST(:peers AS text[])) AS known (peer)
""")
# What is given back unfinished has the reason of the try before, but one try less than when it was claimed.
_FAILURES = text("""
SELECT DISTINCT ON (jobs.lane) jobs.lane, failed.happened_at, failed.reason
FROM (
    SELECT id, job_id, happened_at, reason, attempt FROM job_history
    WHERE before = 'leased' AND after <> 'done' AND reason IS NOT NULL
    ORDER BY id DESC LIMIT 1000
) AS failed
JOIN jobs ON jobs.id = failed.job_id
WHERE jobs.kind = 'deliver' AND failed.attempt = coalesce((
    SELECT attempt FROM job_history AS claim WHERE claim.job_id = failed.job_id AND claim.id < failed.id
    ORDER BY id DESC LIMIT 1
), failed.attempt)
ORDER BY jobs.lane, failed.id DESC
""")
_WORKERS = text("""
SELECT leased_by AS name, count(*) AS jobs, array_agg(DISTINCT lane ORDER BY lane) AS lanes,
    extract(epoch FROM min(lease_until) - now())::float AS next_expiry_seconds
FROM jobs WHERE state = 'leased' GROUP BY leased_by ORDER BY leased_by
""")
_NETWORKS = text("""
SELECT m.name, m.version, count(*) AS results, max(last.created_at) AS last_at
FROM (SELECT model_version_id, created_at FROM findings ORDER BY id DESC LIMIT 1000) AS last
JOIN model_versions AS m ON m.id = last.model_version_id
GROUP BY m.name, m.version ORDER BY last_at DESC, m.name, m.version
""")
_COUNTS = text("""
SELECT now() AS at,
    (SELECT count(*) FROM jobs WHERE state = 'held' AND kind <> 'shadow') AS held_count,
    (SELECT count(*) FROM conflicts WHERE last_received_at > now() - interval '7 days') AS conflicts,
    coalesce(sum(unknown), 0)::bigint AS unknown_reports, coalesce(sum(ambiguous), 0)::bigint AS ambiguous_reports
FROM report_messages WHERE received_at > now() - interval '7 days'
""")
_SIZE = text("SELECT pg_database_size(current_database())")


class PostgresOperations:
    """Implements `domain.operations.Switchboard`."""

    def __init__(self, engine: Engine, *, patience: timedelta, lanes: Sequence[str] = ()) -> None:
        """Look at the work.

        Args:
            engine: of the database.
            patience: how long an urgent result may be on its way before it is overdue.
            lanes: shown also while nothing stands in them.
        """
        self._engine = engine
        self._patience = patience
        self._lanes = list(lanes)

    def board(self, peers: Sequence[str]) -> Board:
        """Return the state of the work, with the traffic of these peers and of whom else something is for."""
        overdue = PostgresDeliveries(self._engine).overdue(older_than=self._patience)
        with transaction(self._engine) as connection:
            counts = connection.execute(_COUNTS).mappings().one()
            lanes = connection.execute(_LANES, {"lanes": self._lanes}).mappings().all()
            return Board(
                **counts,
                lanes=tuple(LaneLoad(**row) for row in lanes),
                paused=tuple(PausedLane(**row) for row in connection.execute(_PAUSED).mappings()),
                held=_held(connection),
                traffic=_traffic(connection, peers),
                workers=tuple(
                    WorkerHands(**{**row, "lanes": tuple(row["lanes"])})
                    for row in connection.execute(_WORKERS).mappings()
                ),
                networks=tuple(NetworkUse(**row) for row in connection.execute(_NETWORKS).mappings()),
                duties=records(connection),
                overdue=overdue,
            )

    def size_bytes(self) -> int:
        """Return the size of the database on its server's disk."""
        with transaction(self._engine) as connection:
            return int(connection.execute(_SIZE).scalar_one())

    def requeue(self, job: int, *, actor: str) -> str | None:
        """Make a held job wait again, with all its tries; return what is in the way."""
        return JobDesk(self._engine, actor=actor).requeue(job)

    def cancel(self, job: int, *, reason: str, actor: str) -> str | None:
        """End a held or waiting job for good; return what is in the way."""
        return JobDesk(self._engine, actor=actor).cancel(job, reason)

    def pause(self, lane: str, *, reason: str, actor: str) -> str | None:
        """Let nothing new be claimed in a lane, or in any; return what is in the way."""
        desk = JobDesk(self._engine, actor=actor)
        if any(one.lane == lane for one in desk.pauses()):
            return "it is paused"
        desk.pause(lane, reason)
        return None

    def resume(self, lane: str, *, actor: str) -> str | None:
        """End the pause of a lane, or all pauses; return what is in the way."""
        return None if JobDesk(self._engine, actor=actor).resume(lane) else "it is not paused"


def _held(connection: Connection) -> tuple[HeldJob, ...]:
    return tuple(
        HeldJob(
            id=row.id,
            lane=row.lane,
            study=row.study,
            attempts=row.attempts,
            reason=plain_reason(row.reason),
            reason_class=row.reason_class or "",
            held_at=row.held_at,
        )
        for row in connection.execute(_HELD)
    )


def _traffic(connection: Connection, peers: Sequence[str]) -> dict[str, PeerTraffic]:
    waiting = {row.peer: row for row in connection.execute(_UNDELIVERED)}
    failed = {row.lane: row for row in connection.execute(_FAILURES)}
    names = [*peers, *sorted(set(waiting) - set(peers))]
    last = {row.peer: row.last_success for row in connection.execute(_SUCCESSES, {"peers": names})}
    found = {}
    for name in names:
        own, failure = waiting.get(name), failed.get(deliver_lane(name))
        found[name] = PeerTraffic(
            undelivered=0 if own is None else own.undelivered,
            oldest_seconds=None if own is None else own.oldest_seconds,
            last_success=last[name],
            last_failure=None if failure is None else failure.happened_at,
            failure="" if failure is None else plain_reason(failure.reason),
        )
    return found
