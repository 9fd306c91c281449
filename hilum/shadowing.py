"""Wires the lane of the shadow, which has nothing in common with the worker's others but the process."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from dataclasses import asdict
from datetime import timedelta
from typing import TYPE_CHECKING

import click

from domain.errors import Misconfigured, Transient
from domain.jobs import shadow_lane
from hilum import bootstrap
from hilum.settings import EMBEDDED, environment_without_settings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from db.engine import Engine
    from domain.shadow import Appointment, Understudy
    from hilum.settings import Settings
    from worker.aftermath import Aftermath
    from worker.guard import Guard
    from worker.shadow import Shadowing


def shadowing(settings: Settings, engine: Engine, guard: Guard, aftermath: Aftermath, *, worker: str) -> Shadowing:
    """Return the lane of whichever network is the shadow."""
    from db.shadows import PostgresShadows
    from worker.shadow import Shadowing

    def load(appointment: Appointment) -> Understudy:
        from worker.understudy import ShadowProcess

        return ShadowProcess(
            [sys.executable, "-P", "-m", "hilum.shadow_process"],
            {
                "networks": str(settings.installed_networks),
                "appointment": appointment,
                "store": asdict(bootstrap.store_address(settings)),
                "megabytes": settings.worker.shadow_megabytes,
            },
            environment=environment_without_settings(),
            patience_s=settings.worker.shadow_seconds,
        )

    return Shadowing(
        guard=guard,
        shadows=PostgresShadows(engine),
        appointed=bootstrap.registry(settings).shadow,
        load=load,
        worker=worker,
        lease=timedelta(seconds=settings.worker.lease_seconds),
        aftermath=aftermath,
        backlog=settings.worker.shadow_backlog,
    )


@contextmanager
def changing_the_shadow(settings: Settings) -> Iterator[None]:
    """Let the block change which network is the shadow; then what waits for the one before is cancelled.

    Where the database is away this is said, and left undone.
    """
    before = _appointed(settings)
    yield
    if before is None or before == _appointed(settings):
        return
    if settings.database.url == EMBEDDED and not settings.embedded_data.exists():
        return
    try:
        with bootstrap.database(settings, role="models") as engine:
            from db.engine import check_schema
            from db.shadows import PostgresShadows

            check_schema(engine)
            PostgresShadows(engine).dismiss(shadow_lane(before.title))
    except (Transient, Misconfigured) as error:
        left = f"hilum jobs list --lane {shadow_lane(before.title)}"
        click.echo(f"Warning: what waits for {before.title} is left in its lane ({error}): {left}", err=True)


def _appointed(settings: Settings) -> Appointment | None:
    """Return the shadow; None also where the record of it is broken, which keeps nobody from going back."""
    try:
        return bootstrap.registry(settings).shadow()
    except Misconfigured:
        return None
