"""What an operator sees of the work at a glance, and does about it; nothing here says of whom a study is."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from domain.alarm import Overdue
    from domain.duties import DutyRecord

_WORDS_OF_OTHERS: Final = "; it said: "
_UID: Final = re.compile(r"\b[0-2](?:\.[0-9]+){4,}\b")
_STANDARD: Final = "1.2.840.10008."
"""The root of UIDs that the standard gives, which name no patient's object (PS3.6 A)."""


def plain_reason(text: str) -> str:
    """Return a job's reason without what may name a patient: words of a peer, and UIDs that are not the standard's."""
    own, words, _ = text.partition(_WORDS_OF_OTHERS)
    own += "; what it said is in the job's history" if words else ""
    return _UID.sub(lambda found: found.group() if found.group().startswith(_STANDARD) else "(a UID)", own)


@dataclass(frozen=True, kw_only=True, slots=True)
class LaneLoad:
    """How much stands in a lane."""

    lane: str
    waiting: int = 0
    due: int = 0
    """Of those that wait, what could be claimed now."""
    leased: int = 0
    held: int = 0
    done_in_hour: int = 0
    done_lately: int = 0
    """In the last five minutes."""
    oldest_due_seconds: float | None = None

    @property
    def per_minute(self) -> float:
        """Jobs that were done in a minute, of the last five."""
        return self.done_lately / 5


@dataclass(frozen=True, kw_only=True, slots=True)
class HeldJob:
    """A job that waits for a person."""

    id: int
    lane: str
    study: int | None
    """Its number in the database; None: the job is about no single study."""
    attempts: int
    reason: str
    reason_class: str
    held_at: datetime | None


@dataclass(frozen=True, kw_only=True, slots=True)
class PausedLane:
    """A lane in which nothing is claimed."""

    lane: str
    """Empty: every lane."""
    since: datetime
    actor: str
    reason: str


@dataclass(frozen=True, kw_only=True, slots=True)
class PeerTraffic:
    """What went to a peer, and what did not."""

    undelivered: int = 0
    oldest_seconds: float | None = None
    last_success: datetime | None = None
    last_failure: datetime | None = None
    """None: not among the last thousand failures."""
    failure: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class WorkerHands:
    """What a process has in hand."""

    name: str
    """Host and process."""
    jobs: int
    lanes: tuple[str, ...]
    next_expiry_seconds: float
    """Until the first of its leases ends; below 0: it is over."""


@dataclass(frozen=True, kw_only=True, slots=True)
class NetworkUse:
    """A network among those that made the last thousand results."""

    name: str
    version: str
    results: int
    last_at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Board:
    """The state of the work, as the database knows it."""

    at: datetime
    lanes: tuple[LaneLoad, ...]
    """By name; those with work, and those that are paused."""
    paused: tuple[PausedLane, ...]
    held: tuple[HeldJob, ...]
    """The last ones; `held_count` of all."""
    held_count: int
    traffic: dict[str, PeerTraffic]
    """By the name of the peer."""
    workers: tuple[WorkerHands, ...]
    networks: tuple[NetworkUse, ...]
    """The one that made the last result first."""
    duties: tuple[DutyRecord, ...]
    overdue: Overdue
    conflicts: int
    """Films that came with other content under a known UID, of the last seven days."""
    unknown_reports: int
    """Final reports of the last seven days whose study is not here."""
    ambiguous_reports: int

    @property
    def everything_is_paused(self) -> bool:
        """Whether nothing is claimed anywhere."""
        return any(not one.lane for one in self.paused)


class Switchboard(Protocol):
    """The work in the database; each method raises `Transient` while it is away.

    Acts return what is in the way, and None where nothing is.
    """

    def board(self, peers: Sequence[str]) -> Board:
        """Return the state of the work, with the traffic of these peers."""
        ...

    def requeue(self, job: int, *, actor: str) -> str | None:
        """Make a held job wait again, with all its tries."""
        ...

    def cancel(self, job: int, *, reason: str, actor: str) -> str | None:
        """End a held or waiting job for good."""
        ...

    def pause(self, lane: str, *, reason: str, actor: str) -> str | None:
        """Let nothing new be claimed in a lane; empty: in any."""
        ...

    def resume(self, lane: str, *, actor: str) -> str | None:
        """End the pause of a lane; empty: all pauses."""
        ...


@dataclass(frozen=True, kw_only=True, slots=True)
class PeerPlace:
    """A peer of the settings."""

    name: str
    place: str
    does: str
    """What it sends and is sent."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PeerCheck:
    """One thing that was tried with a peer."""

    what: str
    is_good: bool
    says: str


@dataclass(frozen=True, kw_only=True, slots=True)
class DutyState:
    """How a duty fares."""

    word: str
    """ok, overdue, failed, or never ran."""
    every_seconds: float
    counted: str
    """What the number of its last run means."""

    @property
    def is_good(self) -> bool:
        """Whether it needs no look."""
        return self.word == "ok"


@dataclass(frozen=True, kw_only=True, slots=True)
class Disk:
    """The disk of the spool, as this host sees it."""

    free_bytes: int
    total_bytes: int
    reserve_bytes: int
    """Below this no film is taken."""

    @property
    def share_used(self) -> float:
        """0 to 1."""
        return 1 - self.free_bytes / self.total_bytes if self.total_bytes else 1.0

    @property
    def is_short(self) -> bool:
        """Whether it comes near the reserve: less than twice as much is free."""
        return self.free_bytes < 2 * self.reserve_bytes


class Surroundings(Protocol):
    """What the settings and this host say."""

    def lanes(self) -> tuple[str, ...]:
        """Return the lanes in which work can stand by the settings."""
        ...

    def peers(self) -> tuple[PeerPlace, ...]:
        """Return the peers, in the order of the settings."""
        ...

    def check(self, peer: str) -> tuple[PeerCheck, ...]:
        """Try with a peer what would be wanted of it, within a limit of time.

        Raises:
            Misconfigured: there is none of that name.
        """
        ...

    def duty(self, record: DutyRecord) -> DutyState:
        """Say how a duty fares."""
        ...

    def disk(self) -> Disk | None:
        """Return how full the spool's disk is; None where it can't be told."""
        ...


@dataclass(frozen=True, kw_only=True, slots=True)
class ControlRoom:
    """What the page of operations is made of."""

    switchboard: Switchboard
    surroundings: Surroundings
