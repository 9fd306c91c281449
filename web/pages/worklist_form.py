"""What a person asks of the list, as the form writes it, and back."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from dataclasses import dataclass, field
from datetime import date
from typing import Final, Literal
from urllib.parse import urlencode

from pydantic import BaseModel, Field

from domain.findings import Verdict  # noqa: TC001 - pydantic reads it at run time
from domain.ids import StudyId
from domain.reading_list import ReadingOrder, ReadingQuery, ReadingState
from domain.worklist import StepPriority
from web.pages.visitors import PLAIN

_MOST_REMEMBERED: Final = 10_000
Nothing = Literal[""]


class FilterForm(BaseModel):
    """The filters; they hold no patient's data and may stand in an address."""

    order: ReadingOrder = ReadingOrder.SUGGESTED
    state: ReadingState | Nothing = ""
    priority: Literal["HIGH", "MEDIUM", "LOW", ""] = ""
    verdict: Verdict | Nothing = ""
    place: str = Field(default="", max_length=64, pattern=PLAIN)
    since: date | Nothing = ""
    until: date | Nothing = ""
    show: Literal["unread", "all"] = "unread"

    def as_address(self) -> str:
        """Return the filters that are set, as an address writes them."""
        empty = FilterForm()
        names = FilterForm.model_fields
        changed = {name: getattr(self, name) for name in names if getattr(self, name) != getattr(empty, name)}
        return urlencode({name: str(value) for name, value in changed.items()})


class ListForm(FilterForm):
    """The filters with what is searched for and where to go on: sent in a body only."""

    q: str = Field(default="", max_length=64, pattern=PLAIN)
    behind: int | Nothing = ""
    csrf: str = ""

    def query(self) -> ReadingQuery:
        """Return what the list is asked for."""
        return ReadingQuery(
            order=self.order,
            state=self.state or None,
            priority=StepPriority[self.priority] if self.priority else None,
            verdict=self.verdict or None,
            place=self.place.strip(),
            since=self.since or None,
            until=self.until or None,
            only_unread=self.show == "unread",
            search=self.q.strip(),
            behind=None if self.behind == "" else StudyId(self.behind),
        )

    def kind(self) -> str:
        """Say what was asked for without what was searched for: the names of what is set."""
        named = {"q": "search", "behind": "further page"}
        empty = ListForm()
        fields = [name for name in ListForm.model_fields if name != "csrf"]
        asked = [named.get(name, name) for name in fields if getattr(self, name) != getattr(empty, name)]
        return f"worklist: {', '.join(asked)}" if asked else "worklist"


class SavedForm(FilterForm):
    """The filters under the name that they are kept by."""

    name: str = Field(default="", max_length=40, pattern=PLAIN)
    csrf: str = ""


@dataclass
class ShownLists:
    """Which lists have been shown to whom, so that the same list is not recorded again each time it changes."""

    _known: OrderedDict[str, None] = field(default_factory=OrderedDict)

    def is_new(self, session: str, form: ListForm) -> bool:
        """Remember that a list is shown in a session; say whether it is the first time, as far as one remembers."""
        text = f"{session} {form.model_dump_json(exclude={'csrf'})}"
        key = hashlib.sha256(text.encode()).hexdigest()  # what was searched for is kept nowhere
        is_new = key not in self._known
        self._known[key] = None
        self._known.move_to_end(key)
        if len(self._known) > _MOST_REMEMBERED:
            self._known.popitem(last=False)
        return is_new
