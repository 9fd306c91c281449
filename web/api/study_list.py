"""What a program asks of the radiologists' list, and what it is told."""

from __future__ import annotations

from datetime import date, datetime
from typing import TYPE_CHECKING, Literal, Self

from pydantic import BaseModel, ConfigDict, Field

from domain.film import View  # noqa: TC001 - pydantic reads it at run time
from domain.findings import Label, Verdict  # noqa: TC001 - the same
from domain.reading_list import ReadingOrder, ReadingState
from domain.worklist import ORDERED
from web.api.answer import LARGEST_ID, Answer, Network, Order, Output, Patient, Reason
from web.pages.visitors import PLAIN
from web.pages.worklist_form import ListForm

if TYPE_CHECKING:
    from domain.reading_list import Reading, ReadingPage

Urgency = Literal["HIGH", "MEDIUM", "LOW"]


class StudyFilters(BaseModel):
    """Which studies are wanted; what is left out is met by every study."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    order: ReadingOrder = ReadingOrder.SUGGESTED
    """By suggested priority, those that wait longest first; as they came; or the last that came first."""
    state: ReadingState | None = None
    """How far the network is."""
    priority: Urgency | None = None
    """The suggested one."""
    verdict: Verdict | None = None
    """Of the last result."""
    place: str = Field("", max_length=64, pattern=PLAIN)
    """A sender's AE title or a station's name."""
    since: date | None = None
    """Received on this day, of the installation's time zone (`web.time_zone`), or later."""
    until: date | None = None
    """Received on this day, of the same, or earlier."""
    show: Literal["unread", "all"] = "unread"
    """Whether studies that were read are left out."""
    behind: int | None = Field(None, ge=1, le=LARGEST_ID)
    """`next` of the page before."""
    limit: int = Field(50, ge=1, le=200)
    """Studies at most."""

    def form(self, q: str = "") -> ListForm:
        """Return the same as the form of the page writes it."""
        return ListForm(
            order=self.order,
            state=self.state or "",
            priority=self.priority or "",
            verdict=self.verdict or "",
            place=self.place,
            since=self.since or "",
            until=self.until or "",
            show=self.show,
            behind="" if self.behind is None else self.behind,
            q=q,
        )


class StudySearch(StudyFilters):
    """The filters with what is searched for, which may be a name: it stands in a body, never in an address."""

    q: str = Field(min_length=1, max_length=64, pattern=PLAIN, examples=["doe"])
    """What a patient's name or ID, or an accession number, begins with; large and small letters are the same."""


class StudyRow(Answer):
    """A study that is to be read, or was."""

    id: int = Field(examples=[17])
    patient: Patient
    order: Order
    received_at: datetime
    waited_seconds: float
    """By the database's clock."""
    ordered_priority: Urgency
    """Of the order, as the sender or a rule says it."""
    suggested_priority: Urgency
    """What the order or a result suggests, the more urgent of the two."""
    state: ReadingState
    verdict: Verdict | None
    """Of the last result; null: there is none."""
    label: Label | None
    """The class that it names."""
    outputs: list[Output]
    network: Network | None
    not_classified: Reason | None
    views: list[View]
    sender: str = Field(examples=["XRAY1"])
    """AE title."""
    performer: str
    """Who has claimed it on a workstation; empty: nobody."""
    is_assessed: bool
    """There is a final report or somebody's assessment."""
    is_read: bool

    @classmethod
    def of(cls, reading: Reading) -> Self:
        """Return what is told of a study."""
        return cls(
            id=reading.study_id,
            patient=Patient.of(reading.identity),
            order=Order.model_validate(reading.identity),
            received_at=reading.received_at,
            waited_seconds=reading.waited.total_seconds(),
            ordered_priority=ORDERED[reading.ordered].name,
            suggested_priority=reading.suggested.name,
            state=reading.state,
            verdict=reading.verdict,
            label=reading.label,
            outputs=Output.all(reading.probabilities, reading.model),
            network=None if reading.model is None else Network.model_validate(reading.model),
            not_classified=Reason.of(reading.unsuitable),
            views=list(reading.views),
            sender=reading.sender,
            performer=reading.performer,
            is_assessed=reading.is_assessed,
            is_read=reading.is_read,
        )


class StudyList(Answer):
    """A page of the list."""

    studies: list[StudyRow]
    next: int | None
    """What to ask for as `behind` to go on; null: there are no more."""

    @classmethod
    def of(cls, page: ReadingPage) -> Self:
        """Return a page."""
        rows = [StudyRow.of(one) for one in page.readings]
        return cls(studies=rows, next=rows[-1].id if page.has_more else None)
