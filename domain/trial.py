"""The trial of a network before it is put to work: is it as sensitive as the active one, at the same specificity?"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from domain.agreement import Share
from domain.findings import TARGETS
from domain.report_phrases import Statement

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from domain.findings import Label, ModelVersion
    from domain.intervals import Interval
    from domain.opinion import Opinion

MARGIN: Final = 0.05
"""Sensitivity that a candidate may lack, as far as its interval reaches."""
MINIMUM: Final = 50
"""Studies with a disease, and without it, below which nothing is said of it."""
RESAMPLES: Final = 2000
_TAILS: Final = (2.5, 97.5)
"""Percentiles between which 95 % of the resamples lie."""

_Flags = npt.NDArray[np.bool_]
_Scores = npt.NDArray[np.float64]


class Decision(StrEnum):
    """What came of a trial."""

    PASSED = "passed"
    FAILED = "failed"
    NOT_ENOUGH = "not-enough"

    @property
    def verdict(self) -> str:
        """What people read."""
        return {Decision.PASSED: "PASS", Decision.FAILED: "FAIL"}.get(self, "NOT ENOUGH")


@dataclass(frozen=True, kw_only=True, slots=True)
class Case:
    """One study with a report, and what both networks say of it."""

    said: Mapping[Label, Statement]
    active: Opinion
    candidate: Opinion


@dataclass(frozen=True, kw_only=True, slots=True)
class TargetTrial:
    """The trial for one disease; of each share what it is a part of are the studies that were reported so."""

    decision: Decision
    present: int
    absent: int
    active_sensitivity: Share
    active_specificity: Share
    """At its own threshold: what the candidate is held to."""
    own_threshold: float
    """Of the candidate, by its manifest."""
    own_sensitivity: Share
    own_specificity: Share
    needed_threshold: float | None
    """Above which the candidate has to name the disease to be as specific as the active network; None without cases."""
    sensitivity: Share
    """Of the candidate, with the needed threshold."""
    specificity: Share
    difference: float | None
    """The candidate's sensitivity, with the needed threshold, less that of the active network."""
    interval: Interval | None
    """95 % of its resamples lie in it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Trial:
    """The trial as a whole."""

    decision: Decision
    studies: int
    minimum: int
    margin: float
    targets: Mapping[Label, TargetTrial]


def judged(
    cases: Sequence[Case],
    candidate: ModelVersion,
    *,
    minimum: int = MINIMUM,
    margin: float = MARGIN,
    resamples: int = RESAMPLES,
) -> Trial:
    """Return what comes of a trial: passed where the candidate passes for each disease.

    It passes where the interval of the difference in sensitivity lies above -`margin`. The same cases end the same.
    """
    targets = {target: _target(cases, target, candidate, (minimum, margin, resamples)) for target in TARGETS}
    decisions = {trial.decision for trial in targets.values()}
    worst = next(one for one in (Decision.FAILED, Decision.NOT_ENOUGH, Decision.PASSED) if one in decisions)
    return Trial(decision=worst, studies=len(cases), minimum=minimum, margin=margin, targets=targets)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Side:
    """The studies that were reported in one way."""

    active: _Flags
    """Named by the active network."""
    own: _Flags
    """Named by the candidate, with its own threshold."""
    scores: _Scores
    """Of the candidate."""

    @classmethod
    def of(cls, cases: Sequence[Case], target: Label, statement: Statement) -> _Side:
        found = [case for case in cases if case.said.get(target) is statement]
        return cls(
            active=np.array([case.active.names(target) for case in found], dtype=bool),
            own=np.array([case.candidate.names(target) for case in found], dtype=bool),
            scores=np.array([case.candidate.score(target) for case in found], dtype=np.float64),
        )

    def named(self, flags: _Flags) -> Share:
        return Share(count=int(flags.sum()), of=len(flags))

    def passed_over(self, flags: _Flags) -> Share:
        return Share(count=int((~flags).sum()), of=len(flags))


def _target(
    cases: Sequence[Case], target: Label, candidate: ModelVersion, rules: tuple[int, float, int]
) -> TargetTrial:
    minimum, margin, resamples = rules
    present, absent = (_Side.of(cases, target, one) for one in (Statement.PRESENT, Statement.ABSENT))
    is_enough = min(len(present.scores), len(absent.scores)) >= max(minimum, 1)
    cut = cut_for(absent.scores, int(absent.active.sum())) if len(absent.scores) else None
    matched = [side.scores > (1.0 if cut is None else cut) for side in (present, absent)]
    difference = None
    if cut is not None and len(present.scores):
        difference = float(matched[0].mean() - present.active.mean())
    interval = _interval(present, absent, resamples) if is_enough else None
    decision = Decision.NOT_ENOUGH
    if interval is not None:
        decision = Decision.PASSED if interval[0] >= -margin else Decision.FAILED
    return TargetTrial(
        decision=decision,
        present=len(present.scores),
        absent=len(absent.scores),
        active_sensitivity=present.named(present.active),
        active_specificity=absent.passed_over(absent.active),
        own_threshold=candidate.least_for(target),
        own_sensitivity=present.named(present.own),
        own_specificity=absent.passed_over(absent.own),
        needed_threshold=cut,
        sensitivity=present.named(matched[0]),
        specificity=absent.passed_over(matched[1]),
        difference=difference,
        interval=interval,
    )


def cut_for(absent: _Scores, wrong: int) -> float:
    """Return above which score to name a disease so that at most so many of those without it are named."""
    if wrong >= len(absent):
        return 0.0
    return float(np.partition(absent, len(absent) - 1 - wrong)[len(absent) - 1 - wrong])


def _interval(present: _Side, absent: _Side, resamples: int) -> Interval:
    """Return the percentile interval of the difference: studies drawn with and without the disease, both networks'."""
    draw = np.random.default_rng(7)
    found = np.empty(resamples)
    for number in range(resamples):
        without = draw.integers(0, len(absent.scores), len(absent.scores))
        having = draw.integers(0, len(present.scores), len(present.scores))
        cut = cut_for(absent.scores[without], int(absent.active[without].sum()))
        found[number] = (present.scores[having] > cut).mean() - present.active[having].mean()
    low, high = np.percentile(found, _TAILS)
    return float(low), float(high)
