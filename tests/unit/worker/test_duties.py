"""Duties: what each tells, and that a failure of one is written down and hurts nobody else."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import pytest

from domain.alarm import Overdue
from domain.audit import AuditAction, AuditEvent, AuditRecord
from domain.duties import DutyName, Stuck, StuckLimits
from domain.errors import Transient
from domain.ids import DeliveryId
from domain.worklist import WorklistTimes
from tests.fake_upkeep import FakeDutyBook
from tests.fakes import FakeQueue, RecordedEvents
from worker.duties import (
    Duty,
    aging,
    audit_export,
    disk_watermark,
    escalation,
    fallback,
    perform,
    quiet_sweep,
    retention,
    statistics,
    stuck,
    worklist,
)

HOUR = timedelta(hours=1)
LIMITS = StuckLimits(waiting=HOUR, leased=HOUR, undelivered=HOUR)


@dataclass
class FakeUpkeep:
    """A database that has so much to do, and is asked in pieces."""

    overlooked: int = 0
    old: int = 0
    expired: int = 0
    abandoned: int = 0
    ended: int = 0
    trouble: Stuck = field(default_factory=lambda: Stuck(waiting=0, leased=0, held=0, undelivered=0))
    pieces: list[int] = field(default_factory=list)
    on_piece: Callable[[], None] = lambda: None

    def make_due_overlooked(self, *, quiet: timedelta, window: timedelta, max_attempts: int, at_most: int) -> int:
        del quiet, window, max_attempts
        return self._take("overlooked", at_most)

    def stuck(self, limits: StuckLimits) -> Stuck:
        del limits
        return self.trouble

    def archive_settled(self, *, older_than: timedelta, at_most: int) -> int:
        del older_than
        return self._take("old", at_most)

    def take_statistics(self, *, keep: timedelta) -> int:
        del keep
        return 7

    def refresh_planner(self) -> int:
        return 2

    def expire(self, *, at_most: int) -> int:
        return self._take("expired", at_most)

    def take_back(self, *, patience: timedelta, expire: timedelta, at_most: int) -> int:
        del patience, expire
        return self._take("abandoned", at_most)

    def forget(self, *, keep: timedelta, at_most: int) -> int:
        del keep
        return self._take("ended", at_most)

    def _take(self, what: str, at_most: int) -> int:
        self.on_piece()
        taken = min(getattr(self, what), at_most)
        setattr(self, what, getattr(self, what) - taken)
        self.pieces.append(taken)
        return taken


@dataclass
class FakeFallback:
    """An outbox in which so much is late."""

    late: int

    def send_instead(self, *, at_most: int) -> int:
        taken = min(self.late, at_most)
        self.late -= taken
        return taken


def failing(error: Exception) -> Duty:
    def fail() -> int:
        raise error

    return Duty(name=DutyName.AGING, every=HOUR, act=fail)


def test_a_duty_that_ended_well_leaves_its_number() -> None:
    """And no trace of the failure before."""
    book = FakeDutyBook()
    book.fail(DutyName.AGING, seconds=1, error="away")
    assert perform(Duty(name=DutyName.AGING, every=HOUR, act=lambda: 3), book, RecordedEvents()) == 3
    record = book.kept[DutyName.AGING]
    assert (record.runs, record.failures, record.last_count, record.last_error) == (1, 1, 3, None)


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (Transient("the spool can't be read"), "the spool can't be read"),
        (ValueError("DOE^JANE"), "unexpected ValueError"),
    ],
)
def test_a_duty_that_fails_says_why_without_foreign_texts(error: Exception, told: str) -> None:
    """In the log and in the book: a text that is not ours may hold a patient's data."""
    book, events = FakeDutyBook(), RecordedEvents()
    assert perform(failing(error), book, events) is None
    assert book.kept[DutyName.AGING].last_error == told
    assert events.told == [("error", "duty-failed", {"duty": "aging", "reason": told})]


def test_a_book_that_is_away_does_not_end_the_scheduler() -> None:
    """The failure is in the log."""
    events = RecordedEvents()
    assert perform(failing(ValueError()), FakeDutyBook(is_away=True), events) is None
    assert events.names() == ["duty-failed"]


def test_overlooked_studies_are_told_and_done_in_pieces() -> None:
    """Until none is left."""
    upkeep, events = FakeUpkeep(overlooked=1200), RecordedEvents()
    count = quiet_sweep(upkeep, events, threading.Event(), quiet=HOUR, window=HOUR, max_attempts=5)
    assert (count, upkeep.overlooked, max(upkeep.pieces)) == (1200, 0, 500)
    assert events.told == [("warning", "studies-overlooked", {"count": 1200})]


def test_what_waits_long_is_looked_after() -> None:
    """It rises, and how much is told."""
    queue, events = FakeQueue(), RecordedEvents()
    queue.add("classify", 1)
    queue.pass_time(HOUR)
    assert aging(queue, events, step=timedelta(minutes=15)) == 1
    assert events.told == [("info", "jobs-aged", {"count": 1})]


def test_what_goes_to_another_peer_is_told() -> None:
    """As many pieces as there are, and silence where there are none."""
    events, ended = RecordedEvents(), threading.Event()
    assert fallback(FakeFallback(late=501), events, ended) == 501
    assert fallback(FakeFallback(late=0), events, ended) == 0
    assert events.names() == ["sent-instead"]


@dataclass
class FakeEscalations:
    """An outbox with overdue results."""

    found: Overdue
    told_of: list[Overdue] = field(default_factory=list)

    def overdue(self, *, older_than: timedelta) -> Overdue:
        assert older_than == HOUR
        return self.found

    def told(self, overdue: Overdue) -> None:
        self.told_of.append(overdue)


@dataclass
class FakeAlarm:
    """People who can be told, or not."""

    failure: Transient | None = None
    heard: list[Overdue] = field(default_factory=list)

    def tell(self, overdue: Overdue) -> None:
        self.heard.append(overdue)
        if self.failure is not None:
            raise self.failure


OVERDUE = Overdue(untold=(DeliveryId(7),), count=3, peers=("pacs",), waiting_for=("pacs",), oldest_seconds=754.2)


def test_people_are_told_of_urgent_results_that_reach_nobody() -> None:
    """Those of which they were told before are counted, and not told again."""
    events, alarm, outbox = RecordedEvents(), FakeAlarm(), FakeEscalations(OVERDUE)
    assert escalation(outbox, alarm, events, older_than=HOUR) == 3
    assert (alarm.heard, outbox.told_of, events.names()) == ([OVERDUE], [OVERDUE], ["urgent-results-undelivered"])
    outbox.found = replace(OVERDUE, untold=())
    assert escalation(outbox, alarm, events, older_than=HOUR) == 3
    assert len(alarm.heard) == 1


def test_who_could_not_be_told_is_told_the_next_time() -> None:
    """The duty fails, which is seen, and nothing is written down as told."""
    outbox = FakeEscalations(OVERDUE)
    with pytest.raises(Transient):
        escalation(outbox, FakeAlarm(Transient("no mail")), RecordedEvents(), older_than=HOUR)
    assert outbox.told_of == []


def test_each_kind_of_stuck_work_is_told_by_its_count() -> None:
    """What needs a person at once as an error."""
    events = RecordedEvents()
    assert stuck(FakeUpkeep(trouble=Stuck(waiting=1, leased=2, held=3, undelivered=4)), events, limits=LIMITS) == 10
    assert events.told == [
        ("error", "jobs-unclaimed", {"count": 1}),
        ("error", "jobs-at-work-too-long", {"count": 2}),
        ("warning", "jobs-held", {"count": 3}),
        ("warning", "reports-undelivered", {"count": 4}),
    ]


def test_nothing_is_told_where_nothing_is_stuck() -> None:
    """The log is for trouble."""
    events = RecordedEvents()
    assert stuck(FakeUpkeep(), events, limits=LIMITS) == 0
    assert events.told == []


def test_old_jobs_are_archived_in_pieces() -> None:
    """A piece is a transaction: none is large."""
    upkeep = FakeUpkeep(old=2500)
    assert retention(upkeep, RecordedEvents(), threading.Event(), older_than=HOUR) == 2500
    assert upkeep.pieces == [1000, 1000, 500]


def test_a_scheduler_that_must_stop_archives_no_further_piece() -> None:
    """The next one goes on."""
    ended = threading.Event()
    upkeep = FakeUpkeep(old=2500, on_piece=ended.set)
    assert retention(upkeep, RecordedEvents(), ended, older_than=HOUR) == 1000


def test_without_an_age_all_jobs_stay() -> None:
    """The database is not even asked."""
    upkeep = FakeUpkeep(old=2500)
    assert retention(upkeep, RecordedEvents(), threading.Event(), older_than=None) == 0
    assert upkeep.pieces == []


@pytest.mark.parametrize(
    ("free", "told"),
    [(2_000, []), (1_999, [("warning", "disk-nearly-full")]), (999, [("error", "disk-below-reserve")])],
)
def test_a_disk_that_fills_is_told(free: int, told: list[tuple[str, str]]) -> None:
    """Before films are refused, and when they are."""
    events = RecordedEvents()
    megabyte = 1_000_000
    assert disk_watermark(lambda: free * megabyte, events, reserve_bytes=1_000 * megabyte) == free
    assert [(level, event) for level, event, _ in events.told] == told


def test_a_disk_that_can_not_be_asked_is_a_failure() -> None:
    """Not a full disk."""

    def broken() -> int:
        raise OSError

    with pytest.raises(Transient):
        disk_watermark(broken, RecordedEvents(), reserve_bytes=1)


def test_figures_are_written_and_the_planner_is_helped() -> None:
    """The number is that of the figures."""
    events = RecordedEvents()
    assert statistics(FakeUpkeep(), events, keep=HOUR) == 7
    assert events.told == [("info", "tables-analyzed", {"count": 2})]


def test_the_worklist_is_cleared_and_what_was_lost_is_told() -> None:
    """What nobody took and what nobody ended are warnings; what ended long ago goes silently."""
    upkeep, events = FakeUpkeep(expired=2, abandoned=1, ended=700), RecordedEvents()
    times = WorklistTimes(expire=HOUR, claim=HOUR, keep=HOUR)
    assert worklist(upkeep, events, threading.Event(), times=times) == 703
    assert events.names() == ["workitems-expired", "workitems-taken-back"]


@dataclass
class FakeTrail:
    """A trail of so many records."""

    count: int
    sent: dict[str, int] = field(default_factory=dict)

    def record(self, event: AuditEvent) -> None:
        raise NotImplementedError(event)

    def records(self, *, behind: int = 0) -> Iterator[AuditRecord]:
        event = AuditEvent(actor="maria", role="radiologist", action=AuditAction.VIEW)
        at = datetime(2026, 11, 27, tzinfo=UTC)
        for number in range(behind + 1, self.count + 1):
            yield AuditRecord(id=number, at=at, event=event, previous="", hash="")

    def first_broken(self) -> int | None:
        return None

    def sent_to(self, repository: str) -> int:
        return self.sent.get(repository, 0)

    def mark_sent(self, repository: str, last: int) -> None:
        self.sent[repository] = last


def test_what_is_new_in_the_trail_is_sent_in_pieces() -> None:
    """From where the last run ended, and each record once; without a repository nothing is."""
    trail, pieces = FakeTrail(1203, sent={"a": 3}), []

    def send(records: Sequence[AuditRecord]) -> int:
        pieces.append([record.id for record in records])
        return pieces[-1][-1]

    assert audit_export(trail, "a", None, threading.Event()) == 0
    assert audit_export(trail, "a", send, threading.Event()) == 1200
    assert [len(piece) for piece in pieces] == [500, 500, 200]
    assert [number for piece in pieces for number in piece] == list(range(4, 1204))
    assert audit_export(trail, "a", send, threading.Event()) == 0


def test_what_could_not_be_sent_is_sent_next_time() -> None:
    """Nothing is left out."""
    trail = FakeTrail(10)

    def broken(_: Sequence[AuditRecord]) -> int:
        raise Transient("the audit repository can't be reached")

    with pytest.raises(Transient):
        audit_export(trail, "a", broken, threading.Event())
    assert audit_export(trail, "a", lambda records: records[-1].id, threading.Event()) == 10
