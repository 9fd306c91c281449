"""The gate before an activation, at work on a real database: who is let through, and what is written down."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import Engine, text

from db.engine import connect, transaction
from db.trials import record
from domain.errors import HilumError
from domain.trial import MARGIN, MINIMUM, judged
from hilum.cli import hilum
from models.package import Package, load_package
from tests.peers import free_port
from tests.shadows import appoint, variant

Command = Callable[..., Result]


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    """An engine for the database of the command."""
    engine = connect(database_url, role="test")
    yield engine
    engine.dispose()


@pytest.fixture
def candidate(tmp_path: Path) -> Package:
    """An installed network that is not active."""
    return variant(tmp_path / "home" / "models", "9.1.0", undetermined_below=0.5)


@pytest.fixture
def command(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Command:
    """`hilum models`, where a passed replay is required."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HILUM_DATABASE__URL", database_url)
    monkeypatch.setenv("HILUM_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("HILUM_MODELS__GATE", "require")
    return lambda *words: CliRunner().invoke(hilum, ["models", *words])


def replayed(
    engine: Engine,
    candidate: Package,
    decision: str,
    *,
    minimum: int = MINIMUM,
    margin: float = MARGIN,
    beside: Package | None = None,
) -> None:
    """Let a replay have ended; beside the shipped network, if none is named."""
    now, trial = datetime.now(UTC), judged([], candidate.model, minimum=minimum, margin=margin)
    record(engine, (candidate.model, (beside or load_package()).model), trial, window=(now, now), actor="me")
    with transaction(engine) as connection:
        connection.execute(text("UPDATE replays SET decision = :decision"), {"decision": decision})


@pytest.mark.parametrize("decision", [None, "failed", "not-enough"])
def test_without_a_passed_replay_nothing_is_activated(
    command: Command, engine: Engine, candidate: Package, decision: str | None
) -> None:
    """Where the setting requires one; it says what to do."""
    if decision is not None:
        replayed(engine, candidate, decision)
    done = command("activate", candidate.title)
    assert isinstance(done.exception, HilumError)
    assert f"hilum models replay {candidate.title}" in str(done.exception)
    assert f"* {load_package().title}" in command("list").output


def test_a_passed_replay_opens_the_gate(command: Command, engine: Engine, candidate: Package) -> None:
    """To the network with its checksum."""
    replayed(engine, candidate, "passed")
    done = command("activate", candidate.title)
    assert (done.exit_code, "is active" in done.stdout, done.stderr) == (0, True, "")


@pytest.mark.parametrize("measure", [{"minimum": 1}, {"margin": 1.0}])
def test_a_replay_by_a_milder_measure_opens_no_gate(
    command: Command, engine: Engine, candidate: Package, measure: dict[str, float]
) -> None:
    """Whoever has a reason for it says so, and the audit trail has it."""
    replayed(engine, candidate, "passed", **measure)
    done = command("activate", candidate.title)
    assert isinstance(done.exception, HilumError)
    assert "milder" in str(done.exception)
    replayed(engine, candidate, "passed", minimum=MINIMUM + 1, margin=MARGIN / 2)
    assert command("activate", candidate.title).exit_code == 0


def test_a_replay_beside_a_network_of_yesterday_opens_no_gate(
    command: Command, engine: Engine, candidate: Package
) -> None:
    """What is better than that one may be worse than the one that works now."""
    replayed(engine, candidate, "passed", beside=candidate)
    done = command("activate", candidate.title)
    assert isinstance(done.exception, HilumError)
    assert "not active any more" in str(done.exception)


def test_a_changed_network_needs_a_replay_of_its_own(command: Command, engine: Engine, candidate: Package) -> None:
    """The same name does not do."""
    replayed(engine, load_package(), "passed")
    assert isinstance(command("activate", candidate.title).exception, HilumError)


def test_a_reason_opens_the_gate_and_is_kept(command: Command, engine: Engine, candidate: Package) -> None:
    """In the audit trail, with who gave it and the network's checksum."""
    done = command("activate", candidate.title, "--without-replay", "a new site")
    assert done.exit_code == 0
    with transaction(engine) as connection:
        row = connection.execute(text("SELECT action, role, object FROM audit_events")).one()
    expected = f"activate {candidate.title} {candidate.model.sha256} without a replay: a new site"
    assert tuple(row) == ("operate", "host", expected)


def test_going_back_is_never_held_up(command: Command, candidate: Package, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not even where the database is away and the record of the shadow is broken."""
    command("activate", candidate.title, "--without-replay", "a new site")
    (candidate.folder.parent / "shadow").write_text("?")
    monkeypatch.setenv("HILUM_DATABASE__URL", f"postgresql://hilum@127.0.0.1:{free_port()}/hilum")
    done = command("activate", "--previous")
    assert (done.exit_code, f"{load_package().title} is active" in done.stdout) == (0, True)


@pytest.mark.parametrize(("gate", "says"), [("warn", "Warning: "), ("off", "")])
def test_a_site_without_reports_can_work(
    command: Command, candidate: Package, monkeypatch: pytest.MonkeyPatch, gate: str, says: str
) -> None:
    """It is warned, or not even that."""
    monkeypatch.setenv("HILUM_MODELS__GATE", gate)
    done = command("activate", candidate.title)
    assert (done.exit_code, done.stderr[: len("Warning: ")]) == (0, says)


def test_a_database_that_is_away_is_a_warning(
    command: Command, candidate: Package, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where a replay is not required."""
    monkeypatch.setenv("HILUM_MODELS__GATE", "warn")
    monkeypatch.setenv("HILUM_DATABASE__URL", f"postgresql://hilum@127.0.0.1:{free_port()}/hilum")
    done = command("activate", candidate.title)
    assert (done.exit_code, "is not known" in done.stderr) == (0, True)


@pytest.mark.parametrize("words", [("--previous", "--without-replay", "why"), ("tiny", "--without-replay", " ")])
def test_a_reason_is_given_for_an_activation(command: Command, words: tuple[str, ...]) -> None:
    """A real one, and not for going back."""
    assert command("activate", *words).exit_code == 2


def test_a_shadow_that_is_stopped_leaves_nothing_waiting(
    command: Command, engine: Engine, candidate: Package, tmp_path: Path
) -> None:
    """One that is activated neither."""
    appoint(tmp_path / "home" / "models", candidate)
    with transaction(engine) as connection:
        lane = {"lane": f"shadow:{candidate.title}"}
        connection.execute(text("INSERT INTO jobs (kind, lane, subject_id) VALUES ('shadow', :lane, 1)"), lane)
    assert command("shadow", "--stop").stdout == f"{candidate.title} is no longer the shadow.\n"
    with transaction(engine) as connection:
        assert connection.execute(text("SELECT state FROM jobs")).scalar_one() == "cancelled"
