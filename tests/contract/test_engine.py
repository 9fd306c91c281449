"""Transactions of processes that hang: the server does not wait for them for ever."""

from __future__ import annotations

import pytest
from sqlalchemy import Engine, text

from db.engine import transaction
from domain.errors import Transient
from tests.peers import wait_for

_LIVES = text("SELECT FROM pg_stat_activity WHERE pid = :pid")


def lives(engine: Engine, pid: int) -> bool:
    """Whether a connection is still there, as another one sees it."""
    with transaction(engine) as connection:
        return bool(connection.execute(_LIVES, {"pid": pid}).all())


def test_the_server_has_a_limit_for_silence_in_a_transaction(engine: Engine) -> None:
    """Every connection of ours asks for one; by itself the server has none."""
    with transaction(engine) as connection:
        assert connection.execute(text("SHOW idle_in_transaction_session_timeout")).scalar_one() != "0"


def silent_for_too_long(engine: Engine) -> None:
    """Begin a transaction, wait until the server has ended it, and go on."""
    with transaction(engine) as connection:
        pid = connection.execute(text("SELECT pg_backend_pid()")).scalar_one()
        connection.execute(text("SET LOCAL idle_in_transaction_session_timeout = '10ms'"))
        wait_for(lambda: not lives(engine, pid))
        connection.execute(text("SELECT 1"))


def test_whoever_comes_back_to_an_ended_transaction_may_try_again(engine: Engine) -> None:
    """It is told so by Hilum's own error, not by one that nobody foresaw."""
    with pytest.raises(Transient):
        silent_for_too_long(engine)
