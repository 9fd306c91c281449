"""What a service manager is told (sd_notify): that we are ready, what we do, and, again and again, that we are well.

Without `NOTIFY_SOCKET` nobody is told anything, and nothing is checked.
"""

from __future__ import annotations

import socket
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from hilum.settings import notification

if TYPE_CHECKING:
    from collections.abc import Callable

    from worker.events import Events

_CHECKS_WITHIN_THE_TIME = 3
_EXTENSION_SECONDS = 60
"""How much longer than planned a start may take, counted from when we last said that we wait."""
_FIRST_PAUSE_SECONDS = 0.5
"""Between two checks until the first one is passed."""


class Watchdog:
    """The service manager's watchdog as this process sees it, and the rest that it can be told."""

    def __init__(self, address: str, seconds: float) -> None:
        """Say nothing yet.

        Args:
            address: where datagrams go, `@` for an abstract socket; empty: nobody listens.
            seconds: how long the watchdog waits for a sign of life; 0: there is none.
        """
        self._address = f"\0{address[1:]}" if address.startswith("@") else address
        self.seconds = seconds
        self._status = ""
        self._fed = 0.0
        self._is_ready = False

    @property
    def is_there(self) -> bool:
        """Whether anybody wants to know."""
        return bool(self._address)

    @property
    def is_ready(self) -> bool:
        """Whether we said that we are ready."""
        return self._is_ready

    @property
    def interval(self) -> float:
        """Seconds between two checks; 0: one is enough."""
        return self.seconds / _CHECKS_WITHIN_THE_TIME

    def waits(self, status: str, seconds: int = _EXTENSION_SECONDS) -> None:
        """Say that the start takes longer, and why; until we are ready.

        Args:
            status: the reason, in words for the operator.
            seconds: how long at most until we say something again.
        """
        if not self._is_ready:
            self._tell(f"EXTEND_TIMEOUT_USEC={seconds * 1_000_000}", *self._news(status))

    def turned(self, status: str) -> None:
        """Say that we are well: the first time that we are ready, later ones only as often as is needed.

        Args:
            status: what we do, in words for the operator.
        """
        now = time.monotonic()
        if not self._is_ready:
            self._is_ready = True
            self._tell("READY=1", *self._news(status))
        elif news := self._news(status):
            self._tell(*news)
        if self.seconds and now - self._fed >= self.interval * 0.9:
            self._fed = now
            self._tell("WATCHDOG=1")

    def stopping(self) -> None:
        """Say that the end has begun."""
        self._tell("STOPPING=1", *self._news("stopping"))

    def stops_with(self, stop: threading.Event) -> None:
        """Say so as soon as somebody asks for it."""

        def tell() -> None:
            stop.wait()
            self.stopping()

        if self.is_there:
            threading.Thread(target=tell, name="watchdog-stop", daemon=True).start()

    def watch(self, check: Callable[[], bool], status: str, events: Events, stop: threading.Event) -> None:
        """Check again and again, in a thread of its own, and tell of every time that it went well.

        A check that hangs is one that did not go well.
        """

        def run() -> None:
            while not stop.wait(self.interval if self._is_ready else _FIRST_PAUSE_SECONDS):
                if _passes(check, events):
                    self.turned(status)
                if self._is_ready and not self.seconds:
                    return

        if self.is_there:
            threading.Thread(target=run, name="watchdog", daemon=True).start()

    def _news(self, status: str) -> tuple[str, ...]:
        if status == self._status:
            return ()
        self._status = status
        return (f"STATUS={status}",)

    def _tell(self, *lines: str) -> None:
        if not self._address:
            return
        with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as own:  # it may not listen any more
            own.sendto("\n".join(lines).encode(), self._address)


def watchdog() -> Watchdog:
    """Return the watchdog of this process, as the environment names it; to be called once."""
    return Watchdog(*notification())


def _passes(check: Callable[[], bool], events: Events) -> bool:
    try:
        passed = check()
    except Exception as error:  # noqa: BLE001 - whatever ails it, it is not well
        events.warning("self-check-failed", error=type(error).__name__)
        return False
    if not passed:
        events.warning("self-check-failed")
    return passed
