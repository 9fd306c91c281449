"""`hilum keep`: what a person keeps from being deleted."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import Engine, text

from db.engine import connect, transaction
from hilum.cli import hilum

Command = Callable[..., Result]


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    """An engine for the database of the commands, with one study."""
    engine = connect(database_url, role="test")
    with transaction(engine) as connection:
        connection.execute(text("INSERT INTO studies (study_instance_uid) VALUES ('2.25.1')"))
    yield engine
    engine.dispose()


@pytest.fixture
def command(engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Command:
    """Hilum's command line."""
    monkeypatch.setenv("HILUM_DATABASE__URL", engine.url.render_as_string(hide_password=False))
    monkeypatch.setenv("HILUM_HOME", str(tmp_path / "home"))

    def call(*arguments: str) -> Result:
        return CliRunner().invoke(hilum, arguments)

    return call


def test_a_study_is_kept_and_let_go(command: Command) -> None:
    """The list says since when, by whom and why."""
    assert command("keep", "add", "2.25.1", "--reason", "a lawsuit").exit_code == 0
    assert command("keep", "add", "2.25.1", "--reason", "another one").exit_code == 0
    (kept,) = json.loads(command("keep", "list", "--json").stdout)
    assert (kept["study_uid"], kept["reason"]) == ("2.25.1", "another one")
    assert "another one" in command("keep", "list").stdout
    assert command("keep", "end", "2.25.1").exit_code == 0
    assert command("keep", "list").stdout == "No study is kept.\n"


def test_a_study_that_is_not_there_is_told(command: Command) -> None:
    """The others are kept all the same."""
    done = command("keep", "add", "--reason", "why", "2.25.1", "2.25.404")
    assert (done.exit_code, done.stderr) == (1, "2.25.404  no film of it is here\n")
    assert len(json.loads(command("keep", "list", "--json").stdout)) == 1
    assert command("keep", "end", "2.25.404").exit_code == 1


def test_who_kept_what_is_recorded(command: Command) -> None:
    """Without the reason, which may name a patient."""
    command("keep", "add", "2.25.1", "--reason", "a lawsuit")
    record = json.loads(command("audit", "export").stdout)
    assert (record["action"], record["object"]) == ("operate", "keep: study 2.25.1")
