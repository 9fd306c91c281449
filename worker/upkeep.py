"""What must happen every few seconds beside the work: leases are renewed, those of the dead are taken back."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from apscheduler.schedulers.background import BackgroundScheduler

from domain.errors import Transient

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import timedelta

    from domain.ports import Queue
    from worker.events import Events
    from worker.leases import Leases


_LOOKS_A_STEP = 10


def reap(queue: Queue, events: Events) -> int:
    """Return the jobs of workers that died to their lanes; say how many."""
    try:
        count = queue.reap()
    except Transient as error:
        events.warning("database-away", lane="upkeep", reason=str(error))
        return 0
    if count:
        events.warning("leases-expired", count=count)
    return count


def age(queue: Queue, events: Events, *, step: timedelta) -> int:
    """Make what has waited long more urgent; say how many jobs."""
    try:
        count = queue.age(step=step)
    except Transient as error:
        events.warning("database-away", lane="upkeep", reason=str(error))
        return 0
    if count:
        events.info("jobs-aged", count=count)
    return count


def start(
    leases: Iterable[Leases], queue: Queue, events: Events, *, lease: timedelta, aging: timedelta
) -> BackgroundScheduler:
    """Start the duties in a thread of their own and return the scheduler, to be shut down at the end.

    Leases are renewed three times within their length, and expired ones are looked for as often; what waits is looked
    at a few times within each step of its aging.
    """
    logging.getLogger("apscheduler").setLevel(logging.ERROR)
    scheduler = BackgroundScheduler(timezone="UTC", job_defaults={"coalesce": True, "max_instances": 1})
    seconds = lease.total_seconds() / 3
    for held in leases:
        scheduler.add_job(held.beat, "interval", seconds=seconds)
    scheduler.add_job(reap, "interval", args=(queue, events), seconds=seconds)
    scheduler.add_job(
        age, "interval", args=(queue, events), kwargs={"step": aging}, seconds=aging.total_seconds() / _LOOKS_A_STEP
    )
    scheduler.start()
    return scheduler
