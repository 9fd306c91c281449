"""A connection that hears when a job is announced, so that nobody has to poll."""

from __future__ import annotations

import os
import select
import threading
from collections import Counter
from typing import TYPE_CHECKING

import psycopg2
from psycopg2.extensions import ISOLATION_LEVEL_AUTOCOMMIT

from db.engine import CONNECTING

if TYPE_CHECKING:
    from psycopg2 import extensions
    from sqlalchemy import Engine

CHANNEL = "hilum_jobs"
"""NOTIFY channel; the payload is the lane."""
EVERY_LANE = ""
"""Payload that wakes all, and name of the pause of all."""

_PAUSE_WITHOUT_DATABASE_SECONDS = 1.0


class Wakeups:
    """Listens in a thread of its own, begun at first use, and wakes the threads that wait for a lane.

    While the database is away nobody is woken; who waits looks for himself when his time is up.
    """

    def __init__(self, engine: Engine, *, channel: str = CHANNEL) -> None:
        self._engine = engine
        self._channel = channel
        self._announced: Counter[str] = Counter()
        self._condition = threading.Condition()
        self._listening = threading.Event()
        self._closing = threading.Event()
        self._thread: threading.Thread | None = None
        self._pipe: tuple[int, int] | None = None
        """Written to in order to end the listener's sleep."""

    def heard(self, lane: str) -> int:
        """Return how often the lane was announced; `wait` returns at once if it is more by then."""
        self._begin()
        with self._condition:
            return self._count(lane)

    def wait(self, lane: str, heard: int, seconds: float) -> None:
        """Return when the lane is announced more often than `heard` times, or the time is up."""
        with self._condition:
            self._condition.wait_for(lambda: self._count(lane) != heard, seconds)

    def wake(self) -> None:
        """Wake all who wait."""
        self._announce([EVERY_LANE])

    def close(self) -> None:
        """Stop listening."""
        with self._condition:
            thread, self._thread = self._thread, None
        if thread is None:
            return
        self._closing.set()
        assert self._pipe is not None  # noqa: S101 - made with the thread
        os.write(self._pipe[1], b".")
        thread.join()
        for descriptor in self._pipe:
            os.close(descriptor)

    def _count(self, lane: str) -> int:
        return self._announced[lane] + (self._announced[EVERY_LANE] if lane != EVERY_LANE else 0)

    def _announce(self, lanes: list[str]) -> None:
        with self._condition:
            self._announced.update(lanes)
            self._condition.notify_all()

    def _begin(self) -> None:
        """Make sure that what is announced from now on is heard, unless the database is away."""
        with self._condition:
            if self._thread is None and not self._closing.is_set():
                self._pipe = os.pipe()
                self._thread = threading.Thread(target=self._listen, name="wakeups", daemon=True)
                self._thread.start()
        self._listening.wait(_PAUSE_WITHOUT_DATABASE_SECONDS)

    def _listen(self) -> None:
        while not self._closing.is_set():
            try:
                connection = self._connect()
            except psycopg2.Error:
                self._listening.set()  # nobody waits for what can't be had
                self._closing.wait(_PAUSE_WITHOUT_DATABASE_SECONDS)
                continue
            self.wake()  # what was announced meanwhile was not heard
            self._listening.set()
            try:
                self._hear(connection)
            except (psycopg2.Error, OSError):
                pass
            finally:
                connection.close()

    def _connect(self) -> extensions.connection:
        arguments, keywords = self._engine.dialect.create_connect_args(self._engine.url)
        connection: extensions.connection = psycopg2.connect(
            *arguments, **{**keywords, **CONNECTING, "application_name": "hilum-listener"}
        )
        connection.set_isolation_level(ISOLATION_LEVEL_AUTOCOMMIT)
        with connection.cursor() as cursor:
            cursor.execute(f"LISTEN {self._channel}")
        return connection

    def _hear(self, connection: extensions.connection) -> None:
        """Announce what the connection hears until it is lost or we close."""
        assert self._pipe is not None  # noqa: S101 - made with the thread
        while not self._closing.is_set():
            select.select([connection.fileno(), self._pipe[0]], [], [])
            connection.poll()
            lanes = [notification.payload for notification in connection.notifies]
            connection.notifies.clear()
            self._announce(lanes)
