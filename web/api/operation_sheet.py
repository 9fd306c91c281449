"""What a program is told of the work; nothing of it says of whom a study is."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Self

from pydantic import BaseModel, ConfigDict, Field

from web.api.answer import Answer
from web.pages.visitors import PLAIN

if TYPE_CHECKING:
    from domain.duties import DutyRecord
    from domain.operations import ControlRoom, DutyState, PeerPlace, PeerTraffic


class Lane(Answer):
    """How much stands in a lane."""

    lane: str = Field(examples=["classify"])
    waiting: int
    due: int
    """Of those that wait, what could be claimed now."""
    leased: int
    """At work."""
    held: int
    done_in_hour: int
    per_minute: float
    """Jobs that were done in a minute, of the last five."""
    oldest_due_seconds: float | None


class PausedLane(Answer):
    """A lane in which nothing is claimed."""

    lane: str
    """Empty: every lane."""
    since: datetime
    actor: str
    reason: str


class HeldJob(Answer):
    """A job that waits for a person."""

    id: int
    lane: str
    study: int | None
    """Its number; null: the job is about no single study."""
    attempts: int
    reason: str
    """Without words of a peer, which may name a patient."""
    reason_class: str = Field(examples=["permanent"])
    held_at: datetime | None


class Peer(Answer):
    """A peer: what went there, and what did not."""

    name: str = Field(examples=["pacs"])
    place: str
    """Where it is; empty: it is in the settings no more."""
    does: str
    """What it sends and is sent."""
    undelivered: int
    oldest_seconds: float | None
    """Age of the oldest that is not delivered."""
    last_success: datetime | None
    last_failure: datetime | None
    """Null: not among the last thousand failures."""
    failure: str

    @classmethod
    def of(cls, name: str, place: PeerPlace | None, traffic: PeerTraffic) -> Self:
        """Return what is told of a peer."""
        return cls(
            name=name,
            place="" if place is None else place.place,
            does="" if place is None else place.does,
            undelivered=traffic.undelivered,
            oldest_seconds=traffic.oldest_seconds,
            last_success=traffic.last_success,
            last_failure=traffic.last_failure,
            failure=traffic.failure,
        )


class Worker(Answer):
    """What a process has in hand."""

    name: str
    """Host and process."""
    jobs: int
    lanes: list[str]
    next_expiry_seconds: float
    """Until the first of its leases ends; below 0: it is over."""


class NetworkAtWork(Answer):
    """A network among those that made the last thousand results."""

    name: str
    version: str
    results: int
    last_at: datetime


class Duty(Answer):
    """A duty of the scheduler."""

    name: str = Field(examples=["lease-reaper"])
    state: str = Field(examples=["ok"])
    """ok, overdue, failed, or never ran."""
    every_seconds: float
    runs: int
    failures: int
    last_started_at: datetime | None
    last_count: int | None
    counted: str
    """What that number means."""
    last_error: str | None

    @classmethod
    def of(cls, record: DutyRecord, state: DutyState) -> Self:
        """Return what is told of a duty."""
        return cls(
            name=record.name,
            state=state.word,
            every_seconds=state.every_seconds,
            runs=record.runs,
            failures=record.failures,
            last_started_at=record.last_started_at,
            last_count=record.last_count,
            counted=state.counted,
            last_error=record.last_error,
        )


class Disk(Answer):
    """The disk of the spool, as the web server's host sees it."""

    free_bytes: int
    total_bytes: int
    reserve_bytes: int
    """Below this no film is taken."""
    is_short: bool


class Alarm(Answer):
    """Urgent results that reach nobody."""

    count: int
    waiting_for: list[str]
    """The peers that they are for."""
    oldest_seconds: float


class Operations(Answer):
    """The state of the work."""

    at: datetime
    """By the database's clock."""
    lanes: list[Lane]
    paused: list[PausedLane]
    held_count: int
    held: list[HeldJob]
    """The last 50."""
    peers: list[Peer]
    """Those of the settings, and others for whom something is left."""
    workers: list[Worker]
    networks: list[NetworkAtWork]
    duties: list[Duty]
    disk: Disk | None
    """Null: it can't be told."""
    urgent_results_undelivered: Alarm
    conflicts: int
    """Films of the last seven days that came with other content under a known UID."""
    unknown_reports: int
    """Final reports of the last seven days whose study is not here."""
    ambiguous_reports: int
    """Those of the last seven days for which several studies are here."""

    @classmethod
    def of(cls, room: ControlRoom) -> Self:
        """Return the state of the work now."""
        here, places = room.surroundings, {peer.name: peer for peer in room.surroundings.peers()}
        board, disk = room.switchboard.board(list(places)), here.disk()
        return cls(
            at=board.at,
            lanes=[Lane.model_validate(one) for one in board.lanes],
            paused=[PausedLane.model_validate(one) for one in board.paused],
            held_count=board.held_count,
            held=[HeldJob.model_validate(one) for one in board.held],
            peers=[Peer.of(name, places.get(name), traffic) for name, traffic in board.traffic.items()],
            workers=[Worker.model_validate(one) for one in board.workers],
            networks=[NetworkAtWork.model_validate(one) for one in board.networks],
            duties=[Duty.of(record, here.duty(record)) for record in board.duties],
            disk=None if disk is None else Disk.model_validate(disk),
            urgent_results_undelivered=Alarm.model_validate(board.overdue),
            conflicts=board.conflicts,
            unknown_reports=board.unknown_reports,
            ambiguous_reports=board.ambiguous_reports,
        )


class PeerCheck(Answer):
    """One thing that was tried with a peer."""

    what: str = Field(examples=["C-ECHO"])
    is_good: bool
    says: str


class PeerTest(Answer):
    """A test of a peer."""

    peer: str
    is_good: bool
    """Whether all went well."""
    checks: list[PeerCheck]


class Note(BaseModel):
    """Why an operator does something."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    note: str = Field("", max_length=200, pattern=PLAIN, examples=["the disk is mounted again"])
    """For the audit trail and the job's history; no patient's data."""

    @property
    def text(self) -> str:
        """The note without more spaces than it needs."""
        return " ".join(self.note.split())


class LaneNote(Note):
    """Which lane, and why."""

    lane: str = Field(max_length=64, pattern=r"^[A-Za-z0-9:_-]*$", examples=["deliver:pacs"])
    """Empty: every lane."""
