"""What a program is told of quality: figures of scanners, days and weeks, never of a patient."""

from __future__ import annotations

from datetime import date, datetime
from typing import TYPE_CHECKING, Self

from pydantic import Field

from domain.findings import Label  # noqa: TC001 - pydantic reads it at run time
from web.api.answer import Answer
from web.api.figure_sheet import Drifted, Share
from web.api.trial_sheet import Trials  # noqa: TC001 - pydantic reads it at run time

if TYPE_CHECKING:
    from domain.agreement import GroupAgreement
    from domain.quality import Reliability as Measured


class TargetFigures(Answer):
    """What readers and the network said of one disease."""

    sensitivity: Share
    """Of what readers saw and the network answered to, what it named."""
    ppv: Share
    """Of what the network named and readers spoke of, what they saw."""
    agreement: Share
    """Of the studies of which both said present or absent, those in which both said the same."""
    true_positive: int
    false_positive: int
    false_negative: int
    true_negative: int
    not_said_positive: int
    """The network named it, the report says nothing of it."""
    not_said_other: int
    reader_undetermined: int
    present_without_answer: int
    absent_without_answer: int


class Group(Answer):
    """Studies of a scanner and week; of all, where that is null."""

    ae_title: str | None
    station: str | None
    week: str | None = Field(examples=["2026-W48"])
    studies: int
    undetermined: int
    not_processed: int
    no_result: int
    targets: dict[Label, TargetFigures]

    @classmethod
    def of(cls, group: GroupAgreement) -> Self:
        """Return a group."""
        return cls(
            ae_title=None if group.scanner is None else group.scanner.ae_title,
            station=None if group.scanner is None else group.scanner.station,
            week=group.week,
            studies=group.studies,
            undetermined=group.undetermined,
            not_processed=group.not_processed,
            no_result=group.no_result,
            targets={label: _target(one) for label, one in group.targets.items()},
        )


def _target(one: object) -> TargetFigures:
    shares = ("sensitivity", "ppv", "agreement")
    counts = {name: getattr(one, name) for name in TargetFigures.model_fields if name not in shares}
    return TargetFigures(**counts, **{name: Share.counted(getattr(one, name)) for name in shares})


class Scores(Answer):
    """How a class was scored in results of one sender and week."""

    sender: str
    week: str
    label: Label
    counts: list[int]
    """Results with a score in each tenth of 0 to 1."""
    is_last: bool
    """Whether they are of the last seven days."""


class Drift(Drifted):
    """How far a sender's scores of the last seven days are from those before, in the window."""

    sender: str


class Reliability(Answer):
    """Named classes that were about as probable, and how often readers saw the same."""

    label: Label
    bin: int
    """Tenth of 0 to 1, from 0 to 9."""
    mean: float
    """Of their probabilities."""
    seen: Share

    @classmethod
    def of(cls, one: Measured) -> Self:
        """Return a point."""
        return cls(label=one.label, bin=one.bin, mean=one.mean, seen=Share.counted(one.seen))


class Volume(Answer):
    """What came from a sender in a day (UTC)."""

    day: date
    sender: str
    studies: int
    films: int


class Times(Answer):
    """How long it took in a day (UTC), in seconds since the study's last film was received."""

    day: date
    results: int
    result_median: float
    result_p95: float
    deliveries: int
    """That were accepted."""
    delivery_median: float | None
    delivery_p95: float | None


class ScoredNetwork(Answer):
    """The network whose scores are told."""

    name: str
    version: str
    others: int
    """Results of others in the window, which are left out."""


class Quality(Answer):
    """The figures of a window."""

    first: datetime
    end: datetime
    """The window ends before it."""
    groups: list[Group]
    """The last is of all studies."""
    unmatched: dict[str, int]
    """Reports of no study here, `unknown`, and of several, `ambiguous`."""
    network: ScoredNetwork | None
    scores: list[Scores]
    drift: list[Drift]
    reliability: list[Reliability]
    volumes: list[Volume]
    times: list[Times]
    trials: Trials
