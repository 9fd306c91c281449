"""`hilum forget`: erases everything about a patient here, and prints the proof."""

from __future__ import annotations

import json
import sys
import threading
from datetime import UTC, datetime
from getpass import getuser
from typing import TYPE_CHECKING

import click

from domain.errors import Misconfigured
from hilum import bootstrap, retention_duties

if TYPE_CHECKING:
    from collections.abc import Iterator

    from domain.erasure import Certificate, Holdings
    from hilum.cli import Loaded
    from hilum.settings import Settings

_LEFT = (
    "what the peers named above acknowledged: ask them to delete it",
    "backups of the database and of the store, and what else copied them: they forget when they are replaced",
    "write-ahead logs of the database server and free space of its disks, until they are overwritten",
    "files in the folder set-aside of the store, which are no films",
)


@click.command()
@click.argument("patient", required=False, metavar="PATIENT")
@click.option("--issuer", metavar="NAME", help="Issuer of Patient ID, where several use the same; '' for none.")
@click.option("--study", "studies", multiple=True, metavar="UID", help="This study as well; may be given again.")
@click.option("--dry-run", "is_dry", is_flag=True, help="Only say what there is.")
@click.option("--even-undelivered", is_flag=True, help="Also what a peer has not acknowledged yet: it never gets it.")
@click.option("--yes", "is_sure", is_flag=True, help="Do not ask.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.pass_obj
def forget(  # noqa: PLR0913 - one for each option
    loaded: Loaded,
    patient: str | None,
    *,
    issuer: str | None,
    studies: tuple[str, ...],
    is_dry: bool,
    even_undelivered: bool,
    is_sure: bool,
    as_json: bool,
) -> None:
    """Erase everything about PATIENT, a Patient ID: films, results, whatever names the studies. For good.

    Prints a certificate: what was erased, what is elsewhere, and the number of the record in the audit trail, which
    names nobody. Keep it: its key proves whom the record was about. A study that is kept (`hilum keep`) is in the way,
    and so is one that is being worked on.

    Exit status 1 if there is nothing about the patient. Broken off, run it again: it goes on.

    With --json: erased (counts), patient_hmac_sha256, studies_hmac_sha256, hmac_key, audit_record, audit_hash,
    elsewhere, not_erased.
    """
    from domain.erasure import Whom
    from domain.ids import StudyUid

    try:
        whom = Whom(patient_id=patient or "", issuer=issuer, study_uids=tuple(map(StudyUid, studies)))
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    settings = loaded.settings()
    with bootstrap.database(settings, role="forget") as engine:
        from db.engine import check_schema
        from db.erasure import PostgresErasure
        from worker.erasure import Eraser

        check_schema(engine)
        erasure = PostgresErasure(engine)
        with retention_duties.shredder(settings, engine, threading.Event()) as shredder:
            eraser = Eraser(erasure=erasure, shredder=shredder, actor=getuser())
            found = eraser.look(whom, even_undelivered=even_undelivered or is_dry)
            if is_dry or not found.studies:
                click.echo(json.dumps(_described(found)) if as_json else "\n".join(_lines(found)))
                sys.exit(int(not found.studies))
            if not (is_sure or _confirmed(found)):
                sys.exit(1)
            certificate = eraser.erase(whom, found)
        erasure.sweep()
    told = _certificate(settings, certificate)
    click.echo(json.dumps(told) if as_json else "\n".join(_printed(told)))


def _confirmed(found: Holdings) -> bool:
    """Ask, on standard error; without somebody to ask the answer is no."""
    for line in _lines(found):
        click.echo(line, err=True)
    try:
        return click.confirm("Erase all of this? It can't be taken back.", err=True)
    except click.Abort as error:
        raise Misconfigured("nobody answered: say --yes to erase without a question") from error


def _described(found: Holdings) -> dict[str, object]:
    return {
        "studies": len(found.studies),
        **found.counts,
        "undelivered": found.undelivered,
        "elsewhere": _elsewhere(found),
        "audit_records": found.audit_records,
    }


def _elsewhere(found: Holdings) -> list[dict[str, object]]:
    return [
        {"peer": one.peer, "object": one.object, "count": one.count, "last": one.last.isoformat()}
        for one in found.elsewhere
    ]


def _lines(found: Holdings) -> Iterator[str]:
    if not found.studies:
        yield "There is nothing about this patient here."
        return
    yield f"{len(found.studies)} studies"
    for what, count in found.counts.items():
        yield f"  {count} {what.replace('_', ' ')}"
    if found.undelivered:
        yield f"  {found.undelivered} objects that are not delivered yet"
    for one in found.elsewhere:
        yield f"  {one.peer} has {one.count} times {one.object}, the last since {one.last:%Y-%m-%d}: it stays there"


def _certificate(settings: Settings, certificate: Certificate) -> dict[str, object]:
    records = certificate.found.audit_records
    return {
        "erased_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "station": settings.node.ae_title,
        "by": getuser(),
        "erased": {"studies": len(certificate.studies), **certificate.found.counts},
        "patient_hmac_sha256": certificate.patient,
        "studies_hmac_sha256": list(certificate.studies),
        "hmac_key": certificate.key.hex(),
        "audit_record": certificate.erased.record,
        "audit_hash": certificate.erased.hash,
        "elsewhere": _elsewhere(certificate.found),
        "not_erased": [*_LEFT, f"{records} records of the audit trail that name a Study Instance UID, without a name"],
    }


def _printed(told: dict[str, object]) -> Iterator[str]:
    """Yield the certificate as lines for a person."""
    for key, value in told.items():
        yield f"{key.replace('_', ' ')}:" if isinstance(value, list | dict) else f"{key.replace('_', ' ')}: {value}"
        if isinstance(value, dict):
            yield from (f"  {count} {what.replace('_', ' ')}" for what, count in value.items())
        elif isinstance(value, list):
            for item in value:
                yield "  " + (", ".join(map(str, item.values())) if isinstance(item, dict) else str(item))
