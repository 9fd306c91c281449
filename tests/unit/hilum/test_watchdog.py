"""What the service manager hears of a process."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from hilum.given_settings import given
from hilum.self_check import SelfCheck
from hilum.settings import notification
from hilum.watchdog import Watchdog, watchdog
from hilum.workplace import Check, longest_step
from tests.fakes import RecordedEvents
from tests.peers import wait_for
from tests.service_manager import ServiceManager, service_manager
from worker.pulse import Pulse


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[ServiceManager]:
    """A service manager that listens."""
    with service_manager(tmp_path) as listening:
        yield listening


def test_readiness_is_said_once_and_life_again_and_again(manager: ServiceManager) -> None:
    """A status is repeated only when it changes."""
    dog = Watchdog(manager.address, 0.000001)
    for status in ("standing by", "standing by", "active"):
        dog.turned(status)
    assert (manager.count("READY=1"), manager.count("WATCHDOG=1")) == (1, 3)
    assert manager.statuses() == ["standing by", "active"]


def test_a_watchdog_is_fed_no_more_than_it_needs(manager: ServiceManager) -> None:
    """Three times within its patience, however often a loop turns."""
    dog = Watchdog(manager.address, 3600)
    for _ in range(5):
        dog.turned("active")
    assert manager.count("WATCHDOG=1") == 1


def test_a_start_that_waits_asks_for_time_until_it_is_ready(manager: ServiceManager) -> None:
    """With the reason; afterwards there is nothing to extend."""
    dog = Watchdog(manager.address, 0)
    dog.waits("waiting for the database")
    dog.turned("active")
    dog.waits("waiting for the database")
    assert manager.count("EXTEND_TIMEOUT_USEC=60000000") == 1
    assert manager.statuses() == ["waiting for the database", "active"]


def test_an_address_with_an_at_is_an_abstract_socket(manager: ServiceManager) -> None:
    """A service manager may have no file for it."""
    with manager.own.__class__(manager.own.family, manager.own.type) as abstract:
        abstract.bind(f"\0hilum-{os.getpid()}")
        Watchdog(f"@hilum-{os.getpid()}", 0).stopping()
        assert b"STOPPING=1" in abstract.recv(100)


def test_without_a_service_manager_nothing_is_checked() -> None:
    """No thread is started, and nobody is told."""
    dog, before = Watchdog("", 0), threading.active_count()
    dog.watch(lambda: True, "serving", RecordedEvents(), threading.Event())
    dog.turned("serving")
    assert not SelfCheck(dog, lambda: True).turn(RecordedEvents())
    assert threading.active_count() == before


def test_a_manager_that_is_gone_disturbs_nobody(tmp_path: Path) -> None:
    """The work goes on."""
    Watchdog(str(tmp_path / "nobody"), 1).turned("serving")


def test_what_fails_its_check_is_not_said_to_live(manager: ServiceManager) -> None:
    """The log tells which error it was, the service manager hears nothing until all is well."""
    outcomes, events, stop = iter([OSError(), False, True]), RecordedEvents(), threading.Event()

    def check() -> bool:
        outcome = next(outcomes, True)
        if isinstance(outcome, OSError):
            raise outcome
        return bool(outcome)

    Watchdog(manager.address, 3600).watch(check, "serving", events, stop)
    manager.wait_for("READY=1")
    stop.set()
    assert events.names() == ["self-check-failed"] * 2


def test_a_check_that_hangs_says_nothing(manager: ServiceManager) -> None:
    """Which is how a hang is noticed."""
    begun, go_on, stop = threading.Event(), threading.Event(), threading.Event()

    def hang() -> bool:
        begun.set()
        return go_on.wait(30)

    Watchdog(manager.address, 0.01).watch(hang, "serving", RecordedEvents(), stop)
    assert begun.wait(30)
    assert manager.count("READY=1") == 0
    stop.set()
    go_on.set()


def test_the_end_is_announced_when_it_is_asked_for(manager: ServiceManager) -> None:
    """Not when it is done."""
    stop = threading.Event()
    Watchdog(manager.address, 1).stops_with(stop)
    assert manager.count("STOPPING=1") == 0
    stop.set()
    manager.wait_for("STOPPING=1")


def test_a_check_in_its_own_process_tells_how_it_went(manager: ServiceManager) -> None:
    """Its failure is one event, its success a sign of life."""
    events, dog = RecordedEvents(), Watchdog(manager.address, 3)
    for outcome in (True, False):
        check = SelfCheck(dog, lambda outcome=outcome: outcome)
        assert wait_for(lambda check=check: check.turn(events) or events.names() or None)
        check.stop()
    assert events.names() == ["self-check-failed"]


def test_no_child_speaks_for_its_parent(monkeypatch: pytest.MonkeyPatch) -> None:
    """The variables are gone once they were read; a watchdog of another process is none of ours."""
    for name, value in {"NOTIFY_SOCKET": "/run/n", "WATCHDOG_USEC": "2000000", "WATCHDOG_PID": "1"}.items():
        monkeypatch.setenv(name, value)
    assert notification() == ("/run/n", 0.0)
    assert not watchdog().is_there


def test_a_worker_that_gets_on_needs_no_prediction() -> None:
    """One that had nothing to do since the last look predicts something."""
    predictions: list[None] = []
    pulse = Pulse()
    check = Check(lambda: predictions.append(None), pulse, 60)
    assert check()
    assert len(predictions) == 1
    pulse.beat()
    assert check()
    assert len(predictions) == 1
    assert check()
    assert len(predictions) == 2


def test_a_worker_with_a_thread_that_does_not_get_on_is_not_well() -> None:
    """Though its network answers."""
    pulse = Pulse()
    with pulse.at_work():
        pulse._begun = dict.fromkeys(pulse._begun, -1e9)
        assert not Check(lambda: None, pulse, 60)()
        pulse.beat()
        assert Check(lambda: None, pulse, 60)()
    assert pulse.longest_seconds() == 0


def test_a_worker_whose_settings_let_a_job_take_long_is_given_that_time() -> None:
    """A film that may be read for an hour, a system that may be silent for one: neither is a thread that hangs."""
    ris = {"name": "ris", "host": "h", "port": 1, "timeout_seconds": 3600}
    for patient in (given(worker={"decode_seconds": 3600}), given(ris=[ris])):
        assert longest_step(patient) > 3600 + 300
    assert longest_step(given()) < 3600
