"""`hilum scheduler`: one of several processes is active, and another takes over when it goes."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from db.duty_book import PostgresDutyBook
from db.engine import transaction
from domain.duties import DutyName
from tests.conftest import migrated
from tests.peers import Hilum, hilum, settings_file, wait_for


@pytest.fixture
def engine(embedded_url: str) -> Iterator[Engine]:
    """An engine for the schedulers' database."""
    with migrated(embedded_url) as engine:
        yield engine


@pytest.fixture
def pair(engine: Engine, tmp_path: Path) -> Iterator[tuple[Hilum, Hilum]]:
    """A scheduler that is active and one that stands by; expired leases are looked for each second."""
    url = engine.url.render_as_string(hide_password=False)
    upkeep = {"lease_reaper_every_seconds": 1}
    config = settings_file(tmp_path, home=str(tmp_path / "home"), database={"url": url}, upkeep=upkeep)
    with ExitStack() as running:
        first = running.enter_context(hilum(config, "scheduler"))
        first.wait_until("scheduler-active")
        second = running.enter_context(hilum(config, "scheduler"))
        second.wait_until("scheduler-standby")
        yield first, second


def said(scheduler: Hilum) -> list[str]:
    """Return what it said about its office, in order."""
    return [line["event"] for line in scheduler.events() if line["event"].startswith("scheduler-")]


def runs(engine: Engine) -> int:
    """Return how often expired leases were looked for."""
    return next(one.runs for one in PostgresDutyBook(engine).records() if one.name is DutyName.LEASE_REAPER)


def goes_on(engine: Engine) -> None:
    """Wait for two more runs."""
    before = runs(engine)
    wait_for(lambda: runs(engine) >= before + 2)


def test_one_of_two_schedulers_is_active(engine: Engine, pair: tuple[Hilum, Hilum]) -> None:
    """It does every duty; the other one does nothing, and ends as quickly when told to."""
    first, second = pair
    wait_for(lambda: all(record.last_count is not None for record in PostgresDutyBook(engine).records()))
    assert said(second) == ["scheduler-standby"]
    assert [scheduler.stop() for scheduler in (second, first)] == [0, 0]
    assert said(first) == ["scheduler-active", "scheduler-stopped"]


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_another_takes_over_when_the_active_one_goes(
    engine: Engine, pair: tuple[Hilum, Hilum], how: signal.Signals
) -> None:
    """However it goes, and whatever it was doing."""
    first, second = pair
    first.stop(how)
    second.wait_until("scheduler-active")
    goes_on(engine)


def test_another_takes_over_when_the_active_one_hangs(engine: Engine, pair: tuple[Hilum, Hilum]) -> None:
    """When it wakes up it has lost its office, and stands by."""
    first, second = pair
    first.process.send_signal(signal.SIGSTOP)
    try:
        second.wait_until("scheduler-active")
    finally:
        first.process.send_signal(signal.SIGCONT)
    first.wait_until("scheduler-standby")
    goes_on(engine)
    assert said(first) == ["scheduler-active", "scheduler-standby"]


def test_who_loses_its_connection_stands_by_again(engine: Engine, pair: tuple[Hilum, Hilum]) -> None:
    """One of the two goes on, and never both."""
    first, second = pair
    cut = text("""
        SELECT pg_terminate_backend(pid) FROM pg_locks
        WHERE locktype = 'advisory' AND granted
        AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
    """)
    with transaction(engine) as connection:
        assert connection.execute(cut).scalars().all() == [True]
    first.wait_until("database-away")
    wait_for(lambda: len(said(first)) + len(said(second)) == 4)
    assert sorted([said(first)[-1], said(second)[-1]]) == ["scheduler-active", "scheduler-standby"]
    goes_on(engine)
