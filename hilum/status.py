"""`hilum status`: the state of the installation for an operator's eyes, or as JSON."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from domain.jobs import shadow_lane
from hilum import bootstrap, upkeep

if TYPE_CHECKING:
    from collections.abc import Iterator

    from db.overview import Overview
    from hilum.settings import Settings


def show(settings: Settings, *, as_json: bool) -> int:
    """Print the state; return 1 when a job is held, else 0.

    Raises:
        Misconfigured: the database has another schema.
        Transient: the database can't be reached.
    """
    with bootstrap.database(settings, role="status") as engine:
        from db.engine import check_schema
        from db.overview import overview

        check_schema(engine)
        state = overview(engine)
    click.echo(json.dumps(asdict(state), default=str) if as_json else "\n".join(_lines(state, settings)))
    shadows = shadow_lane("")  # nobody waits for what is held there
    return 1 if any("held" in states and not lane.startswith(shadows) for lane, states in state.lanes.items()) else 0


def _lines(state: Overview, settings: Settings) -> Iterator[str]:
    yield "Received    {studies} studies, {instances} films".format(**state.counts)
    if state.counts["conflicts"]:
        yield "Conflicts   {conflicts} films came with other content under a known UID".format(**state.counts)
    yield "Results     " + (", ".join(f"{count} {result}" for result, count in state.results.items()) or "none yet")
    yield "Reports     {delivered} delivered, {undelivered} on their way".format(**state.counts)
    if state.paused:
        yield "PAUSED      {}; `hilum jobs resume` goes on".format(
            ", ".join(lane or "every lane" for lane in state.paused)
        )
    yield "Queues"
    for lane, states in state.lanes.items():
        yield f"  {lane:<24} " + ", ".join(f"{count} {name}" for name, count in states.items())
    if not state.lanes:
        yield "  empty"
    yield "Upkeep"
    for record in state.duties:
        yield f"  {upkeep.line(record, settings)}"
    if state.troubled:
        yield "Held or failing"
    for job in state.troubled:
        yield f"  job {job.id} {job.lane} {job.state} after {job.attempts} tries: {job.reason}"
