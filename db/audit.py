"""The audit trail in the database, which numbers and chains its rows by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import text

from db.engine import transaction
from domain.audit import AuditAction, AuditEvent, AuditOutcome, AuditRecord

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Connection, Engine, Row

_PAGE = 1000
ANCHORED = "'delete records up to ' || {0}.last_id || ', hash ' || {0}.hash"
"""What the trail says of an anchor, in SQL, to be filled in with the anchor's table."""
_RECORD = text("""
INSERT INTO audit_events (actor, role, action, object, outcome, address)
VALUES (:actor, :role, :action, :object, :outcome, :address) RETURNING id, hash
""")
_RECORDS = text("SELECT * FROM audit_events WHERE id > :behind ORDER BY id LIMIT :limit")
# The records follow the anchor, and one of them names it: who writes an anchor by hand can't write that into the past.
_FIRST_BROKEN = text(f"""
WITH anchor AS (SELECT last_id, hash FROM audit_anchors ORDER BY last_id DESC LIMIT 1)
SELECT min(number) FROM (
    SELECT number FROM (
        SELECT coalesce((SELECT last_id FROM anchor), 0) + row_number() OVER chain AS number,
            e.id, e.previous, e.hash, audit_hash(e) AS computed,
            coalesce(lag(e.hash) OVER chain, (SELECT hash FROM anchor), '') AS expected
        FROM audit_events AS e WINDOW chain AS (ORDER BY e.id)
    ) AS rows
    WHERE number <> id OR previous <> expected OR hash <> computed
    UNION ALL
    SELECT last_id FROM anchor WHERE NOT EXISTS (
        SELECT FROM audit_events WHERE action = '{AuditAction.OPERATE}' AND object = {ANCHORED.format("anchor")}
    )
) AS broken
""")  # noqa: S608 - constants

_SENT_TO = text("SELECT last_id FROM audit_exports WHERE repository = :repository")
_SENT = text("""
INSERT INTO audit_exports AS e (repository, last_id) VALUES (:repository, :last)
ON CONFLICT (repository) DO UPDATE SET last_id = greatest(e.last_id, excluded.last_id), sent_at = now()
""")


class PostgresAuditTrail:
    """Implements `domain.audit.AuditTrail`."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def record(self, event: AuditEvent) -> None:
        """Add an event; when this returns it is durable."""
        with transaction(self._engine) as connection:
            record(connection, event)

    def records(self, *, behind: int = 0) -> Iterator[AuditRecord]:
        """Yield the records behind a number, in order; a page at a time."""
        while True:
            with transaction(self._engine) as connection:
                rows = connection.execute(_RECORDS, {"behind": behind, "limit": _PAGE}).all()
            yield from map(_record, rows)
            if len(rows) < _PAGE:
                return
            behind = rows[-1].id

    def first_broken(self) -> int | None:
        """Return the number of the first record that is missing, changed, or does not follow the one before."""
        with transaction(self._engine) as connection:
            broken: int | None = connection.execute(_FIRST_BROKEN).scalar_one()
        return broken

    def sent_to(self, repository: str) -> int:
        """Return the number of the last record that a repository was sent; 0 for none."""
        with transaction(self._engine) as connection:
            last: int | None = connection.execute(_SENT_TO, {"repository": repository}).scalar_one_or_none()
        return last or 0

    def mark_sent(self, repository: str, last: int) -> None:
        """Write down that a repository was sent the records up to a number."""
        with transaction(self._engine) as connection:
            connection.execute(_SENT, {"repository": repository, "last": last})


def record(connection: Connection, event: AuditEvent) -> tuple[int, str]:
    """Add an event inside a transaction; return its number and hash. Others wait until the transaction ends."""
    values = {
        "actor": event.actor,
        "role": event.role,
        "action": event.action,
        "object": event.object,
        "outcome": event.outcome,
        "address": event.address,
    }
    row = connection.execute(_RECORD, values).one()
    return row.id, row.hash


def _record(row: Row[*tuple[Any, ...]]) -> AuditRecord:
    return AuditRecord(
        id=row.id,
        at=row.at,
        event=AuditEvent(
            actor=row.actor,
            role=row.role,
            action=AuditAction(row.action),
            object=row.object,
            outcome=AuditOutcome(row.outcome),
            address=row.address,
        ),
        previous=row.previous,
        hash=row.hash,
    )
