"""Deletes old records of the audit trail, up to an anchor that keeps the last one's hash and that the trail names."""

from __future__ import annotations

from getpass import getuser
from typing import TYPE_CHECKING

from sqlalchemy import text

from db.audit import ANCHORED, record
from db.engine import transaction
from domain.audit import AuditAction, AuditEvent

if TYPE_CHECKING:
    from datetime import timedelta

    from sqlalchemy import Engine

_LOCK = text("SELECT pg_advisory_xact_lock(hashtext('audit_events'))")
# All before the first that is young, so that no gap arises where a clock was wrong.
_LAST_OLD = text("""
SELECT max(id) FROM (
    SELECT id FROM audit_events
    WHERE id < (SELECT coalesce(min(id), 9223372036854775807) FROM audit_events WHERE at >= now() - :older_than)
    AND (
        CAST(:repository AS text) IS NULL
        OR id <= (SELECT last_id FROM audit_exports WHERE repository = :repository)
    )
    ORDER BY id LIMIT :at_most
) AS old
""")
_ANCHOR = text(f"""
INSERT INTO audit_anchors (last_id, hash) SELECT id, hash FROM audit_events WHERE id = :last
RETURNING {ANCHORED.format("audit_anchors")}
""")  # noqa: S608 - a constant
_DELETE = text("DELETE FROM audit_events WHERE id <= :last")


class PostgresAuditRetention:
    """Implements `domain.audit.AuditRetention`."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def delete_old(self, *, older_than: timedelta, repository: str | None, at_most: int) -> int:
        """Delete the oldest records, so that the chain can still be checked; say how many."""
        values = {"older_than": older_than, "repository": repository, "at_most": at_most}
        with transaction(self._engine) as connection:
            connection.execute(_LOCK)
            last = connection.execute(_LAST_OLD, values).scalar_one()
            if last is None:
                return 0
            told = connection.execute(_ANCHOR, {"last": last}).scalar_one()
            record(connection, AuditEvent(actor=getuser(), role="host", action=AuditAction.OPERATE, object=told))
            return connection.execute(_DELETE, {"last": last}).rowcount
