"""`hilum models replay`: a candidate beside the active network, on films of here that were reported."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from getpass import getuser
from typing import TYPE_CHECKING, Any

import click

from domain.errors import Misconfigured
from domain.trial import MARGIN, MINIMUM, Decision
from hilum import bootstrap
from hilum.compare import share_as_dict, share_in_words
from hilum.since import since_option

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from db.engine import Engine
    from db.trials import Reported
    from domain.trial import Case, TargetTrial, Trial
    from hilum.cli import Loaded
    from hilum.settings import Settings
    from models.package import Package

_STATUSES = {Decision.PASSED: 0, Decision.FAILED: 1, Decision.NOT_ENOUGH: 3}
_NICE = 10
"""Live work comes first."""
_SHARES = (
    "active_sensitivity",
    "active_specificity",
    "own_sensitivity",
    "own_specificity",
    "sensitivity",
    "specificity",
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Order:
    """What is to be replayed, and how it is judged."""

    candidate: str
    since: timedelta
    most: int | None = None
    minimum: int = MINIMUM
    margin: float = MARGIN


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """What came of it."""

    candidate: Package
    active: Package
    trial: Trial
    unreadable: int
    """Studies that were left out: their films are gone or can't be read."""


@click.command()
@click.argument("candidate")
@since_option("Studies whose report is not older, as 30d or 8w.")
@click.option("--limit", "most", type=click.IntRange(min=1), help="At most so many studies, those last reported.")
@click.option(
    "--minimum",
    default=MINIMUM,
    show_default=True,
    type=click.IntRange(min=1),
    help="Studies with a disease, and as many without it, that it takes to judge.",
)
@click.option(
    "--margin",
    default=MARGIN,
    show_default=True,
    type=click.FloatRange(0, 1),
    help="Sensitivity that CANDIDATE may lack at most.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.pass_context
def replay(context: click.Context, /, *, as_json: bool, **options: Any) -> None:  # noqa: ANN401 - click's options
    """Judge CANDIDATE, an installed network, beside the active one on films of here that have a report.

    Both look at the same films, on the processor, read as a worker reads them. For each disease: the active network has
    a specificity, by what it names; CANDIDATE gets the threshold that makes it at least as specific on the same
    studies, and has a sensitivity then. PASS: the 95 % interval of the difference to the active network's sensitivity
    (2000 resamples of the studies, both networks' alike) lies above -MARGIN, for each disease. FAIL: not for one.
    NOT ENOUGH: for one there are fewer studies than --minimum with it, or without it.

    The threshold stands beside that of CANDIDATE's manifest, with which it would work: where they are far apart, look
    at the figures with its own. Films that CANDIDATE was trained on flatter it: take time after its training.

    The outcome is kept in the database; `hilum models activate` asks for it (`models.gate`). Exit status 0: PASS, 1:
    FAIL, 3: NOT ENOUGH.
    """
    loaded: Loaded = context.obj
    order = Order(**options)
    outcome = run(loaded.settings(), order)
    click.echo(json.dumps(_as_dict(outcome)) if as_json else "\n".join(_lines(outcome)))
    context.exit(_STATUSES[outcome.trial.decision])


def run(settings: Settings, order: Order) -> Outcome:
    """Replay, judge, and keep what came of it.

    Raises:
        Misconfigured: there is no such network, it is the active one, or the database has another schema.
        Transient: the database or the store can't be reached.
    """
    from domain.trial import judged

    candidate, active = bootstrap.package(settings, order.candidate), bootstrap.package(settings)
    if candidate.model.sha256 == active.model.sha256:
        raise Misconfigured(f"{candidate.title} is the active network: there is nothing to compare")
    end = datetime.now(UTC)
    window = (end - order.since, end)
    with bootstrap.database(settings, role="replay") as engine:
        from db.engine import check_schema
        from db.trials import record, reported

        check_schema(engine)
        studies = reported(engine, *window, most=order.most)
        cases, unreadable = _cases(settings, engine, studies, (active, candidate))
        trial = judged(cases, candidate.model, minimum=order.minimum, margin=order.margin)
        record(engine, (candidate.model, active.model), trial, window=window, actor=getuser())
    return Outcome(candidate=candidate, active=active, trial=trial, unreadable=unreadable)


def _cases(
    settings: Settings, engine: Engine, reported: Sequence[Reported], packages: tuple[Package, Package]
) -> tuple[list[Case], int]:
    from db.studies import PostgresStudies
    from domain.opinion import Opinion
    from domain.trial import Case
    from hilum import log
    from hilum.progress import bar
    from hilum.workplace import darkroom_of
    from worker.replay import replayed

    os.nice(_NICE)
    films = PostgresStudies(engine, routes=[]).films([one.study for one in reported])
    found = [(one.said, films[one.study]) for one in reported if one.study in films]
    classifiers = [bootstrap.ready(settings, package, device="cpu") for package in packages]
    darkroom = darkroom_of(settings, log.start(settings.log, role="replay"))
    cases: list[Case] = []
    try:
        with bar("studies", len(found)) as advance:
            answers = replayed([of for _, of in found], classifiers, darkroom)
            for (said, _), answer in zip(found, answers, strict=True):
                if answer is not None:
                    active, candidate = (Opinion.of(one) for one in answer)
                    cases.append(Case(said=said, active=active, candidate=candidate))
                advance(1)
    finally:
        darkroom.close()
    return cases, len(reported) - len(cases)


def _as_dict(outcome: Outcome) -> dict[str, Any]:
    trial = outcome.trial
    return {
        "candidate": outcome.candidate.title,
        "candidate_sha256": outcome.candidate.model.sha256,
        "active": outcome.active.title,
        "active_sha256": outcome.active.model.sha256,
        "decision": trial.decision.value,
        "studies": trial.studies,
        "unreadable": outcome.unreadable,
        "minimum": trial.minimum,
        "margin": trial.margin,
        "targets": {str(target): _target_as_dict(found) for target, found in trial.targets.items()},
    }


def _target_as_dict(found: TargetTrial) -> dict[str, Any]:
    plain = {key: value for key, value in asdict(found).items() if key not in _SHARES}
    return {**plain, **{name: share_as_dict(getattr(found, name)) for name in _SHARES}}


def _lines(outcome: Outcome) -> Iterator[str]:
    trial = outcome.trial
    yield f"{outcome.candidate.title} beside {outcome.active.title}, on {trial.studies} studies with a report"
    if outcome.unreadable:
        yield f"{outcome.unreadable} studies are left out: their films can't be read"
    for target, found in trial.targets.items():
        yield f"{target}: {found.decision.verdict}, {found.present} with it, {found.absent} without it"
        yield f"  active             {_both(found, 'active_')}"
        yield f"  at its specificity {_both(found, '')}{_threshold(found)}"
        yield f"  with its own       {_both(found, 'own_')}, threshold {found.own_threshold:.3f}"
        if found.interval is not None and found.difference is not None:
            low, high = found.interval
            gained = f"{found.difference:+.3f} ({low:+.3f} to {high:+.3f})"
            yield f"  sensitivity gained {gained}, allowed {-trial.margin:+.3f}"
        else:
            yield f"  it takes {trial.minimum} of each to judge"
    yield trial.decision.verdict


def _both(found: TargetTrial, which: str) -> str:
    return "  ".join(
        f"{name} {share_in_words(getattr(found, which + name))}" for name in ("sensitivity", "specificity")
    )


def _threshold(found: TargetTrial) -> str:
    return "" if found.needed_threshold is None else f", threshold {found.needed_threshold:.3f}"
