"""What the long-running processes do from start to stop."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from domain.errors import Misconfigured
from hilum import bootstrap, stopping, workplace
from hilum.settings import EMBEDDED
from hilum.watchdog import watchdog

if TYPE_CHECKING:
    from hilum.settings import Settings


def run_worker(settings: Settings, *, supervised: bool) -> None:
    """Classify studies and deliver reports until told to stop; the work in hand is finished first.

    Raises:
        Misconfigured: the model is damaged, or the database has another schema.
    """
    from hilum import log, metrics

    stop, own = _stop(supervised=supervised), watchdog()
    own.stops_with(stop)
    events = log.start(settings.log, role="worker")
    shown = metrics.show(settings, "worker", events)
    with bootstrap.database(settings, role="worker") as engine:
        if bootstrap.wait_for_schema(engine, events, stop, own.waits):
            with metrics.traced(settings, "worker") as tracer:
                workplace.work(settings, engine, events, stop, own, shown, tracer)
    events.info("worker-stopped")


def run_scheduler(settings: Settings, *, supervised: bool) -> None:
    """Run the duties of the whole installation until told to stop, or stand by while another scheduler does.

    Raises:
        Misconfigured: the database has another schema.
    """
    from hilum import log

    stop, own = _stop(supervised=supervised), watchdog()
    own.stops_with(stop)
    events = log.start(settings.log, role="scheduler")
    with bootstrap.database(settings, role="scheduler") as engine:
        if bootstrap.wait_for_schema(engine, events, stop, own.waits):
            from hilum import duties, queue_figures

            shown = queue_figures.show(settings, engine, events)
            duties.serve(settings, engine, events, stop, own.turned, shown)
    events.info("scheduler-stopped")


def run_upgrade(settings: Settings) -> None:
    """Bring the database to this version's schema, for roles that are services of their own; wait for it if it is away.

    Raises:
        Misconfigured: the server is too old, the database too new, or the settings name none.
    """
    from hilum import log

    if settings.database.url == EMBEDDED:
        raise Misconfigured(
            "database.url is `embedded`, which is for `hilum up`; name a PostgreSQL server, as a credential or in the "
            "settings file, or install with `hilum install --systemd --embedded`"
        )
    stop = _stop(supervised=False)
    events = log.start(settings.log, role="upgrade")
    with bootstrap.database(settings, role="upgrade") as engine:
        bootstrap.upgrade(engine, events, stop)


def _stop(*, supervised: bool) -> threading.Event:
    stop = stopping.on_signals()
    if supervised:
        stopping.with_parent(stop)
    return stop
