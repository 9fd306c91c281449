"""How a process learns that it should end, and the last means to end it."""

from __future__ import annotations

import subprocess
import sys

_HANGING = """
import time
from hilum import stopping
from tests.fakes import RecordedEvents
stopping.at_latest({seconds}, RecordedEvents())
time.sleep({sleep})
"""


def ended(program: str) -> int:
    """Run a program and return its exit status."""
    return subprocess.run([sys.executable, "-c", program], check=False, timeout=60).returncode


def status_of(*, seconds: float, sleep: float) -> int:
    """Return the exit status of a process that is given some seconds and sleeps for others."""
    return ended(_HANGING.format(seconds=seconds, sleep=sleep))


def test_a_process_that_hangs_ends_all_the_same() -> None:
    """With a status that says so."""
    assert status_of(seconds=0.2, sleep=600) == 1


def test_a_process_that_ends_by_itself_is_not_kept() -> None:
    """It does not wait for the time to be up."""
    assert status_of(seconds=600, sleep=0) == 0


_BUSY = """
import hashlib, os, signal, threading
from hilum import stopping
stop = stopping.on_signals()
threading.Thread(target=lambda: os._exit(7 if stop.wait(20) else 8), daemon=True).start()
threading.Timer(0.5, lambda: os.kill(os.getpid(), signal.SIGTERM)).start()
hashlib.pbkdf2_hmac("sha256", b"a", b"b", 2**31 - 1)
"""


def test_a_signal_is_heeded_while_the_main_thread_is_busy_in_a_library() -> None:
    """It computes for an hour and never looks for signals."""
    assert ended(_BUSY) == 7


_OTHER = """
import os, signal, threading
from hilum import stopping
stop = stopping.on_signals()
other = threading.Thread(target=lambda: threading.Event().wait(60), daemon=True)
other.start()
threading.Timer(0.5, lambda: signal.pthread_kill(other.ident, signal.SIGTERM)).start()
stop.wait()
raise SystemExit(7)
"""


def test_a_signal_is_heeded_whichever_thread_gets_it() -> None:
    """The main thread waits for the event, and nothing wakes it but that."""
    assert ended(_OTHER) == 7


_LOCKED = """
import os, signal
from hilum import stopping
stop = stopping.on_signals()
with stop._cond:
    os.kill(os.getpid(), signal.SIGTERM)
    for _ in range(1000): pass
stop.wait()
raise SystemExit(7)
"""


def test_a_signal_may_come_while_the_main_thread_holds_the_lock_of_the_event() -> None:
    """As it does for an instant whenever it waits; a handler that set the event would wait for itself."""
    assert ended(_LOCKED) == 7


_CHILD = """
import os, signal, time
from hilum import stopping
stop = stopping.on_signals()
child = os.fork()
if not child:
    time.sleep(2)
    os._exit(0)
time.sleep(0.3)
os.kill(child, signal.SIGTERM)
raise SystemExit(8 if stop.wait(1.0) else 7)
"""


def test_a_signal_for_a_child_is_none_for_its_parent() -> None:
    """A receiving process of the node is forked, and has its parent's pipe until it has its own."""
    assert ended(_CHILD) == 7


_AGAIN = """
import os, threading, time
from hilum import stopping
stopping.on_signals()
files = len(os.listdir("/proc/self/fd"))
for _ in range(20):
    stopping.on_signals()
deadline = time.monotonic() + 20
while len(threading.enumerate()) > 2 and time.monotonic() < deadline:
    time.sleep(0.01)
assert len(threading.enumerate()) == 2, threading.enumerate()
assert len(os.listdir("/proc/self/fd")) == files
"""


def test_whoever_asks_again_gets_a_thread_in_place_of_the_one_before() -> None:
    """Nothing is left of the first."""
    assert ended(_AGAIN) == 0
