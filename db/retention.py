"""Which films and results may go, and their going, in pieces.

A study's films go together. Nothing goes while anybody may still need it: see `_SETTLED`.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from sqlalchemy import text

from db.deletions import CONTENTS, HAS_FILES
from db.engine import transaction
from db.removal import delete_studies
from db.snapshot import BACKUP_LOCK
from domain.ids import StudyId
from domain.retention import Marked

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import timedelta

    from sqlalchemy import Connection, Engine

    from domain.retention import Terms

_OPEN = ("waiting", "leased", "held")


def _has_open_job(kind: str, subject: str) -> str:
    """Return a condition: state by state, for there is an index for each."""
    return " OR ".join(
        f"EXISTS (SELECT FROM jobs WHERE kind = '{kind}' AND subject_id = {subject} AND state = '{state}')"
        for state in _OPEN
    )


_IS_CANCELLED = """(
    EXISTS (SELECT FROM jobs WHERE kind = 'deliver' AND subject_id = d.id AND state = 'cancelled')
    OR EXISTS (SELECT FROM jobs_archive WHERE kind = 'deliver' AND subject_id = d.id AND state = 'cancelled')
)"""
_SETTLED = f"""
    NOT EXISTS (SELECT FROM kept_studies WHERE study_id = s.id)
    AND NOT EXISTS (SELECT FROM workitems WHERE study_id = s.id AND state IN ('SCHEDULED', 'IN PROGRESS'))
    AND NOT ({_has_open_job("classify", "s.id")})
    AND NOT EXISTS (  -- a film that no result speaks about
        SELECT FROM series AS se JOIN instances AS i ON i.series_id = se.id
        WHERE se.study_id = s.id AND NOT EXISTS (
            SELECT FROM findings AS f JOIN findings_instances AS fi ON fi.findings_id = f.id
            WHERE f.study_id = s.id AND fi.instance_id = i.id AND coalesce(fi.digest, i.digest) = i.digest
        )
    )
    AND NOT EXISTS (  -- an object that its peer has not acknowledged, or not yet said to keep
        SELECT FROM findings AS f JOIN deliveries AS d ON d.findings_id = f.id
        WHERE f.study_id = s.id AND (
            (d.accepted_at IS NULL AND NOT {_IS_CANCELLED})
            OR (d.confirmation_id IS NOT NULL AND d.committed_at IS NULL)
            OR {_has_open_job("deliver", "d.id")}
        )
    )
    AND NOT EXISTS (  -- a network on trial that is about to look at the films
        SELECT FROM findings AS f WHERE f.study_id = s.id AND ({_has_open_job("shadow", "f.id")})
    )
    AND NOT EXISTS (  -- a modality that waits for its answer whether its films are safe
        SELECT FROM ({
    " UNION ALL ".join(f"SELECT subject_id FROM jobs WHERE kind = 'commit' AND state = '{state}'" for state in _OPEN)
}) AS asked JOIN commitments AS c ON c.id = asked.subject_id
        JOIN series AS se ON se.study_id = s.id JOIN instances AS i ON i.series_id = se.id
        WHERE c.referenced @> jsonb_build_array(jsonb_build_array(i.sop_class_uid, i.sop_instance_uid))
    )
"""  # noqa: S608 - constants
"""Nobody needs a study `s` any more: nobody reads it or keeps it, nothing of it is still to be done or told."""

_PERIOD = """CROSS JOIN LATERAL (
    SELECT CASE WHEN EXISTS (SELECT FROM uploads WHERE study_id = s.id)
    THEN CAST(:uploads AS interval) ELSE CAST(:films AS interval) END AS length
) AS period"""
_MAY_GO = f"""
    s.last_received_at < now() - period.length
    AND NOT EXISTS (
        SELECT FROM series AS se JOIN instances AS i ON i.series_id = se.id
        LEFT JOIN conflicts AS c ON c.instance_id = i.id LEFT JOIN film_deletions AS d ON d.instance_id = i.id
        WHERE se.study_id = s.id
        AND greatest(c.last_received_at, d.restored_at) >= now() - period.length
    )
    AND (NOT :needs_delivery OR EXISTS (
        SELECT FROM findings AS f JOIN deliveries AS d ON d.findings_id = f.id
        WHERE f.study_id = s.id AND d.accepted_at IS NOT NULL
    ))
    AND {HAS_FILES} AND {_SETTLED}
"""  # noqa: S608 - constants
_NEXT = text(f"""
SELECT s.id FROM studies AS s {_PERIOD}
WHERE s.id > :behind AND {_MAY_GO}
ORDER BY s.id LIMIT :at_most FOR UPDATE OF s SKIP LOCKED
""")  # noqa: S608 - constants
# Asked again, now that the studies are locked: whoever makes work for a study, or brings a film of it, locks it first.
_MARK = text(f"""
INSERT INTO film_deletions (instance_id, digest, size_bytes, path, cause)
SELECT content.instance_id, content.digest, content.size_bytes, content.path, :cause
FROM studies AS s {_PERIOD} CROSS JOIN LATERAL ({CONTENTS}) AS content
WHERE s.id = ANY(:studies) AND {_MAY_GO}
ON CONFLICT (instance_id, digest) WHERE restored_at IS NULL DO NOTHING
""")  # noqa: S608 - constants

# Removing from a store elsewhere may take longer than the server's patience with a silent transaction.
_PATIENCE = text("SET LOCAL idle_in_transaction_session_timeout = '10min'")
# A backup holds its lock shared for as long as it copies files; of several who remove, one at a time has it.
_MAY_REMOVE = text("SELECT pg_try_advisory_xact_lock(:lock)")
_IS_BACKED_UP = text("""
SELECT EXISTS (
    SELECT FROM pg_locks
    WHERE locktype = 'advisory' AND mode = 'ShareLock' AND (classid::bigint << 32) | objid::bigint = :lock
    AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
)
""")
_LOOK_SECONDS = 0.02
_PENDING = text("""
SELECT id, path, size_bytes FROM film_deletions WHERE removed_at IS NULL AND restored_at IS NULL
ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED
""")
_REMOVED = text("UPDATE film_deletions SET removed_at = now() WHERE id = :id")

_OLD_RESULTS = text(f"""
SELECT s.id FROM studies AS s
WHERE s.last_received_at < now() - :older_than AND NOT {HAS_FILES} AND {_SETTLED}
AND NOT EXISTS (
    SELECT FROM series AS se JOIN instances AS i ON i.series_id = se.id JOIN film_deletions AS d ON d.instance_id = i.id
    WHERE se.study_id = s.id AND (
        (d.removed_at IS NULL AND d.restored_at IS NULL) OR d.restored_at >= now() - :older_than
    )
)
AND NOT EXISTS (
    SELECT FROM findings AS f LEFT JOIN deliveries AS d ON d.findings_id = f.id
    WHERE f.study_id = s.id AND greatest(f.created_at, d.accepted_at, d.committed_at) >= now() - :older_than
)
AND NOT EXISTS (SELECT FROM assessments WHERE study_id = s.id AND received_at >= now() - :older_than)
ORDER BY s.id LIMIT :at_most FOR UPDATE OF s SKIP LOCKED
""")  # noqa: S608 - constants


class PostgresRetention:
    """Implements `domain.retention.FilmRetention` and `ResultRetention`."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def mark(self, terms: Terms, *, behind: StudyId | None, at_most: int) -> Marked:
        """Mark the films of the next studies that may go, the first received first."""
        values = {
            "films": terms.films,
            "uploads": terms.uploads,
            "needs_delivery": terms.needs_delivery,
            "cause": terms.cause,
        }
        with transaction(self._engine) as connection:
            found = connection.execute(_NEXT, {**values, "behind": behind or 0, "at_most": at_most}).scalars().all()
            if found:
                connection.execute(_MARK, {**values, "studies": list(found)})
        return Marked(studies=len(found), last=StudyId(found[-1]) if len(found) == at_most else None)

    def remove_next(self, remove: Callable[[str], None]) -> int | None:
        """Remove the file of one film that is marked; return its size in bytes, None: there is none to remove now.

        Its row is locked meanwhile: whoever brings the film again waits, and looks whether its file is still there.
        While a backup copies films nothing is removed.
        """
        with transaction(self._engine) as connection:
            connection.execute(_PATIENCE)
            if not _may_remove(connection):
                return None
            row = connection.execute(_PENDING).one_or_none()
            if row is None:
                return None
            remove(row.path)
            connection.execute(_REMOVED, {"id": row.id})
        return int(row.size_bytes)

    def forget_old(self, *, older_than: timedelta, at_most: int) -> int:
        """Delete all rows of studies whose films are gone and whose results are old; say of how many."""
        with transaction(self._engine) as connection:
            values = {"older_than": older_than, "at_most": at_most}
            found = list(connection.execute(_OLD_RESULTS, values).scalars())
            if found:
                delete_studies(connection, found)
        return len(found)


def _may_remove(connection: Connection) -> bool:
    """Wait for others who remove, and say whether no backup is being made; none begins to copy before our commit."""
    lock = {"lock": BACKUP_LOCK}
    while not connection.execute(_MAY_REMOVE, lock).scalar_one():
        if connection.execute(_IS_BACKED_UP, lock).scalar_one():
            return False
        time.sleep(_LOOK_SECONDS)
    return True
