"""Who did what, and who saw whose data: an account that can only grow."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime, timedelta


class AuditAction(StrEnum):
    """What somebody did."""

    LOGIN = "login"
    LOGOUT = "logout"
    REGISTER = "register"
    ACCOUNT = "account"
    """Made or changed an account, or an invitation."""
    SEARCH = "search"
    """Saw a list of patients."""
    VIEW = "view"
    """Saw a study."""
    UPLOAD = "upload"
    ASSESS = "assess"
    OPERATE = "operate"
    """Requeued, cancelled, paused, tested."""
    EXPORT = "export"
    """Took data out: a report, the audit trail."""
    ERASE = "erase"
    """Erased everything about a patient."""


class AuditOutcome(StrEnum):
    """How it ended."""

    SUCCESS = "success"
    DENIED = "denied"
    """The role does not allow it, or the password was wrong."""
    FAILED = "failed"


@dataclass(frozen=True, kw_only=True, slots=True)
class AuditEvent:
    """Something that somebody did."""

    actor: str
    """A login, the name of a program, or what was given for a login."""
    role: str
    action: AuditAction
    object: str = ""
    """Whose data or what it was: a Study Instance UID, a job's number, a login."""
    outcome: AuditOutcome = AuditOutcome.SUCCESS
    address: str = ""
    """IP address that it came from."""


@dataclass(frozen=True, kw_only=True, slots=True)
class AuditRecord:
    """An event as it was recorded."""

    id: int
    """1, 2, 3 …, without gaps; old records may be gone from the beginning."""
    at: datetime
    event: AuditEvent
    previous: str
    """Hash of the record before; empty for the first."""
    hash: str
    """SHA-256, in hexadecimal, of this record with the hash of the one before."""


class AuditTrail(Protocol):
    """The trail; each method raises `Transient` while the database is away."""

    def record(self, event: AuditEvent) -> None:
        """Add an event; when this returns it is durable."""
        ...

    def records(self, *, behind: int = 0) -> Iterator[AuditRecord]:
        """Yield the records behind a number, in order."""
        ...

    def first_broken(self) -> int | None:
        """Return the number of the first record that is missing, changed, or does not follow the one before."""
        ...

    def sent_to(self, repository: str) -> int:
        """Return the number of the last record that a repository was sent; 0 for none."""
        ...

    def mark_sent(self, repository: str, last: int) -> None:
        """Write down that a repository was sent the records up to a number."""
        ...


class AuditRetention(Protocol):
    """What may go of the trail; raises `Transient` while the database is away."""

    def delete_old(self, *, older_than: timedelta, repository: str | None, at_most: int) -> int:
        """Delete the oldest records, so that the chain can still be checked; say how many.

        Args:
            older_than: their age.
            repository: what must have been sent them before; None: there is none.
            at_most: records of one piece.
        """
        ...
