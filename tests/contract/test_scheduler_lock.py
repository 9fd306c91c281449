"""The scheduler's lock, of the real server: one has it, and it goes with the connection."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine, text

from db.engine import connect, transaction
from db.scheduler_lock import PostgresSchedulerLock
from domain.errors import Transient
from tests.peers import free_port, wait_for


@pytest.fixture
def locks(engine: Engine) -> Iterator[list[PostgresSchedulerLock]]:
    """The locks of two schedulers."""
    locks = [PostgresSchedulerLock(engine) for _ in range(2)]
    yield locks
    for lock in locks:
        lock.release()


def cut_off(engine: Engine) -> None:
    """End all the locks' connections at the server."""
    query = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'hilum-scheduler-lock'"
    with transaction(engine) as connection:
        connection.execute(text(f"{query} AND datname = current_database()"))


def test_one_has_the_lock(locks: list[PostgresSchedulerLock]) -> None:
    """And keeps it, however often both ask."""
    assert [lock.take() for lock in (*locks, *locks)] == [True, False, True, False]
    locks[0].check()
    with pytest.raises(Transient):
        locks[1].check()


def test_who_lets_go_makes_room(locks: list[PostgresSchedulerLock]) -> None:
    """However often it had asked for what it had."""
    first, second = locks
    assert [first.take(), first.take()] == [True, True]
    first.release()
    assert wait_for(second.take)
    assert not first.take()


def test_who_loses_its_connection_notices_and_must_ask_again(
    engine: Engine, locks: list[PostgresSchedulerLock]
) -> None:
    """The other one may have it by then."""
    first, second = locks
    assert first.take()
    cut_off(engine)
    with pytest.raises(Transient):
        first.check()
    assert wait_for(second.take)
    assert not first.take()
    with pytest.raises(Transient):
        first.check()


def test_a_server_that_is_away_is_a_passing_trouble() -> None:
    """Who stands by asks again."""
    lock = PostgresSchedulerLock(connect(f"postgresql://hilum@127.0.0.1:{free_port()}/hilum", role="test"))
    with pytest.raises(Transient):
        lock.take()
