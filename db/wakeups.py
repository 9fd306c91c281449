"""A connection that hears when a job is announced, so that nobody has to poll."""

from __future__ import annotations

import select
import time
from typing import TYPE_CHECKING

import psycopg2
from psycopg2.extensions import ISOLATION_LEVEL_AUTOCOMMIT

from domain.errors import Transient

if TYPE_CHECKING:
    from psycopg2 import extensions
    from sqlalchemy import Engine

CHANNEL = "hilum_jobs"
"""NOTIFY channel; the payload is the lane."""
EVERY_LANE = ""
"""Payload that wakes all, and name of the pause of all."""


class Wakeups:
    """Listens on a connection of its own, opened at first use and again after a loss."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._connection: extensions.connection | None = None

    def listen(self) -> None:
        """Make sure that what is announced from now on is heard.

        Raises:
            Transient: the server is away.
        """
        if self._connection is not None:
            return
        arguments, keywords = self._engine.dialect.create_connect_args(self._engine.url)
        application = self._engine.url.query.get("application_name", "hilum-listener")
        try:
            connection = psycopg2.connect(*arguments, **keywords, application_name=application, connect_timeout=5)
            connection.set_isolation_level(ISOLATION_LEVEL_AUTOCOMMIT)
            with connection.cursor() as cursor:
                cursor.execute(f"LISTEN {CHANNEL}")
        except psycopg2.Error as error:
            raise Transient("the database can't be reached") from error
        self._connection = connection

    def wait(self, lane: str, seconds: float) -> None:
        """Return when the lane is announced or the time is up.

        Raises:
            Transient: the server went away.
        """
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            if self._heard(left) & {lane, EVERY_LANE}:
                return

    def close(self) -> None:
        """Stop listening."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _heard(self, seconds: float) -> set[str]:
        connection = self._connection
        if connection is None:
            raise Transient("nobody listens")
        try:
            select.select([connection], [], [], seconds)
            connection.poll()
        except (psycopg2.Error, OSError, ValueError) as error:
            self.close()
            raise Transient("the database closed the connection") from error
        lanes = {notification.payload for notification in connection.notifies}
        connection.notifies.clear()
        return lanes
