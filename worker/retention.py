"""What goes when its time is over, or when the disk is nearly full: in pieces, at any time, twice at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from domain.errors import Transient

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable
    from datetime import timedelta

    from domain.audit import AuditRetention
    from domain.ids import StudyId
    from domain.retention import FilmRetention, ResultRetention, Terms
    from worker.events import Events

_STUDIES_AT_ONCE = 100
_RECORDS_AT_ONCE = 10_000
"""Whoever records something waits meanwhile: a fraction of a second."""
_STUDIES_FOR_ROOM = 1
"""So that no more goes than must."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Shredder:
    """Removes the files of films that are marked as deleted."""

    retention: FilmRetention
    remove: Callable[[str], None]
    """Removes a file from the store, durably; it may be gone already."""
    ended: threading.Event
    """Set when it is somebody else's duty."""

    def empty(self) -> tuple[int, int]:
        """Remove what is marked; return how many files and bytes that were.

        Raises:
            Transient: store or database can't be reached; what is left stays marked.
        """
        files = freed = 0
        try:
            while not self.ended.is_set() and (size := self.retention.remove_next(self.remove)) is not None:
                files, freed = files + 1, freed + size
        except OSError as error:
            raise Transient("a film can't be removed from the store") from error
        return files, freed


def old_films(shredder: Shredder, events: Events, terms: Terms) -> int:
    """Delete films whose time is over, and finish what was begun before; say how many.

    Raises:
        Transient: store or database can't be reached.
    """
    files, freed = shredder.empty()
    behind: StudyId | None = None
    while (terms.films or terms.uploads) and not shredder.ended.is_set():
        marked = shredder.retention.mark(terms, behind=behind, at_most=_STUDIES_AT_ONCE)
        more, bytes_ = shredder.empty()
        files, freed = files + more, freed + bytes_
        if marked.last is None:
            break
        behind = marked.last
    if files:
        events.info("films-deleted", count=files, bytes=freed, reason=terms.cause)
    return files


def old_results(
    retention: ResultRetention, events: Events, ended: threading.Event, *, older_than: timedelta | None
) -> int:
    """Forget studies whose results are old; say how many. None keeps all.

    Raises:
        Transient: the database is away.
    """
    total = 0
    while older_than is not None and not ended.is_set():
        count = retention.forget_old(older_than=older_than, at_most=_STUDIES_AT_ONCE)
        total += count
        if count < _STUDIES_AT_ONCE:
            break
    if total:
        events.info("studies-forgotten", count=total)
    return total


def old_audit(
    retention: AuditRetention,
    events: Events,
    ended: threading.Event,
    *,
    older_than: timedelta | None,
    repository: str | None,
) -> int:
    """Delete old records of the audit trail, once a repository has them where there is one; say how many.

    Raises:
        Transient: the database is away.
    """
    total = 0
    while older_than is not None and not ended.is_set():
        count = retention.delete_old(older_than=older_than, repository=repository, at_most=_RECORDS_AT_ONCE)
        total += count
        if count < _RECORDS_AT_ONCE:
            break
    if total:
        events.info("audit-records-deleted", count=total)
    return total


@dataclass(frozen=True, kw_only=True, slots=True)
class Marks:
    """Free bytes of the spool's disk between which room is made."""

    below: int
    """Room is made when there is less; 0: never."""
    until: int


def make_room(shredder: Shredder, free_bytes: Callable[[], int], events: Events, terms: Terms, marks: Marks) -> int:
    """Delete delivered films, the first received first, while the disk is nearly full; say how many.

    Raises:
        Transient: disk, store or database can't be reached.
    """
    if not marks.below or _asked(free_bytes) >= marks.below:
        return 0
    files, freed = shredder.empty()
    behind: StudyId | None = None
    while not shredder.ended.is_set() and _asked(free_bytes) < marks.until:
        marked = shredder.retention.mark(terms, behind=behind, at_most=_STUDIES_FOR_ROOM)
        more, bytes_ = shredder.empty()
        files, freed = files + more, freed + bytes_
        if marked.last is None:
            break
        behind = marked.last
    if files:
        events.warning("films-deleted", count=files, bytes=freed, reason=terms.cause)
    free = _asked(free_bytes)
    if free < marks.below and not shredder.ended.is_set():
        events.error("no-room-to-make", bytes=free)
    return files


def _asked(free_bytes: Callable[[], int]) -> int:
    try:
        return free_bytes()
    except OSError as error:
        raise Transient("the spool's disk can't be asked for its free space") from error
