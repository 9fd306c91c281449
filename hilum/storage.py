"""Wires what takes films: the same for the node and for the doors beside it, `hilum import` and `hilum fetch`."""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from domain.errors import Misconfigured
from domain.priority import Priority, PriorityRule
from hilum import bootstrap

if TYPE_CHECKING:
    from collections.abc import Iterator

    from db.engine import Engine
    from db.intake import PostgresIntake
    from dicom_node.arrivals import Storage
    from domain.ports import Intake
    from hilum.metrics_settings import Log
    from hilum.settings import Settings
    from worker.events import Events


@dataclass(frozen=True, kw_only=True, slots=True)
class Door:
    """What a command needs that takes films."""

    storage: Storage
    engine: Engine
    events: Events


@contextmanager
def door(settings: Settings, *, role: str, to_read: bool = True) -> Iterator[Door]:
    """Open log, database and store for a command that takes films.

    Args:
        settings: the settings.
        role: what the command does.
        to_read: whether its films wait to be read; if not, they go past the reading worklist.

    Raises:
        Misconfigured: the database has another schema, or the spool belongs to another user.
        Transient: the database can't be reached.
    """
    from hilum import log

    refuse_another_owner(settings)
    with bootstrap.database(settings, role=role) as engine:
        from db.engine import check_schema

        check_schema(engine)
        events = log.start(_log_beside_a_bar(settings), role=role)
        place = storage(settings, intake(settings, engine, to_read=to_read), events)
        try:
            yield Door(storage=place, engine=engine, events=events)
        finally:
            place.store.close()


def intake(settings: Settings, engine: Engine, *, to_read: bool = True, is_asked: bool = False) -> PostgresIntake:
    """Return what records received films, and puts them on the reading worklist if they wait to be read.

    Args:
        settings: the settings.
        engine: the database.
        to_read: whether they wait to be read, where there are readers.
        is_asked: whether a person asked for that: then they wait, whoever the readers are.
    """
    from db.intake import PostgresIntake

    expire = timedelta(hours=settings.worklist.expires_after_hours)
    return PostgresIntake(
        engine,
        quiet=timedelta(seconds=settings.node.study_quiet_seconds),
        max_attempts=settings.worker.max_attempts,
        quiet_by_sender={
            peer.ae_title: timedelta(seconds=peer.study_quiet_seconds)
            for peer in settings.senders
            if peer.study_quiet_seconds is not None
        },
        on_conflict=settings.node.on_conflict,
        workitems_expire=expire if is_asked or (to_read and settings.has_readers) else None,
        to_read=to_read or is_asked,
    )


def storage(settings: Settings, rows: Intake, events: Events) -> Storage:
    """Return where films are taken to.

    Raises:
        Misconfigured: the store can't be used.
    """
    from dicom_node.arrivals import Storage

    reserve = settings.node.reserve_megabytes * 1_000_000
    return Storage(
        store=bootstrap.film_store(settings),
        intake=rows,
        events=events,
        reserve_bytes=reserve,
        priority_rules=_priority_rules(settings),
    )


def _priority_rules(settings: Settings) -> tuple[PriorityRule, ...]:
    titles = {"": "", **{peer.name: peer.ae_title for peer in settings.peers}}
    return tuple(
        PriorityRule(
            priority=Priority[rule.priority],
            calling_ae_title=titles[rule.peer],
            requested_priority=rule.requested_priority,
            location=rule.location,
        )
        for rule in settings.priorities
    )


def free_bytes(settings: Settings) -> int:
    """Return what is left of the spool's disk.

    Raises:
        OSError: the disk is broken.
    """
    from dicom_node import drafts

    # Before the node has made the spool, the disk is asked on which it will be.
    spool = settings.spool
    return drafts.free_bytes(next(folder for folder in (spool, *spool.parents) if folder.exists()))


def refuse_another_owner(settings: Settings) -> None:
    """Write no films that node and worker can't read: files of the spool are for their owner only.

    Raises:
        Misconfigured: the spool belongs to another user.
    """
    if settings.spool.exists() and settings.spool.stat().st_uid != os.geteuid():
        raise Misconfigured(f"the spool {settings.spool} belongs to another user; run this command as that user")


def _log_beside_a_bar(settings: Settings) -> Log:
    """Leave a terminal to the bar, but for what goes wrong."""
    own = settings.log
    if sys.stderr.isatty() and own.level in {"debug", "info"}:
        return own.model_copy(update={"level": "warning"})
    return own
