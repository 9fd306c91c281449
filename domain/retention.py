"""How long films and results are kept, and what is deleted when their time is over, or the disk is full."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime, timedelta

    from domain.ids import StudyId, StudyUid


class DeletionCause(StrEnum):
    """Why a film's file was deleted."""

    RETENTION = "retention"
    """Its time was over."""
    MAKE_ROOM = "make-room"
    """The spool's disk was nearly full."""
    ERASURE = "erasure"
    """Everything about its patient was erased."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Terms:
    """From when on films of a study may be deleted, counted from its last film; None: never."""

    cause: DeletionCause
    films: timedelta | None
    uploads: timedelta | None = None
    """The same of studies that people uploaded."""
    needs_delivery: bool = False
    """Only of studies of which a peer has a result."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Marked:
    """Studies whose films count as deleted from now on, though their files may still be there."""

    studies: int
    last: StudyId | None
    """The last study that was looked at; None: there is no further one."""


@dataclass(frozen=True, kw_only=True, slots=True)
class KeptStudy:
    """A study that a person keeps from being deleted."""

    study_uid: StudyUid
    since: datetime
    actor: str
    reason: str


class FilmRetention(Protocol):
    """Which films may go, in the database; each method may be called again, and by two processes at once.

    A film goes in two steps, each durable before the next: its row says that it is deleted, then its file is removed.
    A film that comes again in between is here again. Each raises `Transient` while the database is away.
    """

    def mark(self, terms: Terms, *, behind: StudyId | None, at_most: int) -> Marked:
        """Mark the films of the next studies that may go, the first received first."""
        ...

    def remove_next(self, remove: Callable[[str], None]) -> int | None:
        """Remove the file of one film that is marked; return its size in bytes, None: there is none to remove now.

        While a backup copies films nothing is removed.

        Args:
            remove: takes the place in the store; what it raises leaves the film marked.
        """
        ...


class ResultRetention(Protocol):
    """Which studies may be forgotten with their results; raises `Transient` while the database is away."""

    def forget_old(self, *, older_than: timedelta, at_most: int) -> int:
        """Delete all rows of studies whose films are gone and whose results are old; say of how many."""
        ...
