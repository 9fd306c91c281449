"""Films go in pieces, until there is room, and no longer than they may."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta

import pytest

from domain.errors import Transient
from domain.ids import StudyId
from domain.retention import DeletionCause, Marked, Terms
from tests.fakes import RecordedEvents
from worker.retention import Marks, Shredder, make_room, old_audit, old_films, old_results

TERMS = Terms(cause=DeletionCause.RETENTION, films=timedelta(days=1))
NEVER = Terms(cause=DeletionCause.RETENTION, films=None)


@pytest.fixture
def recorded() -> RecordedEvents:
    """A log that keeps what it is told."""
    return RecordedEvents()


@dataclass
class FakeRetention:
    """Studies of one film each that may all go, in the order of their numbers."""

    studies: int
    marked: list[str] = field(default_factory=list)
    ended: threading.Event = field(default_factory=threading.Event)
    files: int = 0
    """Removed so far."""

    def mark(self, terms: Terms, *, behind: StudyId | None, at_most: int) -> Marked:
        del terms
        first = (behind or 0) + 1
        some = range(first, min(first + at_most, self.studies + 1))
        self.marked += [str(number) for number in some]
        return Marked(studies=len(some), last=StudyId(some[-1]) if len(some) == at_most else None)

    def remove_next(self, remove: Callable[[str], None]) -> int | None:
        if not self.marked:
            return None
        remove(self.marked[0])
        del self.marked[0]
        self.files += 1
        return 10

    def forget_old(self, *, older_than: timedelta, at_most: int) -> int:
        del older_than
        count = min(self.studies, at_most)
        self.studies -= count
        return count


def shredder(retention: FakeRetention, remove: Callable[[str], None] = lambda _: None) -> Shredder:
    return Shredder(retention=retention, remove=remove, ended=retention.ended)


def test_all_that_may_go_goes(recorded: RecordedEvents) -> None:
    """In pieces; how many and how large they were is told."""
    retention = FakeRetention(studies=250)
    assert old_films(shredder(retention), recorded, TERMS) == 250
    assert recorded.told == [("info", "films-deleted", {"count": 250, "bytes": 2500, "reason": "retention"})]


def test_without_a_period_only_what_is_begun_is_finished(recorded: RecordedEvents) -> None:
    """No film is marked any more."""
    retention = FakeRetention(studies=5, marked=["7"])
    assert old_films(shredder(retention), recorded, NEVER) == 1
    assert retention.marked == []


def test_it_ends_when_it_is_somebody_elses_duty(recorded: RecordedEvents) -> None:
    """What is marked then, they remove."""
    retention = FakeRetention(studies=250)

    def remove(place: str) -> None:
        if place == "3":
            retention.ended.set()

    assert old_films(shredder(retention, remove), recorded, TERMS) == 3


def test_a_store_that_is_broken_fails_the_duty(recorded: RecordedEvents) -> None:
    """It is told in our words."""

    def remove(_: str) -> None:
        raise OSError

    with pytest.raises(Transient, match="removed from the store"):
        old_films(shredder(FakeRetention(studies=1), remove), recorded, TERMS)


def test_results_go_in_pieces(recorded: RecordedEvents) -> None:
    """Until there are no more; none without a period."""
    retention = FakeRetention(studies=150)
    assert old_results(retention, recorded, threading.Event(), older_than=None) == 0
    assert old_results(retention, recorded, threading.Event(), older_than=timedelta(days=1)) == 150


def room(retention: FakeRetention, recorded: RecordedEvents, *, free: int, below: int = 100, until: int = 200) -> int:
    """Make room on a disk on which a film takes ten bytes."""
    marks = Marks(below=below, until=until)
    return make_room(shredder(retention), lambda: free + 10 * retention.files, recorded, TERMS, marks)


def test_room_is_made_up_to_the_second_mark(recorded: RecordedEvents) -> None:
    """And no further."""
    retention = FakeRetention(studies=1000)
    assert room(retention, recorded, free=90) == 11
    assert recorded.names() == ["films-deleted"]


@pytest.mark.parametrize(("free", "below"), [(100, 100), (5, 0)])
def test_above_the_first_mark_or_without_one_nothing_goes(recorded: RecordedEvents, free: int, below: int) -> None:
    """Between the marks, too."""
    assert room(FakeRetention(studies=1000), recorded, free=free, below=below) == 0


def test_where_nothing_may_go_somebody_is_told(recorded: RecordedEvents) -> None:
    """All that is left is needed; the node refuses films once its reserve is reached."""
    assert room(FakeRetention(studies=2), recorded, free=20) == 2
    assert recorded.told[-1] == ("error", "no-room-to-make", {"bytes": 40})


@dataclass
class FakeAuditRetention:
    """So many old records."""

    records: int

    def delete_old(self, *, older_than: timedelta, repository: str | None, at_most: int) -> int:
        del older_than, repository
        count = min(self.records, at_most)
        self.records -= count
        return count


def test_audit_records_go_in_pieces(recorded: RecordedEvents) -> None:
    """None without a period."""
    trail = FakeAuditRetention(records=25_000)
    ended = threading.Event()
    assert old_audit(trail, recorded, ended, older_than=None, repository=None) == 0
    assert old_audit(trail, recorded, ended, older_than=timedelta(days=1), repository=None) == 25_000
    assert recorded.told == [("info", "audit-records-deleted", {"count": 25_000})]
