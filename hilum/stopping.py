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
_ASKS = frozenset({signal.SIGTERM, signal.SIGINT})
_MANY = 64
_own_pipes: set[int] = set()
"""Where the numbers of signals are written to; at most one."""


def on_signals() -> threading.Event:
    """Return an event that SIGTERM and Ctrl-C set; the first one asks, a second Ctrl-C ends at once.

    A thread of its own sets it: Python's handlers wait for the main thread, which may be loading a network, or wait
    without end because the kernel gave the signal to another thread; and they may find it holding the event's own lock.

    SIGUSR1 and SIGUSR2, which would end the process, are heeded by the log (`hilum.log`) and ignored until it is there.
    """
    stop = threading.Event()
    told = _told_of_signals()

    def heed() -> None:
        while numbers := os.read(told, _MANY):
            if _ASKS.intersection(numbers):
                stop.set()
        os.close(told)

    def ask(signum: int, frame: FrameType | None) -> None:
        del frame
        if signum == signal.SIGINT:
            signal.signal(signal.SIGINT, signal.SIG_DFL)

    threading.Thread(target=heed, name="signals", daemon=True).start()
    signal.signal(signal.SIGTERM, ask)
    signal.signal(signal.SIGINT, ask)
    for number in (signal.SIGUSR1, signal.SIGUSR2):
        signal.signal(number, signal.SIG_IGN)
    return stop


def _told_of_signals() -> int:
    """Return a pipe that gets the number of each signal, a byte each; the one that was returned before ends."""
    told, tells = os.pipe()
    os.set_blocking(tells, False)
    before = signal.set_wakeup_fd(tells, warn_on_full_buffer=False)
    if before in _own_pipes:
        _own_pipes.remove(before)
        os.close(before)
    _own_pipes.add(tells)
    return told


def _let_go_of_parents_pipe() -> None:
    if _own_pipes:
        signal.set_wakeup_fd(-1)
        for tells in _own_pipes:
            os.close(tells)
        _own_pipes.clear()


os.register_at_fork(after_in_child=_let_go_of_parents_pipe)  # a signal for the child is none for its parent


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
