"""Old records of the audit trail go, and what is left can still be checked."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import DatabaseError

from db.audit import PostgresAuditTrail
from db.audit_retention import PostgresAuditRetention
from db.engine import transaction
from domain.audit import AuditAction
from tests.conftest import migrated
from tests.contract.test_accounts import events

YEAR = timedelta(days=365)
NOW = timedelta(0)


@pytest.fixture
def engine(embedded_url: str) -> Iterator[Engine]:
    """A database of one server: nothing here depends on which."""
    with migrated(embedded_url) as engine:
        yield engine


@pytest.fixture
def trail(engine: Engine) -> PostgresAuditTrail:
    """A trail of ten records."""
    trail = PostgresAuditTrail(engine)
    for event in events(10):
        trail.record(event)
    return trail


def delete(engine: Engine, *, older_than: timedelta = NOW, repository: str | None = None, at_most: int = 4) -> int:
    return PostgresAuditRetention(engine).delete_old(older_than=older_than, repository=repository, at_most=at_most)


def ids(trail: PostgresAuditTrail) -> list[int]:
    return [record.id for record in trail.records()]


def test_the_oldest_go_and_the_chain_holds(engine: Engine, trail: PostgresAuditTrail) -> None:
    """The trail tells of it; later records are numbered on, and go in their turn."""
    assert delete(engine) == 4
    assert ids(trail) == [5, 6, 7, 8, 9, 10, 11]
    last = list(trail.records())[-1].event
    assert (last.action, last.object[:28]) == (AuditAction.OPERATE, "delete records up to 4, hash")
    assert trail.first_broken() is None
    assert delete(engine, at_most=100) == 7
    assert ids(trail) == [12]
    assert trail.first_broken() is None


def test_young_records_stay(engine: Engine, trail: PostgresAuditTrail) -> None:
    """Nothing is written either."""
    assert delete(engine, older_than=YEAR) == 0
    assert len(ids(trail)) == 10


def test_what_the_repository_does_not_have_stays(engine: Engine, trail: PostgresAuditTrail) -> None:
    """Where there is one."""
    assert delete(engine, repository="audit:6514") == 0
    trail.mark_sent("audit:6514", 3)
    assert delete(engine, repository="audit:6514") == 3
    assert ids(trail)[0] == 4


@pytest.mark.parametrize(
    "statement",
    ["DELETE FROM audit_events WHERE id = 5", "UPDATE audit_anchors SET hash = ''", "DELETE FROM audit_anchors"],
)
def test_nobody_else_takes_anything_away(engine: Engine, trail: PostgresAuditTrail, statement: str) -> None:
    """Neither a record behind the anchor nor the anchor."""
    assert delete(engine) == 4
    with pytest.raises(DatabaseError, match="can only grow"), transaction(engine) as connection:
        connection.execute(text(statement))
    assert trail.first_broken() is None


@pytest.mark.parametrize(
    ("statement", "broken"),
    [
        ("INSERT INTO audit_anchors SELECT id, hash FROM audit_events WHERE id = 7", 7),
        ("INSERT INTO audit_anchors VALUES (7, 'ab')", 7),
        ("UPDATE audit_anchors SET hash = 'ab'", 4),
        ("DELETE FROM audit_events WHERE id = 5", 5),
        ("DELETE FROM audit_events", 4),
    ],
)
def test_a_forged_anchor_is_found_out(engine: Engine, trail: PostgresAuditTrail, statement: str, broken: int) -> None:
    """The trail itself must name the anchor, and the next record its hash."""
    assert delete(engine) == 4
    with transaction(engine) as connection:
        for table in ("audit_events", "audit_anchors"):
            connection.execute(text(f"ALTER TABLE {table} DISABLE TRIGGER USER"))
        connection.execute(text(statement))
        connection.execute(text("DELETE FROM audit_events WHERE id <= (SELECT max(last_id) FROM audit_anchors)"))
    assert trail.first_broken() == broken
