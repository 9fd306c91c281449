"""What the hot statements cost does not depend on how much was done before."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, text

from db.engine import transaction
from db.intake import PostgresIntake
from db.ledger import _DELIVERIES, _ENTRIES
from db.queue import _CLAIM
from db.shadows import _FEED, _IS_LIVE_WORK_DUE
from db.upkeep import _OLD, _OVERLOOKED
from tests.conftest import migrated
from tests.fakes import received
from tests.peers import wait_for

DONE = 200_000
FEW_PAGES = 100
"""Of 8 KiB; all jobs that are done fill thousands."""


@pytest.fixture(scope="module")
def grown(embedded_url: str) -> Iterator[Engine]:
    """A database with a long history, some of it old, and 50 jobs that wait."""
    fill = f"""
        INSERT INTO jobs (kind, lane, subject_id, state, run_after, created_at, settled_at)
        SELECT 'classify', 'classify', n, 'done', at, at, at
        FROM generate_series(1, {DONE}) AS n, LATERAL (SELECT now() - n * interval '20 s' AS at) AS t
    """
    wait = "INSERT INTO jobs (kind, lane, subject_id) SELECT 'classify', 'classify', n FROM generate_series(1, 50) AS n"
    history = "INSERT INTO job_history (job_id, before, after, attempt) SELECT id, 'leased', 'done', 1 FROM jobs"
    with migrated(embedded_url) as engine:
        with transaction(engine) as connection:
            connection.execute(text(fill))
            connection.execute(text(history))
            connection.execute(text(wait))
        yield engine


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the plan's nodes from the top."""
    yield plan
    for child in plan.get("Plans", []):
        yield from nodes(child)


def explained(engine: Engine, statement: str, **values: object) -> tuple[set[str], int]:
    """Execute a statement and take it back; return the indexes it read, or the tables as a whole, and its pages.

    Twice, since a new connection first reads what the tables are.
    """
    with engine.connect() as connection:
        for _ in range(2):
            rows = connection.execute(text(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {statement}"), values).scalar_one()
            connection.rollback()
    plan = (rows if isinstance(rows, list) else json.loads(rows))[0]["Plan"]
    indexes = {node["Index Name"] for node in nodes(plan) if "Index Name" in node}
    tables = {f"all of {node['Relation Name']}" for node in nodes(plan) if node["Node Type"] == "Seq Scan"}
    return indexes | tables, plan["Shared Hit Blocks"] + plan["Shared Read Blocks"]


@pytest.mark.parametrize("analyzed", [False, True])
def test_a_claim_does_not_read_what_is_done(grown: Engine, *, analyzed: bool) -> None:
    """By the index of what waits, also before the server has ever looked at the table."""
    if analyzed:
        with transaction(grown) as connection:
            connection.execute(text("ANALYZE jobs"))
    values = {"lane": "classify", "worker": "host:1", "lease": timedelta(seconds=30), "limit": 1}
    read, pages = explained(grown, _CLAIM.text, **values)
    assert "jobs_waiting" in read
    assert "all of jobs" not in read
    assert pages < FEW_PAGES


def test_a_shadow_does_not_read_what_is_done(grown: Engine) -> None:
    """Neither when it looks for live work nor when it looks for new results, every second."""
    for statement, values in ((_IS_LIVE_WORK_DUE, {}), (_FEED, {"lane": "shadow:x", "model": 1, "most": 200})):
        read, pages = explained(grown, statement.text, **values)
        assert "all of jobs" not in read
        assert pages < FEW_PAGES


def test_the_archive_finds_what_is_old_by_its_age(grown: Engine) -> None:
    """A piece of it costs what the piece is large."""
    read, pages = explained(grown, _OLD.text, older_than=timedelta(days=30), at_most=10)
    assert "jobs_settled" in read
    assert pages < FEW_PAGES


def test_looking_for_overlooked_studies_does_not_read_what_is_done(grown: Engine) -> None:
    """Even where there is one, which has to be asked for by its jobs."""
    intake = PostgresIntake(grown, quiet=timedelta(0), max_attempts=3)
    recorded = intake.record(received(study=77))
    intake.close()
    with transaction(grown) as connection:
        connection.execute(text("DELETE FROM jobs WHERE sender <> ''"))
        # Jobs of the fixture are about a study of this number, too.
        connection.execute(text("DELETE FROM jobs WHERE subject_id = :study"), {"study": recorded.study_id})
    values = {"quiet": timedelta(0), "window": timedelta(days=7), "at_most": 10}
    read, pages = explained(grown, _OVERLOOKED.text, **values)
    assert "all of jobs" not in read
    assert pages < FEW_PAGES


def test_one_film_more_of_a_study_changes_no_index_of_the_studies(engine: Engine) -> None:
    """There is room beside the row, so that each film costs one page."""
    intake = PostgresIntake(engine, quiet=timedelta(0), max_attempts=3)
    for number in range(3):
        for study in range(400):
            intake.record(received(number, study=study))
    intake.close()
    engine.dispose()  # a connection reports what it did when it ends
    query = text("SELECT n_tup_upd, n_tup_hot_upd FROM pg_stat_user_tables WHERE relname = 'studies'")

    def updates() -> tuple[int, int]:
        with transaction(engine) as connection:
            return tuple(connection.execute(query).one())

    wait_for(lambda: updates()[0] == 800)
    assert updates() == (800, 800)


def test_the_ledger_of_a_study_reads_nothing_of_others(grown: Engine) -> None:
    """Neither its steps nor how its deliveries stand."""
    for statement in (_ENTRIES, _DELIVERIES):
        read, pages = explained(grown, statement.text, study=DONE // 2)
        assert "all of jobs" not in read
        assert "all of job_history" not in read
        assert pages < FEW_PAGES
