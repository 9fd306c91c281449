"""`hilum upkeep`: the duties by hand, and how they fare."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import Engine, text

from db.duty_book import PostgresDutyBook
from db.engine import connect, transaction
from domain.duties import DutyName
from hilum.cli import hilum
from tests.films import film, saved

Command = Callable[..., Result]


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    """An engine for the database of the commands."""
    engine = connect(database_url, role="test")
    yield engine
    engine.dispose()


@pytest.fixture
def command(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Command:
    """Hilum's command line, on an empty installation."""
    monkeypatch.setenv("HILUM_DATABASE__URL", database_url)
    monkeypatch.setenv("HILUM_HOME", str(tmp_path / "home"))

    def call(*arguments: str) -> Result:
        return CliRunner().invoke(hilum, arguments)

    return call


@pytest.mark.parametrize("name", list(DutyName))
def test_every_duty_can_be_done_by_hand(command: Command, name: DutyName) -> None:
    """In an installation in which nothing has happened yet; the run is kept."""
    done = command("upkeep", name.value)
    assert done.exit_code == 0, done.output
    assert done.stdout.startswith(f"{name}: ")
    (record,) = [one for one in json.loads(command("upkeep", "--list", "--json").stdout) if one["name"] == name]
    assert (record["state"], record["runs"], record["failures"]) == ("ok", 1, 0)


def test_what_was_done_is_said(command: Command, engine: Engine) -> None:
    """With its number; as JSON, too."""
    with transaction(engine) as connection:
        connection.execute(text("INSERT INTO jobs (kind, lane, subject_id) VALUES ('classify', 'classify', 1)"))
        connection.execute(
            text("UPDATE jobs SET state = 'cancelled', reason = 'why', settled_at = now() - interval '31 days'")
        )
    assert command("upkeep", "retention").stdout.startswith("retention: 1 settled jobs moved to the archive")
    assert json.loads(command("upkeep", "retention", "--json").stdout)["last_count"] == 0
    assert "cancelled" in command("jobs", "show", "1").output


def test_jobs_stay_where_nobody_wants_them_archived(
    command: Command, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With `retention.jobs_days` of 0."""
    monkeypatch.setenv("HILUM_RETENTION__JOBS_DAYS", "0")
    with transaction(engine) as connection:
        connection.execute(text("INSERT INTO jobs (kind, lane, subject_id) VALUES ('classify', 'classify', 1)"))
        connection.execute(
            text("UPDATE jobs SET state = 'cancelled', reason = 'why', settled_at = now() - interval '99 years'")
        )
    assert json.loads(command("upkeep", "retention", "--json").stdout)["last_count"] == 0


def test_a_duty_that_fails_is_told_counted_and_seen(command: Command, tmp_path: Path) -> None:
    """By its exit status, in the list and in the status; the next good run ends it."""
    spool = tmp_path / "home" / "spool"
    spool.parent.mkdir()
    spool.write_text("no folder")
    done = command("upkeep", "reconcile")
    assert done.exit_code == 1
    assert "reconcile: failed: the spool" in done.stdout
    assert "FAILED" in command("status").stdout
    (shown,) = [one for one in json.loads(command("status", "--json").stdout)["duties"] if one["name"] == "reconcile"]
    assert (shown["failures"], shown["last_error"][:9]) == (1, "the spool")
    spool.unlink()
    assert command("upkeep", "reconcile").exit_code == 0
    assert "FAILED" not in command("status").stdout


def test_a_film_without_a_row_is_taken_over(command: Command, engine: Engine, tmp_path: Path) -> None:
    """As the node does at its start, but without one."""
    assert command("import", str(saved(film(), tmp_path))).exit_code == 0
    with transaction(engine) as connection:
        for table in ("jobs", "instances", "series", "studies"):
            connection.execute(text(f"DELETE FROM {table}"))
    assert command("upkeep", "reconcile").stdout.startswith("reconcile: 1 differences")
    with transaction(engine) as connection:
        assert connection.execute(text("SELECT count(*) FROM instances")).scalar_one() == 1
    assert command("upkeep", "reconcile").stdout.startswith("reconcile: 0 differences")


def test_what_never_ran_and_what_is_overdue_is_seen(command: Command, engine: Engine) -> None:
    """So that nobody believes in a scheduler that does not run."""
    listed = command("upkeep", "--list")
    assert (listed.exit_code, listed.stdout.count("NEVER RAN")) == (1, len(DutyName))
    book = PostgresDutyBook(engine)
    for name in DutyName:
        book.begin(name)
        book.end(name, seconds=0.1, count=0)
    assert command("upkeep", "--list").exit_code == 0
    with transaction(engine) as connection:
        connection.execute(text("UPDATE duties SET last_started_at = now() - interval '1 hour' WHERE name = 'aging'"))
    listed = command("upkeep", "--list")
    assert (listed.exit_code, listed.stdout.count("OVERDUE")) == (1, 1)
    assert "OVERDUE" in command("status").stdout


@pytest.mark.parametrize("arguments", [[], ["aging", "--list"], ["sweeping"]])
def test_half_an_order_is_refused(command: Command, arguments: list[str]) -> None:
    """No duty, too much, or one that there is not."""
    assert command("upkeep", *arguments).exit_code == 2
