"""Compares the archives' films of the last days with what is here, for the scheduler and for people."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import click

from domain.archive import GapKind, Query
from domain.errors import HilumError, Transient
from hilum import bootstrap, fetch, storage

if TYPE_CHECKING:
    import threading
    from collections.abc import Iterator

    from db.engine import Engine
    from db.gaps import Gap
    from hilum.peer_settings import Peer
    from hilum.settings import Settings
    from worker.events import Events

_WORDS = {
    GapKind.MISSING: "films are missing",
    GapKind.NO_RESULT: "has no result",
    GapKind.AT_WORK: "is being worked on",
}


def check(settings: Settings, engine: Engine, events: Events, ended: threading.Event) -> int:
    """Ask each archive for the films of the last days, bring what is missing where the settings say so.

    Returns:
        How many studies have something that is not here, or no result.

    Raises:
        Transient: an archive, the store or the database can't be reached; the other archives were compared.
        Misconfigured: the spool belongs to another user.
    """
    total, failed = 0, []
    for peer in settings.peers:
        if peer.reconciled == "no" or ended.is_set():
            continue
        try:
            total += _compare(settings, peer, engine, events, ended)
        except HilumError as error:
            events.error("archive-not-compared", peer=peer.name, reason=str(error))
            failed.append(f"{peer.name}: {error}")
    if failed:
        raise Transient("; ".join(failed))
    return total


def _compare(settings: Settings, peer: Peer, engine: Engine, events: Events, ended: threading.Event) -> int:
    from db.gaps import compare
    from dicom_node.archive import PATIENCE_S

    first = datetime.now().astimezone() - timedelta(days=settings.upkeep.archive_check_days)
    asked = Query(date=f"{first:%Y%m%d}-")
    how = fetch.How(method=None, patience_s=PATIENCE_S, is_dry=peer.reconciled == "list")
    storage.refuse_another_owner(settings)
    rows = storage.intake(settings, engine)
    place = storage.storage(settings, rows, events)
    try:
        opened = storage.Door(storage=place, engine=engine, events=events)
        haul = fetch.bring(settings, bootstrap.address_of(peer), asked, how, opened, ended)
    finally:
        rows.close()
        place.store.close()
    count = compare(engine, peer.name, haul.studies)
    fetched = len(haul.missing) - len(haul.left)
    if fetched:
        events.warning("missing-films-fetched", peer=peer.name, count=fetched)
    if count:
        events.error("studies-missing", peer=peer.name, count=count)
    return count


def show(settings: Settings, *, as_json: bool) -> int:
    """Print what the last comparisons found; return 1 when there is something that nobody works on.

    Raises:
        Misconfigured: the database has another schema.
        Transient: the database can't be reached.
    """
    with bootstrap.database(settings, role="gaps") as engine:
        from db.engine import check_schema
        from db.gaps import gaps

        check_schema(engine)
        found = gaps(engine)
    if as_json:
        click.echo(json.dumps([asdict(one) for one in found], default=str))
    else:
        click.echo("\n".join(_lines(settings, found)))
    return int(any(one.kind is not GapKind.AT_WORK for one in found))


def _lines(settings: Settings, found: tuple[Gap, ...]) -> Iterator[str]:
    for one in found:
        count = f" ({one.missing} of {one.films})" if one.kind is GapKind.MISSING else ""
        yield f"{one.peer:<16} {one.study_date:<8} {one.study_instance_uid}  {_WORDS[one.kind]}{count}"
    compared = [peer.name for peer in settings.peers if peer.reconciled != "no"]
    if not compared:
        yield "No archive is compared; set `reconciled` for a peer."
    elif not found:
        yield f"Nothing is missing of what {', '.join(compared)} had when last asked."
