"""The figures of the whole installation, as a scheduler looks them up in the database when somebody asks."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Final

from domain.errors import Transient
from domain.measures import (
    ACTIVE,
    DATABASE_BYTES,
    DATABASE_UP,
    DUTY_FAILURES,
    DUTY_OVERDUE,
    DUTY_RUNS,
    DUTY_SECONDS,
    OLDEST_DELIVERY,
    OPEN_DELIVERIES,
    PAUSED,
    QUEUE_JOBS,
    QUEUE_OLDEST,
    SCHEDULER,
    URGENT_OLDEST,
    URGENT_UNDELIVERED,
    of_role,
)
from domain.meters import Reading
from hilum import metrics, upkeep
from hilum.control_room import HostSurroundings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from db.engine import Engine
    from db.operations import PostgresOperations
    from domain.operations import Board
    from hilum.metrics import Shown
    from hilum.settings import Settings
    from worker.events import Events

_OVERDUE: Final = "overdue"


def show(settings: Settings, engine: Engine, events: Events) -> Shown:
    """Begin to show the figures of a scheduler."""
    from db.operations import PostgresOperations

    patience = timedelta(seconds=settings.upkeep.escalation_after_seconds)
    operations = PostgresOperations(engine, patience=patience, lanes=HostSurroundings(settings=settings).lanes())
    reads = tuple(meter for meter in of_role(SCHEDULER) if meter is not ACTIVE)
    return metrics.show(settings, SCHEDULER, events, partial(_read, settings, operations), reads=reads)


def _read(settings: Settings, operations: PostgresOperations) -> Iterator[Reading]:
    yield from metrics.disk(settings)
    try:
        board, size = operations.board(settings.told), operations.size_bytes()
    except Transient:
        yield Reading(meter=DATABASE_UP, value=0)
        return
    yield Reading(meter=DATABASE_UP, value=1)
    yield Reading(meter=DATABASE_BYTES, value=size)
    yield Reading(meter=URGENT_UNDELIVERED, value=board.overdue.count)
    yield Reading(meter=URGENT_OLDEST, value=board.overdue.oldest_seconds)
    yield from _of_lanes(board)
    yield from _of_peers(board)
    yield from _of_duties(board, settings)


def _of_lanes(board: Board) -> Iterator[Reading]:
    for lane in board.lanes:
        states = {"waiting": lane.waiting, "due": lane.due, "leased": lane.leased, "held": lane.held}
        for state, count in states.items():
            yield Reading(meter=QUEUE_JOBS, value=count, labels={"lane": lane.lane, "state": state})
        yield Reading(meter=QUEUE_OLDEST, value=lane.oldest_due_seconds or 0.0, labels={"lane": lane.lane})
    for pause in board.paused:
        yield Reading(meter=PAUSED, value=1, labels={"lane": pause.lane})


def _of_peers(board: Board) -> Iterator[Reading]:
    for peer, traffic in board.traffic.items():
        yield Reading(meter=OPEN_DELIVERIES, value=traffic.undelivered, labels={"peer": peer})
        yield Reading(meter=OLDEST_DELIVERY, value=traffic.oldest_seconds or 0.0, labels={"peer": peer})


def _of_duties(board: Board, settings: Settings) -> Iterator[Reading]:
    for record in board.duties:
        labels = {"duty": record.name.value}
        yield Reading(meter=DUTY_RUNS, value=record.runs, labels=labels)
        yield Reading(meter=DUTY_FAILURES, value=record.failures, labels=labels)
        yield Reading(meter=DUTY_SECONDS, value=record.last_seconds or 0.0, labels=labels)
        yield Reading(meter=DUTY_OVERDUE, value=upkeep.state(record, settings) == _OVERDUE, labels=labels)
