"""The last means to end a process."""

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


def status_of(*, seconds: float, sleep: float) -> int:
    """Return the exit status of a process that is given some seconds and sleeps for others."""
    program = _HANGING.format(seconds=seconds, sleep=sleep)
    return subprocess.run([sys.executable, "-c", program], check=False, timeout=60).returncode


def test_a_process_that_hangs_ends_all_the_same() -> None:
    """With a status that says so."""
    assert status_of(seconds=0.2, sleep=600) == 1


def test_a_process_that_ends_by_itself_is_not_kept() -> None:
    """It does not wait for the time to be up."""
    assert status_of(seconds=600, sleep=0) == 0
