"""What is done again and again to keep an installation in order; each duty may run at any time, and twice at once."""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

from domain.errors import HilumError, Transient

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Sequence
    from datetime import timedelta

    from domain.audit import AuditRecord, AuditTrail
    from domain.delivery_ports import Alarm, Escalations, Fallback
    from domain.duties import DutyName, StuckLimits
    from domain.ports import DutyBook, Queue, Upkeep
    from domain.worklist import WorklistTimes
    from domain.worklist_ports import WorklistUpkeep
    from worker.events import Events

    SendRecords = Callable[[Sequence[AuditRecord]], int]

_STUDIES_AT_ONCE = 500
_OBJECTS_AT_ONCE = 500
_RECORDS_AT_ONCE = 500
_JOBS_AT_ONCE = 1000
"""Small, so that no transaction keeps others waiting."""
_MEGABYTE = 1_000_000


@dataclass(frozen=True, kw_only=True, slots=True)
class Duty:
    """A duty with all that it needs."""

    name: DutyName
    every: timedelta
    act: Callable[[], int]
    """Does it and returns the number that `domain.duties.COUNTED` explains."""


def perform(duty: Duty, book: DutyBook, events: Events) -> int | None:
    """Run a duty and write down what came of it; return its number, None if it failed."""
    began = time.monotonic()
    try:
        book.begin(duty.name)
        count = duty.act()
        book.end(duty.name, seconds=time.monotonic() - began, count=count)
    except Exception as error:  # noqa: BLE001 - whatever fails is written down, and the other duties go on
        # The text of a foreign error may hold a patient's data; its type does not.
        reason = str(error) if isinstance(error, HilumError) else f"unexpected {type(error).__name__}"
        events.error("duty-failed", duty=duty.name, reason=reason)
        with suppress(Transient):  # it is in the log
            book.fail(duty.name, seconds=time.monotonic() - began, error=reason)
        return None
    return count


def quiet_sweep(
    upkeep: Upkeep, events: Events, ended: threading.Event, *, quiet: timedelta, window: timedelta, max_attempts: int
) -> int:
    """Give overlooked studies a classify job; say how many."""

    def some() -> int:
        return upkeep.make_due_overlooked(
            quiet=quiet, window=window, max_attempts=max_attempts, at_most=_STUDIES_AT_ONCE
        )

    count = _chunks(some, _STUDIES_AT_ONCE, ended)
    if count:
        events.warning("studies-overlooked", count=count)
    return count


def lease_reaper(queue: Queue, events: Events) -> int:
    """Return the jobs of workers that died to their lanes; say how many."""
    count = queue.reap()
    if count:
        events.warning("leases-expired", count=count)
    return count


def aging(queue: Queue, events: Events, *, step: timedelta) -> int:
    """Make what has waited long more urgent; say how many jobs."""
    count = queue.age(step=step)
    if count:
        events.info("jobs-aged", count=count)
    return count


def fallback(outbox: Fallback, events: Events, ended: threading.Event) -> int:
    """Send what a peer did not take in time to the one that stands in for it; say how many objects."""
    count = _chunks(lambda: outbox.send_instead(at_most=_OBJECTS_AT_ONCE), _OBJECTS_AT_ONCE, ended)
    if count:
        events.warning("sent-instead", count=count)
    return count


def escalation(outbox: Escalations, alarm: Alarm, events: Events, *, older_than: timedelta) -> int:
    """Tell people of urgent results that reach nobody, of each once; say how many there are.

    Raises:
        Transient: the database is away, or somebody could not be told; then it is tried again.
    """
    overdue = outbox.overdue(older_than=older_than)
    if overdue.untold:
        events.error(
            "urgent-results-undelivered",
            count=overdue.count,
            peers=list(overdue.peers),
            seconds=round(overdue.oldest_seconds),
        )
        alarm.tell(overdue)
        outbox.told(overdue)
    return overdue.count


def worklist(upkeep: WorklistUpkeep, events: Events, ended: threading.Event, *, times: WorklistTimes) -> int:
    """Clear the reading worklist of what nobody took, offer anew what nobody ended, forget what ended long ago.

    Returns:
        How many items that were.
    """
    expired = _chunks(lambda: upkeep.expire(at_most=_STUDIES_AT_ONCE), _STUDIES_AT_ONCE, ended)
    taken_back = _chunks(
        lambda: upkeep.take_back(patience=times.claim, expire=times.expire, at_most=_STUDIES_AT_ONCE),
        _STUDIES_AT_ONCE,
        ended,
    )
    if expired:
        events.warning("workitems-expired", count=expired)
    if taken_back:
        events.warning("workitems-taken-back", count=taken_back)
    forgotten = _chunks(lambda: upkeep.forget(keep=times.keep, at_most=_STUDIES_AT_ONCE), _STUDIES_AT_ONCE, ended)
    return expired + taken_back + forgotten


def audit_export(trail: AuditTrail, repository: str, send: SendRecords | None, ended: threading.Event) -> int:
    """Send what is new in the audit trail to a repository, in pieces; say how many records.

    Args:
        trail: the audit trail.
        repository: what it is remembered as.
        send: hands records over, in order, and returns the number of the last; None: there is no repository.
        ended: set when it is somebody else's duty.

    Raises:
        Transient: trail or repository can't be reached.
    """
    if send is None:
        return 0
    total = 0
    while not ended.is_set():
        piece = list(islice(trail.records(behind=trail.sent_to(repository)), _RECORDS_AT_ONCE))
        if piece:
            trail.mark_sent(repository, send(piece))
        total += len(piece)
        if len(piece) < _RECORDS_AT_ONCE:
            break
    return total


def stuck(upkeep: Upkeep, events: Events, *, limits: StuckLimits) -> int:
    """Tell of work that does not get on; say how many jobs and reports."""
    found = upkeep.stuck(limits)
    if found.waiting:
        events.error("jobs-unclaimed", count=found.waiting)
    if found.leased:
        events.error("jobs-at-work-too-long", count=found.leased)
    if found.held:
        events.warning("jobs-held", count=found.held)
    if found.undelivered:
        events.warning("reports-undelivered", count=found.undelivered)
    return found.waiting + found.leased + found.held + found.undelivered


def retention(upkeep: Upkeep, events: Events, ended: threading.Event, *, older_than: timedelta | None) -> int:
    """Move settled jobs out of the queue; say how many. None keeps all."""
    if older_than is None:
        return 0
    age = older_than
    count = _chunks(lambda: upkeep.archive_settled(older_than=age, at_most=_JOBS_AT_ONCE), _JOBS_AT_ONCE, ended)
    if count:
        events.info("jobs-archived", count=count)
    return count


def disk_watermark(free_bytes: Callable[[], int], events: Events, *, reserve_bytes: int) -> int:
    """Tell when the spool's disk is about to fill; return the free space, in MB.

    Raises:
        Transient: the disk can't be asked.
    """
    try:
        free = free_bytes()
    except OSError as error:
        raise Transient("the spool's disk can't be asked for its free space") from error
    if free < reserve_bytes:
        events.error("disk-below-reserve", bytes=free)
    elif free < 2 * reserve_bytes:
        events.warning("disk-nearly-full", bytes=free)
    return free // _MEGABYTE


def statistics(upkeep: Upkeep, events: Events, *, keep: timedelta) -> int:
    """Write down the figures of this hour; say how many. Where much has changed the server plans anew."""
    count = upkeep.take_statistics(keep=keep)
    tables = upkeep.refresh_planner()
    if tables:
        events.info("tables-analyzed", count=tables)
    return count


def _chunks(some: Callable[[], int], size: int, ended: threading.Event) -> int:
    """Do some at a time until there is no more, or until our right to do so ends; say how many."""
    total = 0
    while not ended.is_set():
        count = some()
        total += count
        if count < size:
            break
    return total
