"""`hilum keep`: studies of which nothing is deleted, whatever the periods say."""

from __future__ import annotations

import json
import sys
from contextlib import contextmanager
from dataclasses import asdict
from getpass import getuser
from typing import TYPE_CHECKING

import click

from hilum import bootstrap

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from db.audit import PostgresAuditTrail
    from db.kept import KeptStudies
    from domain.ids import StudyUid
    from hilum.cli import Loaded
    from hilum.settings import Settings

_studies = click.argument("studies", nargs=-1, required=True, metavar="STUDY...")


@click.group()
def keep() -> None:
    """Keep studies from being deleted: for a lawsuit, for teaching, for whatever reason there is.

    Neither `retention.films_days` nor a full disk nor `hilum forget` deletes anything of a study that is kept.
    """


@keep.command()
@_studies
@click.option("--reason", required=True, help="Why, for whoever asks later; it is shown by `hilum keep list`.")
@click.pass_obj
def add(loaded: Loaded, studies: Sequence[str], reason: str) -> None:
    """Keep each STUDY, a Study Instance UID, from now on.

    Exit status 1 if a study is not here; the others are kept.
    """
    with _desk(loaded.settings()) as (kept, trail):
        found = kept.keep(studies, actor=getuser(), reason=reason)
        _record(trail, "keep", found)
    _tell(studies, found, done="is kept", otherwise="no film of it is here")


@keep.command()
@_studies
@click.pass_obj
def end(loaded: Loaded, studies: Sequence[str]) -> None:
    """Let each STUDY be deleted again when its time is over.

    Exit status 1 if a study was not kept.
    """
    with _desk(loaded.settings()) as (kept, trail):
        found = kept.let_go(studies)
        _record(trail, "keep no longer", found)
    _tell(studies, found, done="is kept no longer", otherwise="was not kept")


@keep.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON list.")
@click.pass_obj
def list_(loaded: Loaded, *, as_json: bool) -> None:
    """Show what is kept, since when, by whom and why."""
    with _desk(loaded.settings()) as (kept, _):
        found = kept.all()
    if as_json:
        click.echo(json.dumps([asdict(one) for one in found], default=str))
        return
    for one in found:
        click.echo(f"{one.study_uid}  since {one.since:%Y-%m-%d}, {one.actor}: {one.reason}")
    if not found:
        click.echo("No study is kept.")


def _record(trail: PostgresAuditTrail, what: str, studies: frozenset[StudyUid]) -> None:
    from domain.audit import AuditAction, AuditEvent

    for study in sorted(studies):
        trail.record(
            AuditEvent(actor=getuser(), role="host", action=AuditAction.OPERATE, object=f"{what}: study {study}")
        )


def _tell(studies: Sequence[str], found: frozenset[StudyUid], *, done: str, otherwise: str) -> None:
    for study in studies:
        click.echo(f"{study}  {done if study in found else otherwise}", err=study not in found)
    sys.exit(int(not found.issuperset(studies)))


@contextmanager
def _desk(settings: Settings) -> Iterator[tuple[KeptStudies, PostgresAuditTrail]]:
    with bootstrap.database(settings, role="keep") as engine:
        from db.audit import PostgresAuditTrail
        from db.engine import check_schema
        from db.kept import KeptStudies

        check_schema(engine)
        yield KeptStudies(engine), PostgresAuditTrail(engine)
