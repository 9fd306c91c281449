"""Two networks on the same studies: how often they say the same, how far apart they are, and who is right."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, NamedTuple

from domain.agreement import Share
from domain.findings import TARGETS, Label
from domain.quality import BINS, Drift, Scores, drift
from domain.report_phrases import Statement

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from domain.agreement import Scanner

_FEWEST_OF_A_SPREAD: Final = 2


class Gap(NamedTuple):
    """Differences between two networks' probabilities of a class, added up: the shadow's less the active one's."""

    studies: int = 0
    total: float = 0.0
    squares: float = 0.0
    """Sum of the differences' squares."""

    def with_(self, other: Gap) -> Gap:
        """Return both together."""
        return Gap(self.studies + other.studies, self.total + other.total, self.squares + other.squares)


@dataclass(frozen=True, kw_only=True, slots=True)
class Alike:
    """Studies of a source of which the active network, the shadow and the reports all said the same."""

    scanner: Scanner
    active: str
    """The class it names, or why it names none."""
    shadow: str | None
    """None: it was skipped."""
    said: Mapping[Label, Statement] = field(default_factory=dict)
    """What was reported; empty: nothing."""
    studies: int = 1
    gaps: Mapping[Label, Gap] = field(default_factory=dict)
    """Of those that both have scores of."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ScoredAlike:
    """Studies of a source in which one of the networks has each class in the same part of 0 to 1."""

    scanner: Scanner
    is_shadow: bool
    is_last: bool
    """Whether the results are of the last seven days."""
    bins: tuple[int, ...]
    """For each label, in their order: which of the `BINS` parts."""
    studies: int = 1


class Pairs(NamedTuple):
    """All studies of which both networks were asked, each once in `alike`, and in `scored` once for each network."""

    alike: tuple[Alike, ...]
    scored: tuple[ScoredAlike, ...]


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
    active_scores: Mapping[Label, tuple[int, ...]]
    """Studies in each of the `BINS` parts of 0 to 1, the skipped ones left out; of `shadow_scores` the same studies."""
    shadow_scores: Mapping[Label, tuple[int, ...]]
    targets: Mapping[Label, TargetPair]

    @property
    def title(self) -> str:
        """What people call the source."""
        return "All" if self.scanner is None else self.scanner.title

    @property
    def reported(self) -> Mapping[Label, TargetPair]:
        """The diseases of which a report speaks, present or absent."""
        return {
            target: found
            for target, found in self.targets.items()
            if found.active.sensitivity.of + found.active.specificity.of
        }


def kappa(words: Mapping[tuple[str, str], int]) -> float | None:
    """Return Cohen's kappa of two raters: 1 where they agree, 0 as by chance; None where chance alone explains all.

    Args:
        words: how often the first said the one word and the second the other.
    """
    total = sum(words.values())
    if not total:
        return None
    first: Counter[str] = Counter()
    second: Counter[str] = Counter()
    for (one, other), count in words.items():
        first[one] += count
        second[other] += count
    chance = sum(first[word] * second[word] for word in first) / total**2
    seen = sum(count for (one, other), count in words.items() if one == other) / total
    return None if chance == 1 else (seen - chance) / (1 - chance)


def mcnemar(only_first: int, only_second: int) -> float:
    """Return the two-sided p of McNemar's exact test, from the studies that one alone got right, and the other."""
    total = only_first + only_second
    tail = sum(math.comb(total, count) for count in range(min(only_first, only_second) + 1))
    return min(1.0, float(2 * tail / 2**total))


def compared(pairs: Pairs) -> tuple[SourcePairs, ...]:
    """Return the figures of each source, in order, and last those of all."""
    alike: dict[Scanner, list[Alike]] = defaultdict(list)
    scored: dict[Scanner, list[ScoredAlike]] = defaultdict(list)
    for one in pairs.alike:
        alike[one.scanner].append(one)
    for each in pairs.scored:
        scored[each.scanner].append(each)
    sources = [_source(scanner, alike[scanner], scored[scanner]) for scanner in sorted(alike)]
    return (*sources, _source(None, pairs.alike, pairs.scored))


def _source(scanner: Scanner | None, alike: Sequence[Alike], scored: Iterable[ScoredAlike]) -> SourcePairs:
    words: Counter[tuple[str, str]] = Counter()
    for one in alike:
        if one.shadow is not None:
            words[one.active, one.shadow] += one.studies
    scores = _scores(scored)
    return SourcePairs(
        scanner=scanner,
        studies=words.total(),
        skipped=sum(one.studies for one in alike) - words.total(),
        agreement=Share(count=sum(count for (one, other), count in words.items() if one == other), of=words.total()),
        kappa=kappa(words),
        differences={label: _difference(alike, label) for label in Label},
        active_drift=next(iter(drift(scores[False])), None),
        shadow_drift=next(iter(drift(scores[True])), None),
        active_scores=_histograms(scores[False]),
        shadow_scores=_histograms(scores[True]),
        targets={target: _target(alike, target) for target in TARGETS},
    )


def _difference(alike: Iterable[Alike], label: Label) -> Difference:
    gap = Gap()
    for one in alike:
        gap = gap.with_(one.gaps.get(label, Gap()))
    if not gap.studies:
        return Difference(studies=0, mean=None, sd=None)
    mean = gap.total / gap.studies
    left = max(gap.squares - gap.total * mean, 0.0)
    sd = math.sqrt(left / (gap.studies - 1)) if gap.studies >= _FEWEST_OF_A_SPREAD else None
    return Difference(studies=gap.studies, mean=mean, sd=sd)


def _scores(scored: Iterable[ScoredAlike]) -> dict[bool, list[Scores]]:
    """Return the scores of the active network and, as that of True, of the shadow."""
    counts: dict[tuple[bool, Label, bool], list[int]] = defaultdict(lambda: [0] * BINS)
    for one in scored:
        for label, part in zip(Label, one.bins, strict=True):
            counts[one.is_shadow, label, one.is_last][part] += one.studies
    found: dict[bool, list[Scores]] = {False: [], True: []}
    for (is_shadow, label, is_last), of in counts.items():
        found[is_shadow].append(Scores(sender="", week="", label=label, counts=tuple(of), is_last=is_last))
    return found


def _histograms(scores: Iterable[Scores]) -> dict[Label, tuple[int, ...]]:
    counts: dict[Label, tuple[int, ...]] = dict.fromkeys(Label, (0,) * BINS)
    for one in scores:
        counts[one.label] = tuple(count + more for count, more in zip(counts[one.label], one.counts, strict=True))
    return counts


def _target(alike: Iterable[Alike], target: Label) -> TargetPair:
    """Set both networks beside what was reported of a disease."""
    present, absent = Counter[tuple[bool, bool]](), Counter[tuple[bool, bool]]()
    for one in alike:
        sides = {Statement.PRESENT: present, Statement.ABSENT: absent}
        side = sides.get(one.said.get(target, Statement.NOT_SAID))
        if side is not None and one.shadow is not None:
            side[one.active == target, one.shadow == target] += one.studies
    only_active = (present[True, False], absent[False, True])
    only_shadow = (present[False, True], absent[True, False])
    both, neither = present[True, True], absent[False, False]
    return TargetPair(
        active=_accuracy(both + only_active[0], present.total(), neither + only_active[1], absent.total()),
        shadow=_accuracy(both + only_shadow[0], present.total(), neither + only_shadow[1], absent.total()),
        only_active=only_active,
        only_shadow=only_shadow,
        p_sensitivity=mcnemar(only_active[0], only_shadow[0]),
        p_specificity=mcnemar(only_active[1], only_shadow[1]),
    )


def _accuracy(found: int, present: int, passed_over: int, absent: int) -> Accuracy:
    return Accuracy(
        sensitivity=Share(count=found, of=present),
        specificity=Share(count=passed_over, of=absent),
        ppv=Share(count=found, of=found + absent - passed_over),
    )
