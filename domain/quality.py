"""Figures of quality over days and weeks: scores and whether they drift, calibration, volumes, times; of no patient."""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final, Protocol

from domain.findings import Label

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import date, datetime

    from domain.agreement import Comparison, Share
    from domain.trial_board import TrialBoard

BINS: Final = 10
"""Equal parts of 0 to 1 into which scores are counted."""
WEEKS: Final = (4, 12, 26)
"""Lengths of the window that there are."""

_CLEAR: Final = 0.25
_SOME: Final = 0.1
"""From these on a population stability index is customarily called a clear change, and some change."""
_CHANCE: Final = 16.92
"""95 % quantile of chi squared with one degree of freedom less than there are bins."""
_FEWEST: Final = 20
"""Results on either side, below which nothing is said of drift."""
_SMOOTHING: Final = 0.5
"""Added to each count, so that an empty bin is not infinitely far from a full one."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Scores:
    """How a class was scored in results of one sender and week."""

    sender: str
    """Calling AE title of the classified film."""
    week: str
    """ISO 8601, as 2026-W48; in UTC."""
    label: Label
    counts: tuple[int, ...]
    """Results with a score in each of the `BINS` parts of 0 to 1."""
    is_last: bool
    """Whether they are of the last seven days; a week may be in both parts."""


class Reading(StrEnum):
    """What an index of drift means."""

    TOO_FEW = "too few results"
    CHANCE = "no more than chance"
    SMALL = "hardly changed"
    SOME = "some change"
    CLEAR = "clear change"


@dataclass(frozen=True, kw_only=True, slots=True)
class Drift:
    """How far the scores of a sender's last seven days are from those before, in the window."""

    sender: str
    last: int
    """Results of the last seven days."""
    before: int
    indexes: Mapping[Label, float]
    """Population stability index of each class; none where there are too few results."""
    by_chance: float | None
    """What the index stays below in 95 of 100 weeks in which nothing changes, with so many results."""

    @property
    def worst(self) -> float | None:
        """The largest index."""
        return max(self.indexes.values(), default=None)

    @property
    def reading(self) -> Reading:
        """What the largest index means."""
        if self.worst is None or self.by_chance is None:
            return Reading.TOO_FEW
        if self.worst <= self.by_chance:
            return Reading.CHANCE
        if self.worst >= _CLEAR:
            return Reading.CLEAR
        return Reading.SOME if self.worst >= _SOME else Reading.SMALL


def stability_index(last: Sequence[int], before: Sequence[int]) -> float:
    """Return the population stability index of two histograms over the same bins; 0: the same shape."""
    pairs = zip(_shares(last), _shares(before), strict=True)
    return math.fsum((one - other) * math.log(one / other) for one, other in pairs)


def drift(scores: Iterable[Scores]) -> tuple[Drift, ...]:
    """Return each sender's drift, in order."""
    sides: dict[str, dict[tuple[Label, bool], list[int]]] = defaultdict(lambda: defaultdict(lambda: [0] * BINS))
    for one in scores:
        side = sides[one.sender][one.label, one.is_last]
        side[:] = [count + more for count, more in zip(side, one.counts, strict=True)]
    return tuple(_drift(sender, of) for sender, of in sorted(sides.items()))


def _drift(sender: str, sides: Mapping[tuple[Label, bool], Sequence[int]]) -> Drift:
    empty = [0] * BINS
    last, before = (sum(sides.get((Label.NORMAL, side), empty)) for side in (True, False))
    if min(last, before) < _FEWEST:
        return Drift(sender=sender, last=last, before=before, indexes={}, by_chance=None)
    return Drift(
        sender=sender,
        last=last,
        before=before,
        indexes={
            label: stability_index(sides.get((label, True), empty), sides.get((label, False), empty)) for label in Label
        },
        by_chance=_CHANCE * (1 / last + 1 / before),
    )


def _shares(counts: Sequence[int]) -> list[float]:
    total = sum(counts) + _SMOOTHING * len(counts)
    return [(count + _SMOOTHING) / total for count in counts]


@dataclass(frozen=True, kw_only=True, slots=True)
class Reliability:
    """Named classes that were about as probable, and how often readers saw the same."""

    label: Label
    bin: int
    """0 to `BINS` - 1."""
    mean: float
    """Of their probabilities."""
    seen: Share
    """Of those of which a reader spoke, those that the reader saw."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Volume:
    """What came from a sender in a day (UTC)."""

    day: date
    sender: str
    studies: int
    films: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Times:
    """How long it took in a day (UTC), in seconds since the study's last film was received."""

    day: date
    results: int
    result_median: float
    result_p95: float
    deliveries: int
    """That were accepted."""
    delivery_median: float | None
    delivery_p95: float | None


@dataclass(frozen=True, kw_only=True, slots=True)
class NetworkName:
    """The network whose scores are shown."""

    name: str
    version: str
    others: int
    """Results of others in the window, which are left out."""


class QualityBook(Protocol):
    """The figures in the database, of the time from `first` to before `end`; `Transient` while it is away."""

    def comparisons(self, first: datetime, end: datetime) -> tuple[Comparison, ...]:
        """Return what was reported, beside the results."""
        ...

    def unmatched(self, first: datetime, end: datetime) -> Mapping[str, int]:
        """Return how many reports are of no study here, `unknown`, and of several, `ambiguous`."""
        ...

    def network(self, first: datetime, end: datetime) -> NetworkName | None:
        """Return the network that made the last result; None without one."""
        ...

    def scores(self, first: datetime, end: datetime) -> tuple[Scores, ...]:
        """Return how the network scored that made the last result, by sender and week."""
        ...

    def reliability(self, first: datetime, end: datetime) -> tuple[Reliability, ...]:
        """Return how often readers saw what was named, by class and probability, in order."""
        ...

    def volumes(self, first: datetime, end: datetime) -> tuple[Volume, ...]:
        """Return what came, by day and sender."""
        ...

    def times(self, first: datetime, end: datetime) -> tuple[Times, ...]:
        """Return how long results and reports took, by day."""
        ...

    def trials(self, first: datetime, end: datetime) -> TrialBoard:
        """Return the shadow beside the active network, what it has before it now, and the last replays of any time."""
        ...
