"""`hilum ledger STUDY`: every step of a study's way with its proof, for whoever asks what became of it."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from hilum import bootstrap

if TYPE_CHECKING:
    from collections.abc import Iterator

    from db.ledger import StudyLedger
    from hilum.settings import Settings


def show(settings: Settings, study: str, *, as_json: bool) -> int:
    """Print the ledger; return 1 when no film of the study ever came.

    Raises:
        Misconfigured: the database has another schema.
        Transient: the database can't be reached.
    """
    with bootstrap.database(settings, role="ledger") as engine:
        from db.engine import check_schema
        from db.ledger import ledger

        check_schema(engine)
        found = ledger(engine, study)
    if found is None:
        click.echo(json.dumps(None) if as_json else "No film of this study ever came here.")
        return 1
    click.echo(json.dumps(asdict(found), default=str) if as_json else "\n".join(_lines(found)))
    return 0


def _lines(found: StudyLedger) -> Iterator[str]:
    yield f"Study {found.study}"
    for entry in found.entries:
        yield f"  {entry.at:%Y-%m-%d %H:%M:%S.%f%z}  {entry.event:<10} {entry.who:<24} {entry.what}" + (
            f": {entry.detail}" if entry.detail else ""
        )
    yield "Results" if found.deliveries else "No result is on its way to anybody."
    for one in found.deliveries:
        tries = f" after {one.attempts} tries: {one.reason}" if one.reason else ""
        yield f"  {one.object:<12} for {one.peer:<24} {one.state}{tries}"
