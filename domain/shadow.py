"""A shadow: a network that looks at the films of here and whose results nobody reads but those who judge it."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from domain.film import StoredFilm
    from domain.findings import Findings, ModelVersion
    from domain.ids import FindingsId
    from domain.jobs import Job


class ShadowOutcome(StrEnum):
    """What became of a study in the shadow: as of a result, or it was not looked at."""

    CLASSIFIED = "classified"
    UNDETERMINED = "undetermined"
    COULD_NOT_PROCESS = "could-not-process"
    SKIPPED = "skipped"
    """Too many studies waited, or failed, before it."""


class Appointment(NamedTuple):
    """The network that is the shadow on this machine."""

    title: str
    """Name and version."""
    sha256: str


class Shadows(Protocol):
    """What a shadow needs of the database; each method raises `Transient` while it is away."""

    def is_live_work_due(self) -> bool:
        """Whether a study waits for its result, or a worker is about to give it one."""
        ...

    def feed(self, lane: str, model: ModelVersion, *, most: int) -> None:
        """Give results that came lately each a job in the lane, but for `most` at a time; the others are skipped.

        What waits counts and what is held, so that a shadow that fails at everything soon has nothing to do.
        """
        ...

    def films(self, findings: FindingsId) -> tuple[StoredFilm, ...]:
        """Return the films that findings speak about, as they were then."""
        ...

    def settle(self, job: Job, findings: Findings, *, seconds: float) -> None:
        """Keep what the shadow says, and end the job, in one transaction.

        Raises:
            LeaseLost: the job belongs to somebody else now.
        """
        ...


class Understudy(Protocol):
    """A loaded shadow, in a process of its own."""

    @property
    def model(self) -> ModelVersion:
        """Which network this is."""
        ...

    def examine(self, films: tuple[StoredFilm, ...]) -> Findings:
        """Look at a study's films, as a worker does.

        Raises:
            Crashed: its process ended or took too long; it is of no use any more.
            HilumError: as when a worker develops films.
        """
        ...

    def kill(self) -> None:
        """End its process at once; another thread that waits for it gets `Crashed`."""
        ...

    def close(self) -> None:
        """End its process, and let go of it."""
        ...
