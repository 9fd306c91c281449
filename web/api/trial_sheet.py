"""What a program is told of networks on trial: figures of sources, never of a study."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Self

from pydantic import Field

from domain.findings import Label  # noqa: TC001 - the same
from domain.trial import Decision  # noqa: TC001 - the same
from web.api.answer import Answer
from web.api.figure_sheet import Drifted, Share

if TYPE_CHECKING:
    from domain.pairs import Accuracy as Right
    from domain.pairs import SourcePairs
    from domain.pairs import TargetPair as BothRight
    from domain.trial_board import TrialBoard


class NetworkPair(Answer):
    """The shadow, and the active network beside it."""

    active: str = Field(examples=["chest-efficientnet-lite0-0.3.0"])
    active_sha256: str
    shadow: str
    shadow_sha256: str
    others: int
    """Results of other pairs of networks in the window, which are left out."""


class Difference(Answer):
    """The shadow's probability of a class less the active network's, of studies that both classified."""

    studies: int
    mean: float | None
    sd: float | None


class Accuracy(Answer):
    """How right a network is about a disease, by the reports."""

    sensitivity: Share
    specificity: Share
    ppv: Share

    @classmethod
    def of(cls, found: Right) -> Self:
        """Return shares with their intervals."""
        return cls(**{name: Share.counted(getattr(found, name)) for name in cls.model_fields})


class TargetPair(Answer):
    """How right both are, of the same studies."""

    active: Accuracy
    shadow: Accuracy
    only_active: tuple[int, int]
    """Studies with the disease, and without it, that the active network alone got right."""
    only_shadow: tuple[int, int]
    p_sensitivity: float
    """That such a difference is chance: McNemar's exact test, two-sided."""
    p_specificity: float

    @classmethod
    def of(cls, found: BothRight) -> Self:
        """Return what is told of a disease."""
        return cls(
            active=Accuracy.of(found.active),
            shadow=Accuracy.of(found.shadow),
            only_active=found.only_active,
            only_shadow=found.only_shadow,
            p_sensitivity=found.p_sensitivity,
            p_specificity=found.p_specificity,
        )


class TrialSource(Answer):
    """The studies of a source, of which both networks were asked; of all, where `ae_title` is null."""

    ae_title: str | None
    station: str | None
    studies: int
    skipped: int
    """Studies that the shadow was not asked about."""
    agreement: Share
    """Both name the same class, or name none for the same cause."""
    kappa: float | None
    """Cohen's: 0 where they agree as by chance; null where chance alone explains all."""
    differences: dict[Label, Difference]
    active_drift: Drifted | None
    shadow_drift: Drifted | None
    active_scores: dict[Label, list[int]]
    """Studies with an output in each tenth of 0 to 1."""
    shadow_scores: dict[Label, list[int]]
    targets: dict[Label, TargetPair]

    @classmethod
    def of(cls, source: SourcePairs) -> Self:
        """Return what is told of a source."""
        drifts = (source.active_drift, source.shadow_drift)
        active_drift, shadow_drift = (None if one is None else Drifted.model_validate(one) for one in drifts)
        return cls(
            ae_title=None if source.scanner is None else source.scanner.ae_title,
            station=None if source.scanner is None else source.scanner.station,
            studies=source.studies,
            skipped=source.skipped,
            agreement=Share.counted(source.agreement),
            kappa=source.kappa,
            differences={label: Difference.model_validate(one) for label, one in source.differences.items()},
            active_drift=active_drift,
            shadow_drift=shadow_drift,
            active_scores={label: list(counts) for label, counts in source.active_scores.items()},
            shadow_scores={label: list(counts) for label, counts in source.shadow_scores.items()},
            targets={target: TargetPair.of(found) for target, found in source.targets.items()},
        )


class ShadowWork(Answer):
    """What a shadow has before it now, and what it was spared."""

    network: str
    waiting: int
    held: int
    skipped: int
    """Results of the window that it was not asked about."""


class TargetReplay(Answer):
    """What a replay found of a disease."""

    decision: Decision
    present: int
    absent: int
    difference: float | None
    """The candidate's sensitivity less the active network's, at the same specificity."""
    interval: tuple[float, float] | None
    """95 % interval of the difference."""


class Replay(Answer):
    """A candidate beside the active network, on films with a report."""

    at: datetime
    candidate: str
    active: str
    first: datetime
    last: datetime
    """The reports are from before it."""
    studies: int
    decision: Decision
    targets: dict[Label, TargetReplay]


class Trials(Answer):
    """Networks on trial."""

    networks: NetworkPair | None
    """Null: no shadow has said anything of results of the window."""
    sources: list[TrialSource]
    """The last is of all."""
    work: list[ShadowWork]
    replays: list[Replay]
    """The last five, whenever they were; the newest first."""

    @classmethod
    def of(cls, board: TrialBoard) -> Self:
        """Return what is told."""
        return cls(
            networks=None if board.networks is None else NetworkPair.model_validate(board.networks),
            sources=[TrialSource.of(source) for source in board.sources],
            work=[ShadowWork.model_validate(one) for one in board.work],
            replays=[Replay.model_validate(one) for one in board.replays],
        )
