"""A check in a process of its own, again and again, for a process that forks and so has few threads."""

from __future__ import annotations

import os
import signal
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from hilum.watchdog import Watchdog
    from worker.events import Events

_FIRST_PAUSE_SECONDS = 0.5
_PATIENCE_SECONDS = 60.0


class SelfCheck:
    """Checks as often as the watchdog wants it; nothing is done where there is none."""

    def __init__(self, watchdog: Watchdog, check: Callable[[], bool]) -> None:
        """Begin with the first turn.

        Args:
            watchdog: how often, and whether at all.
            check: what is done in the process; it needs no more than it was given, and leaves nothing behind.
        """
        self._watchdog = watchdog
        self._check = check
        self._pid: int | None = None
        self._begun = 0.0

    def turn(self, events: Events) -> bool:
        """Begin a check if it is time, and say whether one went well since the last call."""
        if self._pid is not None:
            return self._look(events)
        pause = self._watchdog.interval if self._watchdog.is_ready else _FIRST_PAUSE_SECONDS
        is_done = self._watchdog.is_ready and not self._watchdog.seconds
        if self._watchdog.is_there and not is_done and time.monotonic() - self._begun >= pause:
            self._begin()
        return False

    def stop(self) -> None:
        """End what is being checked."""
        if self._pid is not None:
            os.kill(self._pid, signal.SIGKILL)
            os.waitpid(self._pid, 0)
            self._pid = None

    def _begin(self) -> None:
        self._begun = time.monotonic()
        pid = os.fork()
        if pid == 0:
            os._exit(_outcome(self._check))
        self._pid = pid

    def _look(self, events: Events) -> bool:
        assert self._pid is not None  # noqa: S101 - asked just now
        done, status = os.waitpid(self._pid, os.WNOHANG)
        if not done:
            if time.monotonic() - self._begun > _PATIENCE_SECONDS:
                self.stop()
                events.warning("self-check-failed", reason="it hangs")
            return False
        self._pid = None
        if status:
            events.warning("self-check-failed", status=os.waitstatus_to_exitcode(status))
        return not status


def _outcome(check: Callable[[], bool]) -> int:
    try:
        return 0 if check() else 1
    except Exception:  # noqa: BLE001 - the process ends with it, and its status says so
        return 1
