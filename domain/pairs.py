"""Two networks on the same studies: how often they say the same, how far apart they are, and who is right."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from statistics import fmean, stdev
from typing import TYPE_CHECKING, Final

from domain.agreement import Share
from domain.findings import TARGETS, Label
from domain.quality import BINS, Drift, Scores, drift
from domain.report_phrases import Statement

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from domain.agreement import Scanner
    from domain.opinion import Opinion

_FEWEST_OF_A_SPREAD: Final = 2


@dataclass(frozen=True, kw_only=True, slots=True)
class Pair:
    """One study of which the active network and the shadow both were asked."""

    scanner: Scanner
    active: Opinion
    shadow: Opinion | None
    """None: it was skipped."""
    is_last: bool
    """Whether the result is of the last seven days."""
    said: Mapping[Label, Statement] = field(default_factory=dict)
    """What was reported of the study; empty: nothing."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PairedNetworks:
    """Which two networks are compared, and how many results of others are left out."""

    active: str
    active_sha256: str
    shadow: str
    shadow_sha256: str
    others: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Difference:
    """Probabilities of a class: the shadow's less the active network's, of studies that both classified."""

    studies: int
    mean: float | None
    sd: float | None
    """Sample standard deviation."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Accuracy:
    """How right one network is about a disease, by the reports; naming no class is not naming the disease."""

    sensitivity: Share
    specificity: Share
    ppv: Share


@dataclass(frozen=True, kw_only=True, slots=True)
class TargetPair:
    """How right both are, of the same studies."""

    active: Accuracy
    shadow: Accuracy
    only_active: tuple[int, int]
    """Studies with the disease, and without it, that the active network alone got right."""
    only_shadow: tuple[int, int]
    p_sensitivity: float
    """That such a difference is chance: McNemar's exact test, two-sided."""
    p_specificity: float


@dataclass(frozen=True, kw_only=True, slots=True)
class SourcePairs:
    """The studies of a source."""

    scanner: Scanner | None
    """None: of all."""
    studies: int
    skipped: int
    agreement: Share
    kappa: float | None
    differences: Mapping[Label, Difference]
    active_drift: Drift | None
    """The last seven days beside those before, in the window; None without results."""
    shadow_drift: Drift | None
    targets: Mapping[Label, TargetPair]


def kappa(words: Iterable[tuple[str, str]]) -> float | None:
    """Return Cohen's kappa of two raters: 1 where they agree, 0 as by chance; None where chance alone explains all."""
    counted = Counter(words)
    total = counted.total()
    if not total:
        return None
    first: Counter[str] = Counter()
    second: Counter[str] = Counter()
    for (one, other), count in counted.items():
        first[one] += count
        second[other] += count
    chance = sum(first[word] * second[word] for word in first) / total**2
    seen = sum(count for (one, other), count in counted.items() if one == other) / total
    return None if chance == 1 else (seen - chance) / (1 - chance)


def mcnemar(only_first: int, only_second: int) -> float:
    """Return the two-sided p of McNemar's exact test, from the studies that one alone got right, and the other."""
    total = only_first + only_second
    tail = sum(math.comb(total, count) for count in range(min(only_first, only_second) + 1))
    return min(1.0, float(2 * tail / 2**total))


def compared(pairs: Iterable[Pair]) -> tuple[SourcePairs, ...]:
    """Return the figures of each source, in order, and last those of all."""
    everything = list(pairs)
    groups: dict[Scanner, list[Pair]] = defaultdict(list)
    for pair in everything:
        groups[pair.scanner].append(pair)
    return (*(_source(scanner, groups[scanner]) for scanner in sorted(groups)), _source(None, everything))


def _source(scanner: Scanner | None, members: Sequence[Pair]) -> SourcePairs:
    both = [(pair, pair.active, pair.shadow) for pair in members if pair.shadow is not None]
    words = [(active.word, shadow.word) for _, active, shadow in both]
    return SourcePairs(
        scanner=scanner,
        studies=len(both),
        skipped=len(members) - len(both),
        agreement=Share(count=sum(one == other for one, other in words), of=len(words)),
        kappa=kappa(words),
        differences={label: _difference([(one, other) for _, one, other in both], label) for label in Label},
        active_drift=_drift([(active, pair.is_last) for pair, active, _ in both]),
        shadow_drift=_drift([(shadow, pair.is_last) for pair, _, shadow in both]),
        targets={target: _target([(one, other, pair.said) for pair, one, other in both], target) for target in TARGETS},
    )


def _difference(both: Sequence[tuple[Opinion, Opinion]], label: Label) -> Difference:
    found = [
        shadow.probabilities.of(label) - active.probabilities.of(label)
        for active, shadow in both
        if active.probabilities is not None and shadow.probabilities is not None
    ]
    return Difference(
        studies=len(found),
        mean=fmean(found) if found else None,
        sd=stdev(found) if len(found) >= _FEWEST_OF_A_SPREAD else None,
    )


def _drift(opinions: Iterable[tuple[Opinion, bool]]) -> Drift | None:
    counts: dict[tuple[Label, bool], list[int]] = defaultdict(lambda: [0] * BINS)
    for opinion, is_last in opinions:
        if opinion.probabilities is not None:
            for label, value in opinion.probabilities.as_dict().items():
                counts[label, is_last][min(int(value * BINS), BINS - 1)] += 1
    scores = [
        Scores(sender="", week="", label=label, counts=tuple(of), is_last=is_last)
        for (label, is_last), of in counts.items()
    ]
    return next(iter(drift(scores)), None)


def _target(said: Sequence[tuple[Opinion, Opinion, Mapping[Label, Statement]]], target: Label) -> TargetPair:
    present = [(one.names(target), other.names(target)) for one, other, of in said if _is(of, target, "present")]
    absent = [(one.names(target), other.names(target)) for one, other, of in said if _is(of, target, "absent")]
    only_active = (_count(present, lambda a, s: a and not s), _count(absent, lambda a, s: s and not a))
    only_shadow = (_count(present, lambda a, s: s and not a), _count(absent, lambda a, s: a and not s))
    return TargetPair(
        active=_accuracy([one for one, _ in present], [one for one, _ in absent]),
        shadow=_accuracy([other for _, other in present], [other for _, other in absent]),
        only_active=only_active,
        only_shadow=only_shadow,
        p_sensitivity=mcnemar(only_active[0], only_shadow[0]),
        p_specificity=mcnemar(only_active[1], only_shadow[1]),
    )


def _is(said: Mapping[Label, Statement], target: Label, statement: str) -> bool:
    return said.get(target) == Statement(statement)


def _count(named: Sequence[tuple[bool, bool]], which: Callable[[bool, bool], bool]) -> int:
    return sum(which(active, shadow) for active, shadow in named)


def _accuracy(present: Sequence[bool], absent: Sequence[bool]) -> Accuracy:
    right, wrong = sum(present), sum(absent)
    return Accuracy(
        sensitivity=Share(count=right, of=len(present)),
        specificity=Share(count=len(absent) - wrong, of=len(absent)),
        ppv=Share(count=right, of=right + wrong),
    )
