"""Migrations: forth, back, and equal to the tables in the code."""

from __future__ import annotations

from datetime import timedelta
from importlib import import_module
from pkgutil import iter_modules

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Engine, inspect, text

import db
from db.engine import SCHEMA_REVISION, check_schema, connect, schema_revision, transaction
from db.tables import Table
from db.upgrade import downgrade, steps, upgrade
from db.upkeep import PostgresUpkeep
from domain.errors import Misconfigured, Transient
from tests.peers import free_port


def test_an_empty_database_is_refused_until_it_is_upgraded(empty_url: str) -> None:
    """The message names the command."""
    engine = connect(empty_url, role="test")
    with pytest.raises(Misconfigured, match="hilum db upgrade"):
        check_schema(engine)
    assert upgrade(engine) == (None, SCHEMA_REVISION)
    check_schema(engine)
    engine.dispose()


def test_a_second_upgrade_changes_nothing(engine: Engine) -> None:
    """It can be run at any time."""
    assert upgrade(engine) == (SCHEMA_REVISION, SCHEMA_REVISION)


def test_the_code_needs_the_newest_step_that_comes_before_it() -> None:
    """The constant that every process compares with is the last `pre` migration."""
    assert steps()[-1].needed == SCHEMA_REVISION


def test_migrations_are_ordered_by_their_names() -> None:
    """Older and newer are told apart by comparing revisions as text."""
    revisions = [step.revision for step in steps()]
    assert revisions == sorted(revisions)


def test_the_migrations_make_the_tables_of_the_code(engine: Engine) -> None:
    """Nothing is missing, nothing is left over."""
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        for module in iter_modules(db.__path__):  # those with tables add theirs when they are loaded
            import_module(f"db.{module.name}")
        assert compare_metadata(context, Table.metadata) == []


def test_every_migration_can_be_taken_back(engine: Engine) -> None:
    """Down to nothing, and up again."""
    downgrade(engine, "base")
    assert set(inspect(engine).get_table_names()) == {"alembic_version"}
    assert schema_revision(engine) is None
    upgrade(engine)
    check_schema(engine)


def test_a_database_of_a_newer_version_is_refused(engine: Engine) -> None:
    """Unless it says that it takes this version: neither the node nor an upgrade touches it."""
    with transaction(engine) as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
        connection.execute(text("UPDATE schema_compatibility SET oldest_revision = '9998'"))
    with pytest.raises(Misconfigured, match="9999"):
        check_schema(engine)
    with pytest.raises(Misconfigured, match="newer Hilum"):
        upgrade(engine)


def test_a_server_that_is_away_is_a_passing_trouble() -> None:
    """Nobody listens: Transient, so that the caller tries again."""
    engine = connect(f"postgresql://hilum@127.0.0.1:{free_port()}/hilum", role="test")
    with pytest.raises(Transient):
        check_schema(engine)


def test_a_held_job_without_a_reason_is_refused_by_the_database(engine: Engine) -> None:
    """The rule stands in the table itself."""
    statement = "INSERT INTO jobs (kind, lane, subject_id, state) VALUES ('classify', 'classify', 1, 'held')"
    with pytest.raises(Exception, match="held_jobs_say_why"), transaction(engine) as connection:
        connection.execute(text(statement))


def test_what_was_archived_comes_back_when_the_archive_is_taken_back(engine: Engine) -> None:
    """Jobs with their history, under their own numbers."""
    with transaction(engine) as connection:
        connection.execute(text("INSERT INTO jobs (kind, lane, subject_id) VALUES ('classify', 'classify', 1)"))
        connection.execute(
            text("UPDATE jobs SET state = 'cancelled', reason = 'why', settled_at = now() - interval '9 d'")
        )
        job = connection.execute(text("SELECT id FROM jobs")).scalar_one()
    assert PostgresUpkeep(engine).archive_settled(older_than=timedelta(days=1), at_most=10) == 1
    downgrade(engine, "0008")
    query = text("SELECT jobs.id, after, jobs.state FROM jobs JOIN job_history ON job_id = jobs.id")
    with transaction(engine) as connection:
        assert [tuple(row) for row in connection.execute(query)] == [(job, "cancelled", "cancelled")]
    upgrade(engine)
    check_schema(engine)
