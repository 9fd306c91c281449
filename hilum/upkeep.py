"""`hilum upkeep`: do a duty by hand, or see how all of them fare."""

from __future__ import annotations

import json
import threading
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from domain.duties import COUNTED
from hilum import bootstrap
from hilum.duties import duties, every

if TYPE_CHECKING:
    from domain.duties import DutyName, DutyRecord
    from hilum.settings import Settings

_OK = "ok"
_GRACE = 3
_GRACE_SECONDS = 60.0
"""A duty that has not begun for three of its intervals and a minute is overdue: no scheduler runs, or it hangs."""


def run(settings: Settings, name: DutyName, *, as_json: bool) -> int:
    """Do a duty and print what was done; return 1 if it failed.

    Raises:
        Misconfigured: the database has another schema.
        Transient: the database can't be reached.
    """
    from hilum import log

    events = log.start(settings.log, role="upkeep")
    with bootstrap.database(settings, role="upkeep") as engine:
        from db.duty_book import PostgresDutyBook
        from db.engine import check_schema
        from worker.duties import perform

        check_schema(engine)
        book = PostgresDutyBook(engine)
        duty = next(one for one in duties(settings, engine, events, threading.Event()) if one.name == name)
        count = perform(duty, book, events)
        record = next(one for one in book.records() if one.name == name)
    if as_json:
        click.echo(json.dumps(_described(record, settings), default=str))
    elif count is None:
        click.echo(f"{name}: failed: {record.last_error}")
    else:
        click.echo(f"{name}: {count} {COUNTED[name]} ({record.last_seconds or 0:.2f} s)")
    return int(count is None)


def show(settings: Settings, *, as_json: bool) -> int:
    """Print how every duty fares; return 1 if one failed last time, is overdue or never ran.

    Raises:
        Misconfigured: the database has another schema.
        Transient: the database can't be reached.
    """
    with bootstrap.database(settings, role="upkeep") as engine:
        from db.duty_book import PostgresDutyBook
        from db.engine import check_schema

        check_schema(engine)
        records = PostgresDutyBook(engine).records()
    if as_json:
        click.echo(json.dumps([_described(record, settings) for record in records], default=str))
    for record in () if as_json else records:
        often = f"every {every(settings, record.name).total_seconds():g} s"
        click.echo(f"{line(record, settings)} | {often}, {record.runs} runs, {record.failures} failures")
    return int(any(state(record, settings) != _OK for record in records))


def state(record: DutyRecord, settings: Settings) -> str:
    """Say in a word how a duty fares: never ran, failed, overdue, or ok."""
    if record.age_seconds is None:
        return "never ran"
    if record.last_error is not None:
        return "failed"
    if record.age_seconds > _GRACE * every(settings, record.name).total_seconds() + _GRACE_SECONDS:
        return "overdue"
    return _OK


def line(record: DutyRecord, settings: Settings) -> str:
    """Say in a line how a duty fares; what needs a look is in capitals."""
    word = state(record, settings)
    shown = word if word == _OK else word.upper()
    when = f"{record.last_started_at:%Y-%m-%d %H:%M:%S}" if record.last_started_at else ""
    result = f"{record.last_count} {COUNTED[record.name]}" if record.last_count is not None else ""
    return f"{record.name:<15} {shown:<10} {when:<20} {record.last_error or result}".rstrip()


def _described(record: DutyRecord, settings: Settings) -> dict[str, object]:
    seconds = every(settings, record.name).total_seconds()
    return {**asdict(record), "every_seconds": seconds, "state": state(record, settings)}
