"""The life of a job as a table of states, and the value that a worker holds while it runs one."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING
from uuid import UUID

if TYPE_CHECKING:
    from domain.ids import JobId

CLASSIFY_LANE = "classify"
SHADOW_LANE = "shadow"
"""What the lanes of shadows begin with, in names and in logs."""


class JobKind(StrEnum):
    """What a job asks for; its subject is the row of a study, a delivery, a commitment, a confirmation or findings."""

    CLASSIFY = "classify"
    DELIVER = "deliver"
    COMMIT = "commit"
    """Answer a peer whether we keep what it sent."""
    CONFIRM = "confirm"
    """Ask a peer whether it keeps what we sent."""
    SHADOW = "shadow"
    """Have a shadow look at what the active network has a result of; nobody waits for it."""


class JobState(StrEnum):
    """Where a job stands."""

    WAITING = "waiting"
    LEASED = "leased"
    DONE = "done"
    HELD = "held"
    CANCELLED = "cancelled"


class ReasonClass(StrEnum):
    """Of what kind the reason is that a job did not get on."""

    TRANSIENT = "transient"
    """Something is away or busy: the job is tried again."""
    PERMANENT = "permanent"
    """The same would happen again."""
    UNEXPECTED = "unexpected"
    """Nobody foresaw it: a defect of ours."""
    LEASE_EXPIRED = "lease-expired"
    """The worker died or hung."""
    CRASHED = "crashed"
    """A film killed the process that decoded it, or needed more memory or time than there is."""
    OPERATOR = "operator"
    """A person wanted it so."""


TRANSITIONS: dict[JobState, frozenset[JobState]] = {
    JobState.WAITING: frozenset({JobState.LEASED, JobState.HELD, JobState.CANCELLED}),
    JobState.LEASED: frozenset({JobState.DONE, JobState.WAITING, JobState.HELD}),
    JobState.HELD: frozenset({JobState.WAITING, JobState.CANCELLED}),
    JobState.DONE: frozenset(),
    JobState.CANCELLED: frozenset(),
}
"""The only changes of state there are: claim, settle, retry or lease expiry, hold, requeue, cancel."""


def check_transition(before: JobState, after: JobState) -> None:
    """Refuse a change of state that the table does not have.

    Raises:
        ValueError: the table has no such transition.
    """
    if after not in TRANSITIONS[before]:
        raise ValueError(f"a {before} job can't become {after}")


@dataclass(frozen=True, kw_only=True, slots=True)
class Job:
    """A claimed job: what to do, which try this is, and the token that proves the lease."""

    id: JobId
    kind: JobKind
    lane: str
    """Where it waits: `classify`, `deliver:PEER`, `commit:PEER`, `confirm:PEER` or `shadow:NETWORK`: a slow peer delays
    nobody."""
    subject_id: int
    attempt: int
    """1 for the first try."""
    max_attempts: int | None
    """None: tried until it succeeds or is found permanently wrong."""
    lease_token: UUID
    last_failure: ReasonClass | None = None
    """Why the try before this one failed."""
    due_for_seconds: float = 0.0
    """How long it could have been claimed before it was, by the database's clock."""

    @property
    def is_last_attempt(self) -> bool:
        """Whether a failure now means the job is held."""
        return self.max_attempts is not None and self.attempt >= self.max_attempts

    @property
    def is_of_a_shadow(self) -> bool:
        """Whether nobody waits for what comes of it."""
        return self.lane.startswith(shadow_lane(""))


def deliver_lane(peer: str) -> str:
    """Return the lane in which reports for one peer wait."""
    return f"deliver:{peer}"


def commit_lane(peer: str) -> str:
    """Return the lane in which answers to one peer's commitment requests wait."""
    return f"commit:{peer}"


def confirm_lane(peer: str) -> str:
    """Return the lane in which our own commitment requests to one peer wait."""
    return f"confirm:{peer}"


def shadow_lane(network: str) -> str:
    """Return the lane of a shadow, by its name and version."""
    return f"{SHADOW_LANE}:{network}"
