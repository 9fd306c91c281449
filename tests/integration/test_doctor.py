"""`hilum doctor` on whole installations: a good one, and what is wrong with database, network, work and settings."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import Engine, text

from db import embedded
from db.checkup import Checkup, check_up
from db.engine import connect, transaction
from db.upgrade import downgrade, steps
from hilum.cli import hilum
from hilum.doctor import classification, database, work
from hilum.doctor.check import Outcome
from models.package import shipped_package
from tests.conftest import migrated
from tests.doctoring import outcome_of, said, settings_of
from tests.peers import free_port, settings_file

Doctor = Callable[..., Result]


def command(config: Path, *words: str) -> Result:
    return CliRunner().invoke(hilum, ["--config", str(config), *words])


@pytest.fixture(scope="module")
def installed() -> Iterator[Path]:
    """The settings of an installation with an embedded database, in a folder with a short path, for its socket."""
    folder = Path(tempfile.mkdtemp(prefix="hilum-doctor-"))
    ports = {name: {"port": free_port()} for name in ("node", "web")}
    config = settings_file(folder, home=str(folder / "home"), worker={"device": "cpu"}, **ports)
    assert command(config, "db", "upgrade").exit_code == 0
    yield config
    embedded.stop(folder / "home" / "postgresql")
    shutil.rmtree(folder)


def data_of(config: Path) -> Path:
    return config.parent / "home" / "postgresql"


def checks_of(done: Result) -> dict[str, dict[str, Any]]:
    return {check["name"]: check for check in json.loads(done.stdout)["checks"]}


@pytest.fixture
def ask(database_url: str, tmp_path: Path) -> Doctor:
    """Asks the doctor, as JSON, about an installation with a database that has just been migrated."""
    config = settings_file(tmp_path, home=str(tmp_path / "home"), database={"url": database_url})

    def call(*words: str) -> Result:
        return command(config, "doctor", "--json", *words)

    return call


def test_a_good_installation_passes_and_no_server_is_left(installed: Path) -> None:
    """Everything is looked at; what is started for that is stopped."""
    done = command(installed, "doctor", "--json")
    checks = checks_of(done)
    assert done.exit_code == 0, done.stdout
    assert {name for name, check in checks.items() if check["outcome"] == "failure"} == set()
    well = ("settings", "home", "database.schema", "database.settings", "ports.node", "model", "decoders", "jobs")
    assert {name: checks[name]["outcome"] for name in well} == dict.fromkeys(well, "ok")
    assert not embedded.is_running(data_of(installed))


def test_a_server_that_runs_goes_on(installed: Path) -> None:
    """Somebody else uses it."""
    engine = connect(embedded.start(data_of(installed)), role="test")
    with engine.connect():
        assert command(installed, "doctor", "--only", "database.connection").exit_code == 0
        assert embedded.is_running(data_of(installed))
    engine.dispose()


def test_before_the_first_start_nothing_is_made(tmp_path: Path) -> None:
    """No database, no folder."""
    done = command(
        settings_file(tmp_path, home=str(tmp_path / "home")),
        "doctor",
        "--json",
        "--skip",
        "model",
        "--skip",
        "decoders",
    )
    assert checks_of(done)["database.connection"]["outcome"] == "not applicable"
    assert not (tmp_path / "home").exists()


def test_wrong_settings_are_told_line_by_line(tmp_path: Path) -> None:
    """Exit status 2, and JSON all the same."""
    config = settings_file(tmp_path, node={"prt": 1}, nonsense=True)
    done = command(config, "doctor", "--json")
    (check,) = json.loads(done.stdout)["checks"]
    assert (done.exit_code, check["name"], check["outcome"]) == (2, "settings", "failure")
    assert [finding["seen"].split(":")[0] for finding in check["findings"]] == ["node.prt", "nonsense"]


def test_the_checks_are_listed(tmp_path: Path) -> None:
    """Those of these settings; none is done."""
    config = settings_file(tmp_path, home=str(tmp_path / "home"))
    done = command(config, "doctor", "--list", "--only", "disk")
    assert [line.split()[0] for line in done.stdout.splitlines()] == [
        "disk.space",
        "disk.speed",
        "disk.mounts",
        "disk.shelves",
    ]
    assert command(config, "doctor", "--only", "nothing").exit_code == 2


# --- the database ---------------------------------------------------------------------------------------------------


@pytest.fixture
def engine(embedded_url: str) -> Iterator[Engine]:
    """A database with Hilum's tables."""
    with migrated(embedded_url) as engine:
        yield engine


@pytest.fixture
def seen(engine: Engine) -> Checkup:
    """What is seen of it."""
    return check_up(engine)


def test_missing_migrations_are_a_failure(engine: Engine, seen: Checkup) -> None:
    """Their number is told, and the command; so is a database without tables, and a newer one."""
    assert outcome_of(database.schema(seen)) is Outcome.OK
    downgrade(engine, steps()[-3].revision)
    assert "2 migrations are missing -> hilum db upgrade" in said(database.schema(check_up(engine)))
    assert "hilum db upgrade" in said(database.schema(replace(seen, revision=None)))
    assert "newer" in said(database.schema(replace(seen, revision="9999", oldest_revision="9998")))
    assert outcome_of(database.schema(replace(seen, revision="9999"))) is Outcome.OK


@pytest.mark.peers
def test_a_server_that_does_not_sync_is_a_failure(distribution_url: str) -> None:
    """As that of these tests, which runs with fsync off."""
    engine = connect(distribution_url, role="test")
    assert "fsync is off" in said(database.server_settings(check_up(engine)))
    engine.dispose()


def test_a_role_that_commits_asynchronously_is_a_failure(engine: Engine) -> None:
    """Whoever set that, for our sessions it counts."""
    name = engine.url.database
    with transaction(engine) as connection:
        connection.execute(text(f"ALTER DATABASE {name} SET synchronous_commit = off"))
    engine.dispose()
    assert "synchronous_commit is off" in said(database.server_settings(check_up(engine)))


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"encoding": "SQL_ASCII"}, "ENCODING 'UTF8'"),
        ({"is_pooled": True}, "pool_mode = session"),
        ({"settings": {"TimeZone": "Europe/Berlin"}}, "Europe/Berlin"),
        ({"settings": {"full_page_writes": "off"}}, "full_page_writes is off"),
    ],
)
def test_settings_that_lose_or_garble_are_a_failure(seen: Checkup, changed: dict[str, Any], words: str) -> None:
    """Each with what to do."""
    settings = {**seen.settings, **changed.pop("settings", {})}
    found = list(database.server_settings(replace(seen, settings=settings, **changed)))
    assert outcome_of(found) is Outcome.FAILURE
    assert words in said(found)
    assert outcome_of(database.server_settings(seen)) is Outcome.OK


@pytest.mark.parametrize(
    ("version", "outcome"),
    [(13, Outcome.FAILURE), (14, Outcome.WARNING), (18, Outcome.OK), (99, Outcome.OK)],
)
def test_an_old_server_is_told(version: int, outcome: Outcome) -> None:
    """One that gets no corrections any more, and one that does not do."""
    assert outcome_of(database.server_version(version, date(2026, 11, 27))) is outcome


@pytest.mark.parametrize(("most", "outcome"), [("30", Outcome.FAILURE), ("60", Outcome.WARNING), ("500", Outcome.OK)])
def test_too_few_connections_are_told(tmp_path: Path, seen: Checkup, most: str, outcome: Outcome) -> None:
    """By the processes of the settings."""
    settings = settings_of(tmp_path, node={"processes": 4}, worker={"processes": 4, "device": "cpu"})
    assert database.connections_of(settings) == 46
    few = replace(seen, settings={**seen.settings, "max_connections": most})
    assert outcome_of(database.connections(settings, few)) is outcome


@pytest.mark.parametrize(("ahead", "outcome"), [(0.5, Outcome.OK), (-5.0, Outcome.WARNING), (300.0, Outcome.FAILURE)])
def test_clocks_that_differ_are_told(seen: Checkup, ahead: float, outcome: Outcome) -> None:
    """Ahead or behind."""
    assert outcome_of(database.clock(replace(seen, ahead_seconds=ahead))) is outcome
    assert abs(seen.ahead_seconds) < 60


def test_a_role_without_rights_is_a_failure(engine: Engine) -> None:
    """What it may not use is named."""
    name = f"reader_{engine.url.database}"
    with transaction(engine) as connection:
        connection.execute(text(f"CREATE ROLE {name} LOGIN"))
        connection.execute(text(f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {name}"))
    reader = connect(engine.url.set(username=name).render_as_string(hide_password=False), role="test")
    told = said(database.rights(check_up(reader), embedded=False))
    reader.dispose()
    with transaction(engine) as connection:
        connection.execute(text(f"DROP OWNED BY {name}"))
        connection.execute(text(f"DROP ROLE {name}"))
    assert f"{name} may not use" in told
    assert "jobs" in told
    assert "may make no tables" in told


def test_a_superuser_is_a_warning_but_on_our_own_server(seen: Checkup) -> None:
    """The embedded one has no other."""
    assert outcome_of(database.rights(seen, embedded=True)) is Outcome.OK
    assert outcome_of(database.rights(seen, embedded=False)) is Outcome.WARNING


def test_a_database_that_is_away_fails_once(tmp_path: Path) -> None:
    """What can't be looked at for that does not apply; no password is shown."""
    url = f"postgresql+psycopg2://hilum:secret@127.0.0.1:{free_port()}/hilum"
    done = command(settings_file(tmp_path, database={"url": url}), "doctor", "--json", "--only", "database")
    outcomes = {name: check["outcome"] for name, check in checks_of(done).items()}
    assert (done.exit_code, outcomes.pop("database.connection")) == (1, "failure")
    assert set(outcomes.values()) == {"not applicable"}
    assert "secret" not in done.stdout


# --- the network, the work ------------------------------------------------------------------------------------------


def test_a_damaged_network_is_a_failure(tmp_path: Path) -> None:
    """The file is named."""
    config = settings_file(tmp_path, home=str(tmp_path / "home"), worker={"device": "cpu"})
    package = shipped_package()
    copy = shutil.copytree(package, tmp_path / "home" / "models" / "copy-1.0.0")
    (copy / "classifier.onnx").write_bytes(b"damaged")
    (copy.parent / "active").write_text(f"copy-1.0.0 {'0' * 64}\n")
    assert "classifier.onnx has SHA-256" in said(classification.model(config))


def test_duties_that_failed_or_are_overdue_are_a_warning(ask: Doctor, database_url: str) -> None:
    """Before the first one there is nothing to say."""
    assert checks_of(ask("--only", "duties"))["duties"]["outcome"] == "not applicable"
    engine = connect(database_url, role="test")
    with transaction(engine) as connection:
        columns = "name, runs, last_started_at, last_error"
        row = f"INSERT INTO duties ({columns}) VALUES (:name, 1, now() - interval '9 days', :error)"
        records = [{"name": "aging", "error": None}, {"name": "reconcile", "error": "the spool is away"}]
        connection.execute(text(row), records)
    engine.dispose()
    told = [finding["seen"] for finding in checks_of(ask("--only", "duties"))["duties"]["findings"]]
    assert told == ["failed: reconcile", "overdue: aging"]


def test_held_jobs_are_told_and_paused_lanes_warned_of(ask: Doctor, database_url: str) -> None:
    """A held job is known to whoever looks after them."""
    engine = connect(database_url, role="test")
    with transaction(engine) as connection:
        connection.execute(text("INSERT INTO jobs (kind, lane, subject_id) VALUES ('classify', 'classify', 1)"))
        connection.execute(text("UPDATE jobs SET state = 'held', reason = 'why', reason_class = 'permanent'"))
        connection.execute(text("INSERT INTO pauses (lane, actor, reason) VALUES ('classify', 'maria', 'why')"))
    engine.dispose()
    check = checks_of(ask("--only", "jobs"))["jobs"]
    assert [finding["seen"] for finding in check["findings"]] == ["paused: classify", "1 jobs are held"]
    assert check["outcome"] == "warning"


SYSTEMCTL = """#!/bin/sh
case "$1" in
list-units) printf 'hilum-node.service loaded active running It\\nhilum-worker@2.service loaded failed failed It\\n'
            printf 'hilum-old.service not-found inactive dead It\\n' ;;
list-unit-files) printf 'hilum-node.service enabled\\nhilum-worker@.service disabled\\nhilum-web.service enabled\\n' ;;
show) printf 'Id=hilum-node.service\\nActiveState=%s\\nUnitFileState=enabled\\nResult=exit-code\\n\\n' "STATE"
      printf 'Id=hilum-web.service\\nActiveState=active\\nUnitFileState=disabled\\nResult=success\\n'
      case "$*" in *worker@2*)
          printf '\\nId=hilum-worker@2.service\\nActiveState=failed\\nUnitFileState=enabled\\nResult=watchdog\\n' ;;
      esac
      case "$*" in *old*) printf '\\nId=hilum-old.service\\nActiveState=failed\\n' ;; esac ;;
esac
"""


@pytest.mark.parametrize(
    ("state", "words"),
    [
        ("failed", "hilum-node.service has failed (exit-code) -> journalctl"),
        ("inactive", "hilum-node.service does not run (inactive) -> systemctl start"),
        ("active", "hilum-web.service runs, and will not after the next boot"),
        ("active", "hilum-worker@2.service has failed (watchdog) -> journalctl"),
    ],
)
def test_units_that_do_not_run_are_told(tmp_path: Path, state: str, words: str) -> None:
    """As systemctl lists and shows them; templates are no units, their instances are."""
    program = tmp_path / "systemctl"
    program.write_text(SYSTEMCTL.replace("STATE", state))
    program.chmod(0o755)
    told = said(work.units(program))
    assert words in told
    assert "hilum-old" not in told


def test_without_units_there_is_nothing_to_say(tmp_path: Path) -> None:
    """Hilum is run by hand, or by something else."""
    program = tmp_path / "systemctl"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    assert outcome_of(work.units(program)) is Outcome.NOT_APPLICABLE
