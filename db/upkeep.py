"""The duties' statements: overlooked studies, stuck work, the archive of settled jobs, figures by the hour."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import text

from db.engine import transaction
from db.queue import notify
from db.tables import ArchivedHistory, ArchivedJob
from domain.duties import Stuck
from domain.jobs import CLASSIFY_LANE, JobKind

if TYPE_CHECKING:
    from datetime import timedelta

    from sqlalchemy import Engine

    from domain.duties import StuckLimits

_OF_THE_STUDY = "kind = 'classify' AND subject_id = s.id"

_NOBODY_WILL = f"""
    NOT EXISTS (SELECT FROM jobs WHERE {_OF_THE_STUDY} AND state = 'waiting')
    AND NOT EXISTS (SELECT FROM jobs WHERE {_OF_THE_STUDY} AND state = 'leased')
    AND NOT EXISTS (SELECT FROM jobs WHERE {_OF_THE_STUDY} AND state = 'held')
"""  # noqa: S608 - a constant
"""No job waits, runs or is held: one question each, for there is an index for each."""

_NO_JOB_DECIDED = " AND ".join(
    f"""EXISTS (
        SELECT FROM {table} WHERE {_OF_THE_STUDY} AND state IN ('done', 'cancelled')
        AND CASE state WHEN 'cancelled' THEN settled_at >= s.last_received_at ELSE created_at > s.last_received_at END
    ) IS FALSE"""
    for table in ("jobs", "jobs_archive")
)
"""None was cancelled since the last film, and none that was made after the last film is done: what such a job left
without findings another one would, too. `IS FALSE` has this asked for each study by the index; else all jobs that are
done might be read once."""

# In steps, each asked of the few that the one before has left: films of the last days without findings, studies without
# a job, studies without a decision.
_OVERLOOKED = text(f"""
WITH unseen AS MATERIALIZED (
    SELECT DISTINCT se.study_id AS id FROM instances AS i JOIN series AS se ON se.id = i.series_id
    WHERE i.received_at > now() - :window AND NOT EXISTS (
        SELECT FROM findings AS f JOIN findings_instances AS fi ON fi.findings_id = f.id
        WHERE f.study_id = se.study_id AND fi.instance_id = i.id AND coalesce(fi.digest, i.digest) = i.digest
    )
),
left_alone AS MATERIALIZED (
    SELECT s.id, s.last_received_at FROM studies AS s JOIN unseen ON unseen.id = s.id
    WHERE s.last_received_at < now() - :quiet AND {_NOBODY_WILL}
)
SELECT studies.id FROM left_alone AS s JOIN studies ON studies.id = s.id
WHERE {_NO_JOB_DECIDED}
LIMIT :at_most
FOR UPDATE OF studies SKIP LOCKED
""")  # noqa: S608 - a constant

# Asked again, now that the studies are locked: who else makes jobs for them locks them first.
_MAKE_DUE = text(f"""
INSERT INTO jobs (kind, lane, subject_id, max_attempts, priority, sender)
SELECT '{JobKind.CLASSIFY}', '{CLASSIFY_LANE}', s.id, :max_attempts, s.priority, (
    SELECT i.calling_ae_title FROM instances AS i JOIN series AS se ON se.id = i.series_id
    WHERE se.study_id = s.id ORDER BY i.id LIMIT 1
)
FROM studies AS s WHERE s.id = ANY(:studies) AND {_NOBODY_WILL} AND {_NO_JOB_DECIDED}
""")  # noqa: S608 - a constant

# What a shadow has not done keeps no result from anybody: it is no alarm.
_STUCK = text("""
SELECT
    (
        SELECT count(*) FROM jobs
        WHERE state = 'waiting' AND lane <> '' AND kind <> 'shadow' AND run_after < now() - :waiting
        AND NOT EXISTS (SELECT FROM pauses WHERE pauses.lane IN ('', jobs.lane))
    ) AS waiting,
    (
        SELECT count(*) FROM jobs
        WHERE state = 'leased' AND kind <> 'shadow' AND now() - :leased > (
            SELECT max(happened_at) FROM job_history WHERE job_id = jobs.id AND after = 'leased'
        )
    ) AS leased,
    (SELECT count(*) FROM jobs WHERE state = 'held' AND kind <> 'shadow') AS held,
    (
        SELECT count(*) FROM deliveries AS d
        WHERE d.accepted_at IS NULL AND d.created_at < now() - :undelivered
        AND NOT EXISTS (SELECT FROM jobs WHERE kind = 'deliver' AND subject_id = d.id AND state = 'cancelled')
        AND NOT EXISTS (SELECT FROM jobs_archive WHERE kind = 'deliver' AND subject_id = d.id AND state = 'cancelled')
    ) AS undelivered
""")

_OLD = text("""
SELECT id FROM jobs
WHERE state IN ('done', 'cancelled') AND settled_at < now() - :older_than
ORDER BY settled_at
LIMIT :at_most
FOR UPDATE SKIP LOCKED
""")
_JOB_COLUMNS = ", ".join(ArchivedJob.__table__.columns.keys())
_HISTORY_COLUMNS = ", ".join(ArchivedHistory.__table__.columns.keys())
_ARCHIVE_JOBS = text(
    f"INSERT INTO jobs_archive ({_JOB_COLUMNS}) SELECT {_JOB_COLUMNS} FROM jobs WHERE id = ANY(:jobs)"  # noqa: S608 - a constant
)
_ARCHIVE_HISTORY = text(
    f"INSERT INTO job_history_archive ({_HISTORY_COLUMNS}) "  # noqa: S608 - a constant
    f"SELECT {_HISTORY_COLUMNS} FROM job_history WHERE job_id = ANY(:jobs)"
)
_REMOVE = text("DELETE FROM jobs WHERE id = ANY(:jobs)")  # its history goes with it

_FIGURES = text("""
WITH hour AS (SELECT date_trunc('hour', now()) AS at),
settled AS (
    SELECT jobs.kind, jobs.subject_id FROM jobs
    WHERE state = 'done' AND kind <> 'shadow'
    AND settled_at >= date_trunc('hour', now()) - interval '1 hour' AND settled_at < date_trunc('hour', now())
),
delivered AS (
    SELECT extract(epoch FROM d.accepted_at - max(i.received_at))::float AS seconds
    FROM settled AS s
    JOIN deliveries AS d ON d.id = s.subject_id AND s.kind = 'deliver'
    JOIN findings_instances AS fi ON fi.findings_id = d.findings_id
    JOIN instances AS i ON i.id = fi.instance_id
    GROUP BY d.id
),
figures AS (
    SELECT 'waiting:' || lane AS name, count(*)::float AS value
    FROM jobs WHERE state = 'waiting' AND lane <> '' GROUP BY lane
    UNION ALL SELECT 'oldest_due_seconds', coalesce(extract(epoch FROM now() - min(run_after))::float, 0)
    FROM jobs WHERE state = 'waiting' AND lane <> '' AND kind <> 'shadow' AND run_after <= now()
    UNION ALL SELECT 'held', count(*) FROM jobs WHERE state = 'held' AND kind <> 'shadow'
    UNION ALL SELECT 'undelivered', count(*) FROM deliveries WHERE accepted_at IS NULL
    UNION ALL SELECT 'done_in_hour', count(*) FROM settled
    UNION ALL SELECT 'delivery_seconds_median', percentile_cont(0.5) WITHIN GROUP (ORDER BY seconds) FROM delivered
    UNION ALL SELECT 'delivery_seconds_p95', percentile_cont(0.95) WITHIN GROUP (ORDER BY seconds) FROM delivered
)
INSERT INTO statistics (at, name, value) SELECT at, name, value FROM hour, figures WHERE value IS NOT NULL
ON CONFLICT (at, name) DO UPDATE SET value = excluded.value
""")
_FORGET_FIGURES = text("DELETE FROM statistics WHERE at < now() - :keep")

_HOT_TABLES = ("studies", "series", "instances", "jobs", "job_history", "findings", "deliveries")
_CHANGED = text("""
SELECT relname FROM pg_stat_user_tables
WHERE relid = ANY(ARRAY(SELECT to_regclass(name)::oid FROM unnest(:tables) AS name))
AND n_mod_since_analyze > 1000 + 0.2 * n_live_tup
""")


class PostgresUpkeep:
    """What the duties need of the database."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def make_due_overlooked(self, *, quiet: timedelta, window: timedelta, max_attempts: int, at_most: int) -> int:
        """Give studies a classify job whose films no findings speak about and that nobody is going to classify."""
        values = {"quiet": quiet, "window": window, "at_most": at_most}
        with transaction(self._engine) as connection:
            studies = list(connection.execute(_OVERLOOKED, values).scalars())
            if not studies:
                return 0
            made = connection.execute(_MAKE_DUE, {"studies": studies, "max_attempts": max_attempts}).rowcount
            if made:
                notify(connection, CLASSIFY_LANE)
        return made

    def stuck(self, limits: StuckLimits) -> Stuck:
        """Count the work that does not get on; reports whose delivery was cancelled are nobody's trouble."""
        values = {"waiting": limits.waiting, "leased": limits.leased, "undelivered": limits.undelivered}
        with transaction(self._engine) as connection:
            return Stuck(**connection.execute(_STUCK, values).mappings().one())

    def archive_settled(self, *, older_than: timedelta, at_most: int) -> int:
        """Move jobs out of `jobs` that were done or cancelled long ago, with their history, in one transaction."""
        with transaction(self._engine) as connection:
            jobs = list(connection.execute(_OLD, {"older_than": older_than, "at_most": at_most}).scalars())
            for statement in (_ARCHIVE_JOBS, _ARCHIVE_HISTORY, _REMOVE) if jobs else ():
                connection.execute(statement, {"jobs": jobs})
        return len(jobs)

    def take_statistics(self, *, keep: timedelta) -> int:
        """Write down the figures of this hour; taken again within it, they take the place of those before."""
        with transaction(self._engine) as connection:
            connection.execute(_FORGET_FIGURES, {"keep": keep})
            return connection.execute(_FIGURES).rowcount

    def refresh_planner(self) -> int:
        """Analyze tables of which more than a fifth has changed, should the server not have come to it."""
        with transaction(self._engine) as connection:
            tables = list(connection.execute(_CHANGED, {"tables": list(_HOT_TABLES)}).scalars())
        for table in tables:
            with transaction(self._engine) as connection:
                connection.execute(text(f"ANALYZE {table}"))
        return len(tables)
