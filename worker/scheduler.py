"""Runs the duties of the whole installation, as long as this process has the right to; stands by while another has."""

from __future__ import annotations

import logging
import threading
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from apscheduler.schedulers.background import BackgroundScheduler

from domain.errors import Transient
from domain.measures import ACTIVE
from domain.meters import NO_METERS
from worker.duties import perform

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from domain.meters import Meters
    from domain.ports import DutyBook, SchedulerLock
    from worker.duties import Duty
    from worker.events import Events

_LOOK_SECONDS = 1.0
"""How often who stands by tries to take over, and who is active makes sure that it still is."""


def serve(
    lock: SchedulerLock,
    duties: Callable[[threading.Event], Sequence[Duty]],
    book: DutyBook,
    events: Events,
    stop: threading.Event,
    turned: Callable[[str], None],
    meters: Meters = NO_METERS,
) -> None:
    """Stand by, and run the duties whenever the lock is ours, until told to stop.

    Args:
        lock: the right to run them.
        duties: makes the duties of one term of office; those that take long end early when its event is set.
        book: what is known of their runs.
        events: the log.
        stop: ends it all.
        turned: is told what we do, each time that the loop turns.
        meters: show whether we are active.
    """
    stands_by = False
    while not stop.is_set():
        try:
            if lock.take():
                stands_by = False
                meters.add(ACTIVE)
                try:
                    _be_active(lock, duties, book, events, stop, turned)
                finally:
                    meters.add(ACTIVE, -1)
                continue
        except Transient as error:
            lock.release()
            events.warning("database-away", lane="scheduler", reason=str(error))
        if not stands_by:
            stands_by = True
            events.info("scheduler-standby")
        turned("standing by")
        stop.wait(_LOOK_SECONDS)
    lock.release()


def _be_active(
    lock: SchedulerLock,
    duties: Callable[[threading.Event], Sequence[Duty]],
    book: DutyBook,
    events: Events,
    stop: threading.Event,
    turned: Callable[[str], None],
) -> None:
    """Run the duties until told to stop.

    What is running when it ends is waited for: nothing of this term of office is left when the next one begins.

    Raises:
        Transient: the lock is lost.
    """
    ended = threading.Event()
    scheduler = _start(duties(ended), book, events)
    events.info("scheduler-active")
    try:
        turned("active")
        while not stop.wait(_LOOK_SECONDS):
            lock.check()
            turned("active")
    finally:
        ended.set()
        scheduler.shutdown(wait=True)


def _start(duties: Sequence[Duty], book: DutyBook, events: Events) -> BackgroundScheduler:
    """Start the duties in threads of their own.

    Each is due one interval after its last run, whoever ran it: a duty of once a day is done though schedulers come and
    go more often.

    Raises:
        Transient: the database is away.
    """
    logging.getLogger("apscheduler").setLevel(logging.ERROR)
    scheduler = BackgroundScheduler(
        timezone="UTC", job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None}
    )
    ages = {record.name: record.age_seconds for record in book.records()}
    now = datetime.now(UTC)
    for duty in duties:
        age = ages.get(duty.name)
        rest = timedelta(0) if age is None else duty.every - timedelta(seconds=age)
        scheduler.add_job(
            perform,
            "interval",
            args=(duty, book, events),
            seconds=duty.every.total_seconds(),
            next_run_time=now + max(rest, timedelta(0)),
        )
    scheduler.start()
    return scheduler
