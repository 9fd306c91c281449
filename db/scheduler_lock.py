"""The right to run the duties: an advisory lock of the server, which ends with the connection that holds it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg2

from domain.errors import Transient

if TYPE_CHECKING:
    from psycopg2 import extensions
    from sqlalchemy import Engine

_LOCK = 0x48494C554D01
""""HILUM", and a number; of one database."""

_GIVES_UP_AFTER_MILLISECONDS = 5000
"""An answer that the network keeps from us for this long counts as lost."""

_SERVER_PATIENCE = """
SET idle_session_timeout = '10s';
SET tcp_keepalives_idle = 5;
SET tcp_keepalives_interval = 1;
SET tcp_keepalives_count = 5
"""
"""The server ends the connection of who asks nothing for 10 s, since the process hangs or its machine is gone: later
than who is cut off, but alive, notices by itself."""


class PostgresSchedulerLock:
    """The lock, on a connection of its own that is opened at first use and again after a loss."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._connection: extensions.connection | None = None
        self._is_ours = False

    def take(self) -> bool:
        """Say whether the lock is ours now; nobody is waited for.

        Raises:
            Transient: the server is away.
        """
        if not self._is_ours:
            self._is_ours = self._ask(f"SELECT pg_try_advisory_lock({_LOCK})")
        return self._is_ours

    def check(self) -> None:
        """Return if the connection, and so the lock, is still there.

        Raises:
            Transient: it is lost.
        """
        if not self._is_ours:
            raise Transient("the scheduler's lock is not ours")
        self._ask("SELECT true")

    def release(self) -> None:
        """End the connection, and so the lock."""
        connection, self._connection, self._is_ours = self._connection, None, False
        if connection is not None:
            connection.close()

    def _ask(self, question: str) -> bool:
        try:
            if self._connection is None:
                self._connection = self._connect()
            with self._connection.cursor() as cursor:
                cursor.execute(question)
                (answer,) = cursor.fetchone() or (False,)
        except psycopg2.Error as error:
            self.release()
            raise Transient("the database can't be reached or closed the scheduler's connection") from error
        return bool(answer)

    def _connect(self) -> extensions.connection:
        arguments, keywords = self._engine.dialect.create_connect_args(self._engine.url)
        connection: extensions.connection = psycopg2.connect(
            *arguments,
            **{
                **keywords,
                "application_name": "hilum-scheduler-lock",
                "connect_timeout": 5,
                "tcp_user_timeout": _GIVES_UP_AFTER_MILLISECONDS,
            },
        )
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(_SERVER_PATIENCE)
        return connection
