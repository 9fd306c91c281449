"""`hilum up`: a child that dies comes back, one that refuses its settings does not."""

from __future__ import annotations

import sys
import time

from hilum.supervise import Child
from tests.fakes import RecordedEvents


def child(code: str) -> Child:
    return Child(role="node", command=[sys.executable, "-c", code], events=RecordedEvents(), pause=0.05)


def tend_until_ended(subject: Child) -> None:
    subject.tend()
    assert subject.process is not None
    subject.process.wait()
    subject.tend()


def test_a_dead_child_is_started_again() -> None:
    """After a pause that grows."""
    subject = child("raise SystemExit(1)")
    tend_until_ended(subject)
    assert (subject.process, subject.refused) == (None, False)
    time.sleep(subject.pause)
    tend_until_ended(subject)
    assert (subject.starts, subject.pause) == (2, 0.2)


def test_a_child_that_refuses_its_settings_is_not_started_again() -> None:
    """Exit status 2 at the first start means that somebody must change something."""
    subject = child("raise SystemExit(2)")
    tend_until_ended(subject)
    assert subject.refused


def test_a_child_that_does_not_stop_is_killed() -> None:
    """Nothing stays behind."""
    subject = child("import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(); time.sleep(60)")
    subject.tend()
    assert subject.process is not None
    time.sleep(0.5)
    subject.ask_to_stop()
    subject.wait(0.1)
    assert subject.process.returncode is not None
