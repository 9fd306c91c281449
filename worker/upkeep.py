"""What a worker does beside the work: leases are renewed, those of the dead are taken back.

The rest of the upkeep is the scheduler's (`worker/scheduler.py`). Leases are taken back here as well, so that no job
depends on a scheduler being alive.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from apscheduler.schedulers.background import BackgroundScheduler

from domain.errors import Transient
from worker.duties import lease_reaper

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import timedelta

    from domain.ports import Queue
    from worker.events import Events
    from worker.leases import Leases


def reap(queue: Queue, events: Events) -> int:
    """Return the jobs of workers that died to their lanes; say how many."""
    try:
        return lease_reaper(queue, events)
    except Transient as error:
        events.warning("database-away", lane="upkeep", reason=str(error))
        return 0


def start(leases: Iterable[Leases], queue: Queue, events: Events, *, lease: timedelta) -> BackgroundScheduler:
    """Start the duties in a thread of their own and return the scheduler, to be shut down at the end.

    Leases are renewed three times within their length, and expired ones are looked for as often.
    """
    logging.getLogger("apscheduler").setLevel(logging.ERROR)
    scheduler = BackgroundScheduler(timezone="UTC", job_defaults={"coalesce": True, "max_instances": 1})
    seconds = lease.total_seconds() / 3
    for held in leases:
        scheduler.add_job(held.beat, "interval", seconds=seconds)
    scheduler.add_job(reap, "interval", args=(queue, events), seconds=seconds)
    scheduler.start()
    return scheduler
