"""The list that radiologists read from: each study with what is suggested, and why."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import date, datetime, timedelta

    from domain.film import Unsuitable, View
    from domain.findings import Label, ModelVersion, Probabilities, Verdict
    from domain.ids import AccountId, StudyId
    from domain.priority import Priority
    from domain.subject import StudyIdentity
    from domain.worklist import StepPriority


class ReadingOrder(StrEnum):
    """In which order studies stand."""

    SUGGESTED = "suggested"
    """By suggested priority, those that wait longest first."""
    ARRIVAL = "arrival"
    """As they came, whatever is suggested."""
    NEWEST = "newest"
    """The last that came first."""


class ReadingState(StrEnum):
    """How far the network is with a study."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    UNDETERMINED = "undetermined"
    UNSUITABLE = "unsuitable"
    """No film of it may be classified."""
    FAILED = "failed"
    """Its job is held: somebody has to look after it."""
    UNAVAILABLE = "unavailable"
    """It waits much longer than it should, its lane is paused, or nobody is going to classify it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ReadingQuery:
    """Which studies are wanted; what is empty is met by every study."""

    order: ReadingOrder = ReadingOrder.SUGGESTED
    state: ReadingState | None = None
    priority: StepPriority | None = None
    verdict: Verdict | None = None
    place: str = ""
    """A sender's AE title or a station's name."""
    since: date | None = None
    """Received on this day (UTC) or later."""
    until: date | None = None
    """Received on this day (UTC) or earlier."""
    only_unread: bool = True
    search: str = ""
    """What a patient's name or ID, or an accession number, begins with; large and small letters are the same."""
    behind: StudyId | None = None
    """The last study of the page before."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Reading:
    """A study that is to be read, or was."""

    study_id: StudyId
    identity: StudyIdentity
    received_at: datetime
    waited: timedelta
    """By the database's clock."""
    ordered: Priority
    """Of the order, as the sender or a rule says it."""
    suggested: StepPriority
    """What the order or a result suggests, the more urgent of the two."""
    state: ReadingState
    verdict: Verdict | None
    """Of the last result; None: there is none."""
    label: Label | None
    probabilities: Probabilities | None
    model: ModelVersion | None
    """That made the last result, with its thresholds."""
    unsuitable: Unsuitable | None
    views: Sequence[View]
    """Of the films that the last result speaks about."""
    sender: str
    performer: str
    """Who has claimed it on a workstation; empty: nobody."""
    is_assessed: bool
    """There is a final report or somebody's assessment."""
    is_read: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class ReadingPage:
    """Some of the studies that a query asks for."""

    readings: Sequence[Reading]
    has_more: bool


class ReadingList(Protocol):
    """The list; each method raises `Transient` while the database is away."""

    def page(self, query: ReadingQuery, *, at_most: int) -> ReadingPage:
        """Return the first studies, or those behind the one that the query names."""
        ...

    def places(self) -> Sequence[str]:
        """Return the senders and stations of the last films, by name."""
        ...


class ReadingNews(Protocol):
    """Tells when the list changes."""

    def follow(self, listener: Callable[[frozenset[StudyId]], None]) -> Callable[[], None]:
        """Call a listener with the studies that have changed, none named: any may have; return what ends that.

        It is called on a thread of its own and must return at once.
        """
        ...


class BadFilter(ValueError):
    """A filter can't be kept; the text says why, for the person who wanted it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SavedFilter:
    """A filter that somebody keeps."""

    id: int
    name: str
    query: str
    """As the page's address writes it; without what was searched for, which may be a patient's."""


class SavedFilters(Protocol):
    """The filters of each account; each method raises `Transient` while the database is away."""

    def all(self, account: AccountId) -> Sequence[SavedFilter]:
        """Return somebody's filters by name."""
        ...

    def save(self, account: AccountId, *, name: str, query: str) -> None:
        """Keep a filter, in place of one of the same name.

        Raises:
            BadFilter: it has no name, or there are too many.
        """
        ...

    def delete(self, account: AccountId, filter_id: int) -> None:
        """Forget a filter, if it is that account's."""
        ...


@dataclass(frozen=True, kw_only=True, slots=True)
class ReadingDesk:
    """All that the page of the list is made of."""

    list: ReadingList
    news: ReadingNews
    filters: SavedFilters
