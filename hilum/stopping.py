"""How a process learns that it should end."""

from __future__ import annotations

import os
import signal
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import FrameType

    from worker.events import Events

_PARENT_CHECK_SECONDS = 1.0


def on_signals() -> threading.Event:
    """Return an event that SIGTERM and Ctrl-C set; the first one asks, a second Ctrl-C ends at once.

    SIGUSR1 and SIGUSR2, which would end the process, are heeded by the log (`hilum.log`) and ignored until it is there.
    """
    stop = threading.Event()

    def ask(signum: int, frame: FrameType | None) -> None:
        del frame
        stop.set()
        if signum == signal.SIGINT:
            signal.signal(signal.SIGINT, signal.SIG_DFL)

    signal.signal(signal.SIGTERM, ask)
    signal.signal(signal.SIGINT, ask)
    for number in (signal.SIGUSR1, signal.SIGUSR2):
        signal.signal(number, signal.SIG_IGN)
    return stop


def at_latest(seconds: float, events: Events) -> None:
    """End the process after some seconds whatever it is doing: a database that hangs must not keep it."""

    def end() -> None:
        events.error("stop-overdue")
        os._exit(1)

    timer = threading.Timer(seconds, end)
    timer.daemon = True
    timer.start()


def with_parent(stop: threading.Event) -> None:
    """Set `stop` as well when the parent process is gone, however it ended."""
    parent = os.getppid()

    def watch() -> None:
        while not stop.wait(_PARENT_CHECK_SECONDS):
            if os.getppid() != parent:
                stop.set()

    threading.Thread(target=watch, name="parent-watch", daemon=True).start()
