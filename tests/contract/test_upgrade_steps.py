"""Pre steps let older processes work on, post steps wait until the last of them has gone."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from db.engine import SCHEMA_REVISION, check_schema, oldest_revision, transaction
from db.engine import connect as connect_as_we_are
from db.upgrade import MIGRATIONS, Kind, Step, pending, steps, upgrade
from domain.errors import Misconfigured
from tests.conftest import migrated

ADDS = 'op.execute("ALTER TABLE studies ADD COLUMN mood text")'
DROPS = 'op.execute("ALTER TABLE studies DROP COLUMN mood")'


@pytest.fixture
def engine(embedded_url: str) -> Iterator[Engine]:
    """One kind of server is enough: none of this differs between them."""
    with migrated(embedded_url) as engine:
        yield engine


@pytest.fixture
def next_version(tmp_path: Path) -> Path:
    """The migrations of a version after this one: a pre step that adds a column, and a post step."""
    folder = tmp_path / "migrations"
    shutil.copytree(MIGRATIONS, folder, ignore=shutil.ignore_patterns("__pycache__"))
    add(folder, "9001", "pre", SCHEMA_REVISION, ADDS)
    add(folder, "9002", "post", "9001", DROPS)
    return folder


def add(folder: Path, revision: str, kind: str, after: str, act: str) -> None:
    (folder / "versions" / f"{revision}_{kind}_test.py").write_text(
        f"from alembic import op\nrevision = {revision!r}\ndown_revision = {after!r}\n"
        f"def upgrade():\n    {act}\ndef downgrade():\n    pass\n"
    )


@contextmanager
def working(engine: Engine, name: str) -> Iterator[None]:
    """Be a process of another version, which says so."""
    other = connect_as_we_are(engine.url.render_as_string(hide_password=False), role="worker")
    with other.connect() as connection:
        connection.execute(text("SELECT set_config('application_name', :name, false)"), {"name": name})
        connection.commit()
        yield
    other.dispose()


def test_this_version_works_on_after_the_pre_steps_of_the_next(engine: Engine, next_version: Path) -> None:
    """Its processes may also start anew, and `hilum up` leaves the newer database alone."""
    assert upgrade(engine, Kind.PRE, next_version) == (SCHEMA_REVISION, "9001")
    check_schema(engine)
    assert upgrade(engine, Kind.PRE) == ("9001", "9001")
    assert pending(engine, next_version) == [Step(revision="9002", kind=Kind.POST, needed="9001")]


def test_this_version_is_refused_after_the_post_steps_of_the_next(engine: Engine, next_version: Path) -> None:
    """The database says what it takes from then on, and nothing is done to it."""
    upgrade(engine, Kind.PRE, next_version)
    with pytest.raises(Misconfigured, match="hilum-test"):  # we are of this version ourselves
        upgrade(engine, Kind.POST, next_version)
    engine.dispose()
    apply_as_the_next(engine, next_version)
    assert oldest_revision(engine) == "9001"
    with pytest.raises(Misconfigured, match="9001 or newer"):
        check_schema(engine)
    with pytest.raises(Misconfigured, match="does not take this version"):
        upgrade(engine)


def apply_as_the_next(engine: Engine, folder: Path) -> None:
    """Apply the post steps from a process that needs what the next version needs."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("db.engine.SCHEMA_REVISION", "9001")
        other = connect_as_we_are(engine.url.render_as_string(hide_password=False), role="upgrade")
        upgrade(other, Kind.POST, folder)
        other.dispose()


@pytest.mark.parametrize("name", ["hilum-worker", "hilum-worker 0024"])
def test_post_steps_wait_for_the_last_old_process(engine: Engine, next_version: Path, name: str) -> None:
    """Whoever needs less is named, be it from the time before processes said what they need."""
    upgrade(engine, Kind.PRE, next_version)
    with working(engine, name), pytest.raises(Misconfigured, match="hilum-worker"):
        apply_as_the_next(engine, next_version)


def test_post_steps_do_not_come_first(engine: Engine, next_version: Path) -> None:
    """What new processes need is there before the old ones are gone."""
    with pytest.raises(Misconfigured, match="--pre"):
        upgrade(engine, Kind.POST, next_version)


def test_a_post_step_left_over_comes_with_the_next_versions_pre_steps(engine: Engine, next_version: Path) -> None:
    """On one host nobody has to remember it: when nobody else works, it is applied on the way."""
    engine.dispose()
    add(next_version, "9003", "pre", "9002", ADDS)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("db.engine.SCHEMA_REVISION", "9003")
        other = connect_as_we_are(engine.url.render_as_string(hide_password=False), role="up")
        assert upgrade(other, Kind.PRE, next_version)[1] == "9003"
        other.dispose()
    assert oldest_revision(engine) == "9001"


def test_an_upgrade_steps_back_when_others_hold_a_table(engine: Engine, next_version: Path) -> None:
    """It waits less than a second at a time, so that no deadlock ends somebody's work, and comes through in the end."""
    with engine.connect() as other:
        other.execute(text("LOCK TABLE studies IN ACCESS SHARE MODE"))
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("db.upgrade._TRIES", 1)
            with pytest.raises(Exception, match="too long"):
                upgrade(engine, Kind.PRE, next_version)
    assert upgrade(engine, Kind.PRE, next_version)[1] == "9001"


def test_every_migration_says_which_step_it_is() -> None:
    """By its name; those there are now only add."""
    assert {step.kind for step in steps()} == {Kind.PRE}


def test_a_database_that_lacks_a_pre_step_is_refused(engine: Engine) -> None:
    """The message names the command."""
    with transaction(engine) as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '0024'"))
    with pytest.raises(Misconfigured, match="hilum db upgrade --pre"):
        check_schema(engine)
