"""`hilum jobs`: what is to be done, what is held and why, and what an operator can do about it."""

from __future__ import annotations

import getpass
import json
import socket
import sys
import time
from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from domain.errors import Misconfigured
from domain.jobs import JobState
from domain.priority import Priority

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from db.job_desk import HistoryEntry, JobDesk, JobView, PauseView
    from hilum.cli import Loaded

_ALL = "all"
_OPEN = (JobState.HELD, JobState.LEASED, JobState.WAITING)
_LOOK_SECONDS = 0.5

_ids = click.argument("job_ids", metavar="ID…", nargs=-1, required=True, type=int)
_reason = click.option("--reason", required=True, help="Why, for those who look later; no patient data.")
_lane = click.option("--lane", default="", help="Only this lane, as `classify` or `deliver:NAME`.")
_as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@click.group()
def jobs() -> None:
    """Look at jobs and act on them.

    A job classifies a study, delivers a report, or answers a request for storage commitment. What you do is kept in the
    job's history with your name.
    """


@jobs.command("list")
@click.option(
    "--state",
    "states",
    multiple=True,
    type=click.Choice([*(state.value for state in JobState), _ALL]),
    help="Only this state; may be given again. Without it: held, leased and waiting.",
)
@_lane
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1, 10_000), help="At most so many.")
@_as_json
@click.pass_obj
def list_jobs(loaded: Loaded, *, states: Sequence[str], lane: str, limit: int, as_json: bool) -> None:
    """List jobs: held ones first, then those at work, then those that wait, the most urgent first."""
    wanted = list(JobState) if _ALL in states else [JobState(state) for state in states] or list(_OPEN)
    with _desk(loaded) as desk:
        found, pauses = desk.jobs(states=wanted, lane=lane, limit=limit), desk.pauses()
    if as_json:
        click.echo(json.dumps({"jobs": [asdict(job) for job in found], "paused": _named(pauses)}, default=str))
        return
    for line in _pause_lines(pauses):
        click.echo(line)
    for job in found:
        click.echo(_line(job))
    if not found:
        click.echo("no jobs")


@jobs.command()
@click.argument("job_id", metavar="ID", type=int)
@_as_json
@click.pass_obj
def show(loaded: Loaded, job_id: int, *, as_json: bool) -> None:
    """Show one job with its history."""
    with _desk(loaded) as desk:
        found = desk.show(job_id)
    if found is None:
        raise Misconfigured(f"there is no job {job_id}")
    job, history = found
    if as_json:
        click.echo(json.dumps({**asdict(job), "history": [asdict(entry) for entry in history]}, default=str))
        return
    for name, value in asdict(job).items():
        if value is not None:
            click.echo(f"{name.replace('_', ' '):<14} {_priority(value) if name == 'priority' else value}")
    click.echo("history")
    click.echo(f"  {job.created_at:%Y-%m-%d %H:%M:%S}  made")
    for entry in history:
        click.echo(_entry(entry))


@jobs.command()
@click.argument("job_ids", metavar="ID…", nargs=-1, type=int)
@click.option("--held", is_flag=True, help="All held jobs, or those of --lane.")
@_lane
@click.pass_obj
def requeue(loaded: Loaded, job_ids: Sequence[int], *, held: bool, lane: str) -> None:
    """Put held jobs back, with all their tries; make waiting ones due now."""
    if held == bool(job_ids):
        raise click.UsageError("name jobs, or say --held")
    if lane and not held:
        raise click.UsageError("--lane goes with --held")
    with _desk(loaded) as desk:
        _act_on(desk.held(lane) if held else job_ids, desk.requeue, "requeued")


@jobs.command()
@_ids
@_reason
@click.pass_obj
def hold(loaded: Loaded, job_ids: Sequence[int], *, reason: str) -> None:
    """Take waiting jobs out of their lanes until they are requeued."""
    with _desk(loaded) as desk:
        _act_on(job_ids, lambda job_id: desk.hold(job_id, reason), "held")


@jobs.command()
@_ids
@_reason
@click.pass_obj
def cancel(loaded: Loaded, job_ids: Sequence[int], *, reason: str) -> None:
    """End waiting or held jobs for good; they are kept, and never run again.

    A report whose delivery is cancelled does not reach its peer. A study whose classification is cancelled gets no
    result until another film of it comes.
    """
    with _desk(loaded) as desk:
        _act_on(job_ids, lambda job_id: desk.cancel(job_id, reason), "cancelled")


@jobs.command()
@_lane
@_reason
@click.option("--wait", is_flag=True, help="Return when what is at work has ended.")
@click.pass_obj
def pause(loaded: Loaded, *, lane: str, reason: str, wait: bool) -> None:
    """Let nothing new be claimed, on any machine; what is at work ends as ever.

    Films are received and queued all the same. `hilum jobs resume` ends the pause.
    """
    with _desk(loaded) as desk:
        if lane and lane not in desk.lanes():
            raise Misconfigured(f"no lane {lane!r} has jobs; there are: {', '.join(desk.lanes()) or 'none'}")
        desk.pause(lane, reason)
        for line in _pause_lines(desk.pauses()):
            click.echo(line)
        count = desk.at_work(lane)
        click.echo(f"{count} jobs are still at work" if count else "nothing is at work")
        while wait and desk.at_work(lane):
            time.sleep(_LOOK_SECONDS)
        if wait and count:
            click.echo("all have ended")


@jobs.command()
@_lane
@click.pass_obj
def resume(loaded: Loaded, *, lane: str) -> None:
    """End all pauses, or that of one lane."""
    with _desk(loaded) as desk:
        resumed = desk.resume(lane)
        click.echo(f"resumed: {', '.join(_lane_name(one) for one in resumed)}" if resumed else "nothing was paused")
        for line in _pause_lines(desk.pauses()):
            click.echo(line)


@contextmanager
def _desk(loaded: Loaded) -> Iterator[JobDesk]:
    from hilum import bootstrap

    with bootstrap.database(loaded.settings(), role="jobs") as engine:
        from db.engine import check_schema
        from db.job_desk import JobDesk

        check_schema(engine)
        yield JobDesk(engine, actor=f"{getpass.getuser()}@{socket.gethostname()}")


def _act_on(job_ids: Sequence[int], act: Callable[[int], str | None], done: str) -> None:
    """Act on each job, say what came of it, and end with status 1 where one could not be done."""
    problems = False
    for job_id in job_ids:
        problem = act(job_id)
        problems |= problem is not None
        click.echo(f"job {job_id}: {done if problem is None else f'not {done}: {problem}'}")
    if not job_ids:
        click.echo("no jobs")
    sys.exit(int(problems))


def _line(job: JobView) -> str:
    when = {
        JobState.LEASED: f"at {job.leased_by} until {job.lease_until}",
        JobState.WAITING: f"due {job.run_after:%Y-%m-%d %H:%M:%S}",
    }.get(JobState(job.state), f"since {job.settled_at:%Y-%m-%d %H:%M:%S}" if job.settled_at else "")
    reason = f": {job.reason}" if job.reason else ""
    tries = f"{job.attempts}/{job.max_attempts or '∞'} tries"
    return f"{job.id:>8} {job.state:<9} {job.lane:<24} {_priority(job.priority):<7} {tries:<10} {when}{reason}"


def _entry(entry: HistoryEntry) -> str:
    by = f" by {entry.actor}" if entry.actor else ""
    reason = f": {entry.reason} ({entry.reason_class})" if entry.reason else ""
    return f"  {entry.happened_at:%Y-%m-%d %H:%M:%S}  {entry.before} -> {entry.after}, try {entry.attempt}{by}{reason}"


def _pause_lines(pauses: Sequence[PauseView]) -> Iterator[str]:
    for one in pauses:
        yield f"PAUSED {_lane_name(one.lane)} since {one.since:%Y-%m-%d %H:%M:%S} by {one.actor}: {one.reason}"


def _named(pauses: Sequence[PauseView]) -> list[dict[str, object]]:
    return [{**asdict(one), "lane": _lane_name(one.lane)} for one in pauses]


def _lane_name(lane: str) -> str:
    return lane or "every lane"


def _priority(rank: int) -> str:
    return Priority(rank).name
