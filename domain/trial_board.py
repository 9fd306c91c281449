"""What is known of networks on trial at a glance: the shadow beside the active network, its work, the last replays."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from domain.findings import Label
    from domain.intervals import Interval
    from domain.pairs import PairedNetworks, SourcePairs
    from domain.trial import Decision


@dataclass(frozen=True, kw_only=True, slots=True)
class ShadowWork:
    """What a shadow has before it, and what it was spared."""

    network: str
    """Name and version."""
    waiting: int
    """Studies that wait for it, or that it looks at just now."""
    held: int
    skipped: int
    """Results of the window that it was not asked about."""


@dataclass(frozen=True, kw_only=True, slots=True)
class TargetReplay:
    """What a replay found of a disease."""

    decision: Decision
    present: int
    """Studies that were reported with it."""
    absent: int
    difference: float | None
    """The candidate's sensitivity less the active network's, at the same specificity; None without studies."""
    interval: Interval | None
    """95 %; None of too few studies."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Replayed:
    """What came of a replay."""

    at: datetime
    candidate: str
    """Name and version, as of `active`."""
    active: str
    first: datetime
    """From here on reports were looked at, to before `last`."""
    last: datetime
    studies: int
    decision: Decision
    targets: Mapping[Label, TargetReplay]


@dataclass(frozen=True, kw_only=True, slots=True)
class TrialBoard:
    """Networks on trial."""

    networks: PairedNetworks | None
    """None: no shadow has said anything of results of the window."""
    sources: tuple[SourcePairs, ...]
    """The last one is of all; none without networks."""
    work: tuple[ShadowWork, ...]
    """Of each shadow that has something before it or skipped something."""
    replays: tuple[Replayed, ...]
    """The last ones, whenever they were; the newest first."""

    @property
    def is_empty(self) -> bool:
        """Whether nothing is on trial, and nothing was."""
        return not (self.networks or self.work or self.replays)
