"""The work and the results of shadows, in the database."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import text
from sqlalchemy.dialects.postgresql import insert

from db.engine import transaction
from db.outbox import films_of
from db.queue import finish
from db.shadow_tables import ShadowFindingsRow
from db.studies import film_from_row, model_version_id
from db.wakeups import EVERY_LANE
from domain.jobs import CLASSIFY_LANE, JobKind
from domain.shadow import ShadowOutcome

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from domain.film import StoredFilm
    from domain.findings import Findings, ModelVersion
    from domain.ids import FindingsId
    from domain.jobs import Job

_MOST_ATTEMPTS = 5
_IS_LIVE_WORK_DUE = text(f"""
SELECT EXISTS (
    SELECT FROM jobs WHERE lane = '{CLASSIFY_LANE}' AND lane <> '' AND state = 'waiting' AND run_after <= now()
    AND NOT EXISTS (SELECT FROM pauses WHERE lane IN ('{CLASSIFY_LANE}', '{EVERY_LANE}'))
) OR EXISTS (SELECT FROM jobs WHERE state = 'leased' AND kind = '{JobKind.CLASSIFY}')
""")  # noqa: S608 - constants
_ABOUT_IT = f"kind = '{JobKind.SHADOW}' AND subject_id = f.id AND lane = :lane"
_HAS_NO_JOB = " AND ".join(
    f"EXISTS (SELECT FROM jobs WHERE {_ABOUT_IT} AND {of}) IS FALSE"
    for of in ("state = 'waiting'", "state = 'leased'", "state = 'held'", "state IN ('done', 'cancelled')")
)
"""One question for each index; `IS FALSE` has it asked for each result, where else all jobs might be read."""
_LOCK = text("SELECT pg_try_advisory_xact_lock(hashtextextended('feed ' || :lane, 0))")
# Of the last hour alone: what was classified while no shadow was at work is not made up for.
_FEED = text(f"""
WITH room AS (
    SELECT :most - (
        SELECT count(*) FROM jobs WHERE state = 'waiting' AND lane <> '' AND lane = :lane
    ) - (SELECT count(*) FROM jobs WHERE state = 'held' AND kind = '{JobKind.SHADOW}' AND lane = :lane) AS places
),
unseen AS MATERIALIZED (
    SELECT f.id FROM findings AS f
    WHERE f.created_at > now() - interval '1 hour' AND f.model_version_id <> :model AND EXISTS (
        SELECT FROM shadow_findings AS s WHERE s.findings_id = f.id AND s.model_version_id = :model
    ) IS FALSE
),
fresh AS (
    SELECT f.id, row_number() OVER (ORDER BY f.id) AS place FROM unseen AS f WHERE {_HAS_NO_JOB}
),
skipped AS (
    INSERT INTO shadow_findings (findings_id, model_version_id, outcome)
    SELECT id, :model, '{ShadowOutcome.SKIPPED}' FROM fresh, room WHERE place > places
    ON CONFLICT DO NOTHING
)
INSERT INTO jobs (kind, lane, subject_id, max_attempts)
SELECT '{JobKind.SHADOW}', :lane, id, {_MOST_ATTEMPTS} FROM fresh, room WHERE place <= places ORDER BY id
""")  # noqa: S608 - constants
_DISMISS = text(f"""
UPDATE jobs SET state = 'cancelled', settled_at = now(), reason = 'the shadow was stopped', reason_class = 'operator'
WHERE kind = '{JobKind.SHADOW}' AND lane = :lane AND state IN ('waiting', 'held')
""")  # noqa: S608 - constants


class PostgresShadows:
    """Implements `domain.shadow.Shadows`."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def is_live_work_due(self) -> bool:
        """Whether a study waits for its result, or a worker is about to give it one."""
        with transaction(self._engine) as connection:
            return bool(connection.execute(_IS_LIVE_WORK_DUE).scalar_one())

    def feed(self, lane: str, model: ModelVersion, *, most: int) -> None:
        """Give results that came lately each a job in the lane, but for `most` at a time; the others are skipped."""
        with transaction(self._engine) as connection:
            if not connection.execute(_LOCK, {"lane": lane}).scalar_one():
                return  # another worker does it just now
            values = {"lane": lane, "model": model_version_id(connection, model), "most": most}
            connection.execute(_FEED, values)

    def films(self, findings: FindingsId) -> tuple[StoredFilm, ...]:
        """Return the films that findings speak about, as they were then."""
        with transaction(self._engine) as connection:
            return tuple(film_from_row(row) for row in films_of(connection, findings))

    def settle(self, job: Job, findings: Findings, *, seconds: float) -> None:
        """Keep what the shadow says, and end the job, in one transaction."""
        with transaction(self._engine) as connection:
            finish(connection, job)
            row = {
                "findings_id": job.subject_id,
                "model_version_id": model_version_id(connection, findings.model),
                "outcome": findings.outcome,
                "label": findings.label,
                "probabilities": None if findings.probabilities is None else findings.probabilities.as_dict(),
                "unsuitable": findings.unsuitable,
                "seconds": seconds,
            }
            connection.execute(insert(ShadowFindingsRow).values(row).on_conflict_do_nothing())

    def dismiss(self, lane: str) -> int:
        """Cancel what waits or is held in the lane of a shadow that was stopped; say how many jobs."""
        with transaction(self._engine) as connection:
            return connection.execute(_DISMISS, {"lane": lane}).rowcount
