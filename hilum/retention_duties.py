"""Wires the duties that delete: films and results whose time is over, films where room is needed."""

from __future__ import annotations

from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING

from domain.duties import DutyName
from domain.retention import DeletionCause, Terms
from hilum import bootstrap, storage

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Iterator

    from db.engine import Engine
    from hilum.settings import Settings
    from worker.events import Events
    from worker.retention import Shredder

_MEGABYTE = 1_000_000


def acts(
    settings: Settings, engine: Engine, events: Events, ended: threading.Event
) -> dict[DutyName, Callable[[], int]]:
    """Return what the duties do."""
    from db.audit_retention import PostgresAuditRetention
    from db.retention import PostgresRetention
    from worker import retention as done

    own = settings.retention
    return {
        DutyName.OLD_FILMS: partial(_old_films, settings, engine, events, ended),
        DutyName.OLD_RESULTS: partial(
            done.old_results, PostgresRetention(engine), events, ended, older_than=_period(own.results_days)
        ),
        DutyName.OLD_AUDIT: partial(
            done.old_audit,
            PostgresAuditRetention(engine),
            events,
            ended,
            older_than=_period(own.audit_days),
            repository=settings.audit.repository,
        ),
        DutyName.MAKE_ROOM: partial(_make_room, settings, engine, events, ended),
    }


def _old_films(settings: Settings, engine: Engine, events: Events, ended: threading.Event) -> int:
    from worker.retention import old_films

    own = settings.retention
    terms = Terms(cause=DeletionCause.RETENTION, films=_period(own.films_days), uploads=_period(own.uploads_days))
    with shredder(settings, engine, ended) as opened:
        return old_films(opened, events, terms)


def _make_room(settings: Settings, engine: Engine, events: Events, ended: threading.Event) -> int:
    from worker.retention import Marks, make_room

    own = settings.retention
    marks = Marks(below=own.make_room_below_megabytes * _MEGABYTE, until=own.room_megabytes * _MEGABYTE)
    terms = Terms(cause=DeletionCause.MAKE_ROOM, films=timedelta(0), needs_delivery=True)
    with shredder(settings, engine, ended) as opened:
        return make_room(opened, partial(storage.free_bytes, settings), events, terms, marks)


@contextmanager
def shredder(settings: Settings, engine: Engine, ended: threading.Event) -> Iterator[Shredder]:
    """Open the store for removing films.

    Raises:
        Misconfigured: the spool belongs to another user.
    """
    from db.retention import PostgresRetention
    from worker.retention import Shredder

    storage.refuse_another_owner(settings)
    store = bootstrap.film_store(settings, for_reading=True)
    try:
        yield Shredder(retention=PostgresRetention(engine), remove=store.remove, ended=ended)
    finally:
        store.close()


def _period(days: int) -> timedelta | None:
    return timedelta(days=days) if days else None
