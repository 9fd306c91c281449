"""The scheduler: active with the lock, standing by without, and quiet as soon as it loses it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta

import pytest

from domain.duties import DutyName, DutyRecord
from tests.fake_upkeep import FakeDutyBook, FakeSchedulerLock
from tests.fakes import RecordedEvents
from tests.peers import wait_for
from worker import scheduler
from worker.duties import Duty


@dataclass
class Office:
    """A scheduler with one duty that is due all the time."""

    lock: FakeSchedulerLock = field(default_factory=FakeSchedulerLock)
    book: FakeDutyBook = field(default_factory=FakeDutyBook)
    events: RecordedEvents = field(default_factory=RecordedEvents)
    stop: threading.Event = field(default_factory=threading.Event)
    act: Callable[[], int] = lambda: 1
    every: timedelta = timedelta(seconds=0.02)
    ended: list[threading.Event] = field(default_factory=list)
    turns: list[str] = field(default_factory=list)

    def runs(self) -> int:
        return self.book.kept[DutyName.STUCK].runs if DutyName.STUCK in self.book.kept else 0

    def told(self, event: str) -> int:
        return self.events.names().count(event)

    def duties(self, ended: threading.Event) -> list[Duty]:
        self.ended.append(ended)
        return [Duty(name=DutyName.STUCK, every=self.every, act=self.act)]

    @contextmanager
    def open(self) -> Iterator[None]:
        """Serve in a thread for the block."""
        thread = threading.Thread(
            target=scheduler.serve,
            args=(self.lock, self.duties, self.book, self.events, self.stop, self.turns.append),
        )
        thread.start()
        try:
            yield
        finally:
            self.stop.set()
            thread.join(30)
        assert not thread.is_alive()


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look at the lock often."""
    monkeypatch.setattr(scheduler, "_LOOK_SECONDS", 0.02)


def test_who_has_the_lock_runs_the_duties() -> None:
    """Again and again, until told to stop; then it lets go."""
    office = Office()
    with office.open():
        wait_for(lambda: office.runs() > 2)
        assert office.lock.is_ours
    assert office.events.names() == ["scheduler-active"]
    assert not office.lock.is_ours


def test_who_has_it_not_stands_by_and_takes_over() -> None:
    """It says once that it stands by."""
    office = Office(lock=FakeSchedulerLock(is_free=False))
    with office.open():
        wait_for(lambda: office.told("scheduler-standby"))
        assert office.runs() == 0
        office.lock.is_free = True
        wait_for(office.runs)
    assert office.events.names() == ["scheduler-standby", "scheduler-active"]


def test_who_loses_it_runs_nothing_more_and_stands_by() -> None:
    """And is active again when it has it again."""
    office = Office()
    with office.open():
        wait_for(office.runs)
        office.lock.is_connected = False
        wait_for(lambda: office.told("scheduler-standby"))
        before = office.runs()
        assert office.ended[0].is_set()
        wait_for(lambda: office.told("database-away") > 5)
        assert office.runs() == before
        office.lock.is_connected = True
        wait_for(lambda: office.runs() > before)
    assert office.told("scheduler-active") == 2


def test_nothing_of_one_term_of_office_is_left_in_the_next() -> None:
    """A duty that is running when the lock is lost is waited for."""
    at_work, may_end = threading.Event(), threading.Event()

    def work_long() -> int:
        at_work.set()
        may_end.wait()
        return 1

    office = Office(act=work_long)
    with office.open():
        assert at_work.wait(30)
        office.lock.is_connected = False
        assert wait_for(office.ended[0].is_set)
        assert office.told("scheduler-standby") == 0
        may_end.set()
        wait_for(lambda: office.told("scheduler-standby"))


def test_a_duty_is_due_one_interval_after_its_last_run() -> None:
    """Whoever ran it: a new scheduler does not begin everything anew, and forgets nothing that is done once a day."""
    day = timedelta(days=1)
    done: list[DutyName] = []
    ages = {DutyName.STUCK: 0.5, DutyName.RETENTION: 1.5, DutyName.AGING: None}
    office = Office()
    office.duties = lambda _: [
        Duty(name=name, every=day, act=lambda name=name: done.append(name) or 1) for name in ages
    ]
    for name, days in ages.items():
        age = None if days is None else days * day.total_seconds()
        office.book.kept[name] = DutyRecord(name=name, age_seconds=age)
    with office.open():
        wait_for(lambda: len(done) >= 2)
    assert sorted(done) == [DutyName.AGING, DutyName.RETENTION]
