"""The audit trail in the database, which numbers and chains its rows by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import text

from db.engine import transaction
from domain.audit import AuditAction, AuditEvent, AuditOutcome, AuditRecord

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Engine, Row

_PAGE = 1000
_RECORD = text("""
INSERT INTO audit_events (actor, role, action, object, outcome, address)
VALUES (:actor, :role, :action, :object, :outcome, :address)
""")
_RECORDS = text("SELECT * FROM audit_events WHERE id > :behind ORDER BY id LIMIT :limit")
_FIRST_BROKEN = text("""
SELECT min(number) FROM (
    SELECT row_number() OVER chain AS number, e.id, e.previous, e.hash, audit_hash(e) AS computed,
        coalesce(lag(e.hash) OVER chain, '') AS expected
    FROM audit_events AS e WINDOW chain AS (ORDER BY e.id)
) AS rows
WHERE number <> id OR previous <> expected OR hash <> computed
""")

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
        values = {
            "actor": event.actor,
            "role": event.role,
            "action": event.action,
            "object": event.object,
            "outcome": event.outcome,
            "address": event.address,
        }
        with transaction(self._engine) as connection:
            connection.execute(_RECORD, values)

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
