"""Neither side waits for the other for ever: not the server for processes that hang, nor they for a lost server."""

from __future__ import annotations

import socket
from contextlib import closing

import psycopg2
import pytest
from sqlalchemy import Engine, event, text
from sqlalchemy.engine.interfaces import DBAPIConnection

from db.engine import connect, transaction
from db.wakeups import Wakeups
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


def test_a_connection_that_is_lost_while_it_is_prepared_may_be_tried_again(engine: Engine) -> None:
    """For single statements SQLAlchemy sets it up outside of what it translates the driver's errors in."""
    single = engine.execution_options(isolation_level="AUTOCOMMIT")

    def lose(connection: DBAPIConnection, *_: object) -> None:
        with connection.cursor() as cursor, pytest.raises(psycopg2.OperationalError):
            cursor.execute("SELECT pg_terminate_backend(pg_backend_pid())")

    event.listen(engine, "checkout", lose, once=True)
    with pytest.raises(Transient), transaction(single) as connection:
        connection.execute(text("SELECT 1"))
    with transaction(single) as connection:
        assert connection.execute(text("SELECT 1")).scalar_one() == 1


@pytest.mark.peers
def test_a_server_that_vanished_is_given_up_within_a_minute(distribution_url: str) -> None:
    """As after a loss of power, where no packet comes any more; each of our connections asks the kernel for that."""
    engine = connect(distribution_url, role="test")
    with engine.connect() as pooled, closing(Wakeups(engine)._connect()) as listener:
        assert pooled.connection.driver_connection is not None
        for descriptor in (pooled.connection.driver_connection.fileno(), listener.fileno()):
            with socket.fromfd(descriptor, socket.AF_INET, socket.SOCK_STREAM) as ours:
                idle, interval, count, unanswered = (
                    ours.getsockopt(socket.IPPROTO_TCP, option)
                    for option in (
                        socket.TCP_KEEPIDLE,
                        socket.TCP_KEEPINTVL,
                        socket.TCP_KEEPCNT,
                        socket.TCP_USER_TIMEOUT,
                    )
                )
            assert idle + interval * count <= 60
            assert 0 < unanswered <= 60_000
    engine.dispose()


def test_the_address_may_have_parameters_that_we_set_too(engine: Engine) -> None:
    """Ours count, and workers are still woken."""
    url = engine.url.update_query_dict({"connect_timeout": "9", "keepalives_idle": "9"})
    other = connect(url.render_as_string(hide_password=False), role="test")
    with closing(Wakeups(other)._connect()) as listener, listener.cursor() as cursor:
        cursor.execute("SELECT 1")
    other.dispose()
