"""The gate before a network is put to work: it should have passed a replay on films of here."""

from __future__ import annotations

from contextlib import contextmanager
from getpass import getuser
from typing import TYPE_CHECKING

import click

from domain.errors import Misconfigured, Transient
from domain.trial import MARGIN, MINIMUM, Decision
from hilum import bootstrap
from hilum.settings import EMBEDDED

if TYPE_CHECKING:
    from collections.abc import Iterator

    from db.engine import Engine
    from hilum.settings import Settings
    from models.package import Package

_ENDED = {
    Decision.PASSED: "passed",
    Decision.FAILED: "failed",
    Decision.NOT_ENOUGH: "could not be judged: too few final reports",
}


def pass_gate(settings: Settings, package: Package, *, reason: str | None) -> None:
    """Return if a network may be put to work; warn where it may, but has not passed a replay.

    With a reason it need not have passed one; then the reason is in the audit trail before this returns.

    Raises:
        Misconfigured: `models.gate` requires a passed replay, and there is none.
        Transient: the reason can't be recorded, or whether there is one can't be asked.
    """
    if reason is not None:
        _record(settings, package, reason)
        return
    if settings.models.gate == "off":
        return
    problem = _problem(settings, package)
    if problem is None:
        return
    if settings.models.gate == "require":
        raise Misconfigured(
            f"{problem}, and models.gate requires a passed one: hilum models replay {package.title}; "
            "or say why it is not needed: --without-replay REASON"
        )
    click.echo(f"Warning: {problem}. To judge it on films of here: hilum models replay {package.title}", err=True)


def _problem(settings: Settings, package: Package) -> str | None:
    """Return why a network has not passed, None if it has."""
    if settings.database.url == EMBEDDED and not settings.embedded_data.exists():
        return f"{package.title} has not passed a replay here"  # nothing was received yet
    try:
        with _database(settings) as engine:
            from db.trials import last_replay

            last = last_replay(engine, package.model.sha256)
    except (Transient, Misconfigured) as error:
        if settings.models.gate == "require":
            raise
        return f"whether {package.title} has passed a replay here is not known ({error})"
    if last is None:
        return f"{package.title} has not passed a replay here"
    is_mild = last.minimum < MINIMUM or last.margin > MARGIN
    is_beside_another = last.active_sha256 != _at_work(settings)
    if last.decision is Decision.PASSED and not is_mild and not is_beside_another:
        return None
    measure = f" by a milder measure than --minimum {MINIMUM} --margin {MARGIN}" if is_mild else ""
    beside = f" beside {last.active}, which is not active any more" if is_beside_another else ""
    return f"the last replay of {package.title} here, of {last.at:%Y-%m-%d}, {_ENDED[last.decision]}{measure}{beside}"


def _at_work(settings: Settings) -> str:
    """Return the checksum of the active network; empty where it is damaged, and nothing can be beside it."""
    try:
        return bootstrap.registry(settings).active().model.sha256
    except Misconfigured:
        return ""


def _record(settings: Settings, package: Package, reason: str) -> None:
    with _database(settings) as engine:
        from db.audit import PostgresAuditTrail
        from domain.audit import AuditAction, AuditEvent

        what = f"activate {package.title} {package.model.sha256} without a replay: {reason}"
        event = AuditEvent(actor=getuser(), role="host", action=AuditAction.OPERATE, object=what)
        PostgresAuditTrail(engine).record(event)


@contextmanager
def _database(settings: Settings) -> Iterator[Engine]:
    with bootstrap.database(settings, role="models") as engine:
        from db.engine import check_schema

        check_schema(engine)
        yield engine
