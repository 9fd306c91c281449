"""How often persons and the network agree: counts, and shares with their intervals."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from domain.findings import TARGETS, Label, Outcome
from domain.intervals import wilson
from domain.report_phrases import Statement

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from domain.intervals import Interval


class Grouping(StrEnum):
    """By what studies are put together."""

    WEEK = "week"
    SCANNER = "scanner"
    BOTH = "both"


@dataclass(frozen=True, kw_only=True, slots=True, order=True)
class Scanner:
    """Who made a film, as far as it tells."""

    ae_title: str
    """Calling AE title of the study's first film."""
    station: str
    """Station Name (0008,1010); empty where the film has none."""

    @property
    def title(self) -> str:
        """What people call it."""
        return " ".join(filter(None, (self.ae_title, self.station))) or "(unknown)"


@dataclass(frozen=True, kw_only=True, slots=True)
class Comparison:
    """Studies of one scanner and week of which a person said the same, and so did the network."""

    scanner: Scanner
    week: str
    """ISO 8601 week of the report, as 2026-W48."""
    said: Mapping[Label, Statement]
    outcome: Outcome | None
    """None: there was no result when the report came."""
    label: Label | None
    studies: int = 1


@dataclass(frozen=True, kw_only=True, slots=True)
class Share:
    """A part of a count, with what it is a part of."""

    count: int
    of: int

    @property
    def value(self) -> float | None:
        """The share, 0 to 1; None of nothing."""
        return self.count / self.of if self.of else None

    @property
    def wilson_95(self) -> Interval | None:
        """Its 95 % interval by Wilson's score."""
        return wilson(self.count, self.of)


@dataclass(frozen=True, kw_only=True, slots=True)
class TargetAgreement:
    """What persons and the network said of one disease; each study is in one of these counts."""

    true_positive: int = 0
    false_positive: int = 0
    false_negative: int = 0
    true_negative: int = 0
    not_said_positive: int = 0
    """The network named it, the report says nothing of it."""
    not_said_other: int = 0
    """The report says nothing of it, the network did not name it."""
    reader_undetermined: int = 0
    present_without_answer: int = 0
    """The reader saw it, and the network named no class or had no result: no miss in `sensitivity`, but one in life."""
    absent_without_answer: int = 0

    @property
    def sensitivity(self) -> Share:
        """Of what readers saw and the network answered to, what it named."""
        return Share(count=self.true_positive, of=self.true_positive + self.false_negative)

    @property
    def ppv(self) -> Share:
        """Of what the network named and readers spoke of, what they saw."""
        return Share(count=self.true_positive, of=self.true_positive + self.false_positive)

    @property
    def agreement(self) -> Share:
        """Of the studies of which both said present or absent, those in which both said the same."""
        same = self.true_positive + self.true_negative
        return Share(count=same, of=same + self.false_positive + self.false_negative)


@dataclass(frozen=True, kw_only=True, slots=True)
class GroupAgreement:
    """A group of studies."""

    scanner: Scanner | None
    """None: of all scanners."""
    week: str | None
    """None: of all weeks."""
    studies: int
    undetermined: int
    """The network named no class."""
    not_processed: int
    """No film of the study was suitable."""
    no_result: int
    """There was no result when the report came."""
    targets: Mapping[Label, TargetAgreement]


def agreement(comparisons: Iterable[Comparison], grouping: Grouping) -> tuple[GroupAgreement, ...]:
    """Return the agreement in each group, in order, and last that of all."""
    everything = list(comparisons)
    groups: dict[tuple[Scanner | None, str | None], list[Comparison]] = defaultdict(list)
    for one in everything:
        scanner = None if grouping is Grouping.WEEK else one.scanner
        groups[scanner, None if grouping is Grouping.SCANNER else one.week].append(one)
    ordered = sorted(
        groups.items(), key=lambda group: (group[0][0] or Scanner(ae_title="", station=""), group[0][1] or "")
    )
    return (*(_group(members, *key) for key, members in ordered), _group(everything, None, None))


def _group(members: list[Comparison], scanner: Scanner | None, week: str | None) -> GroupAgreement:
    outcomes: dict[Outcome | None, int] = defaultdict(int)
    for one in members:
        outcomes[one.outcome] += one.studies
    return GroupAgreement(
        scanner=scanner,
        week=week,
        studies=sum(outcomes.values()),
        undetermined=outcomes[Outcome.UNDETERMINED],
        not_processed=outcomes[Outcome.COULD_NOT_PROCESS],
        no_result=outcomes[None],
        targets={target: _target(members, target) for target in TARGETS},
    )


def _target(members: list[Comparison], target: Label) -> TargetAgreement:
    counts: dict[str, int] = defaultdict(int)
    for one in members:
        counts[_place(one.said[target], one.label, target)] += one.studies
    return TargetAgreement(**counts)


def _place(said: Statement, named: Label | None, target: Label) -> str:
    """Return the name of the count that a study adds to."""
    if said is Statement.UNDETERMINED:
        return "reader_undetermined"
    if said is Statement.NOT_SAID:
        return "not_said_positive" if named is target else "not_said_other"
    is_present = said is Statement.PRESENT
    if named is None:
        return "present_without_answer" if is_present else "absent_without_answer"
    if named is target:
        return "true_positive" if is_present else "false_positive"
    return "false_negative" if is_present else "true_negative"
