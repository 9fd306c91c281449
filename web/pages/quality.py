"""Figures of quality, for whoever answers for them; of scanners, days and weeks, never of a patient."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Final

from fastapi import APIRouter, HTTPException, Query, Request, Response

from domain.accounts import Permission
from domain.agreement import Grouping, agreement
from domain.quality import WEEKS, drift
from web.pages import charts, trial_charts

if TYPE_CHECKING:
    from collections.abc import Callable

    from domain.agreement import GroupAgreement
    from domain.quality import QualityBook
    from web.pages.paper import Paper
    from web.pages.visitors import Doorman

_USUAL_WEEKS: Final = 12
Name = Annotated[str, Query(max_length=64)]


@dataclass(frozen=True, kw_only=True, slots=True)
class Window:
    """The time that is looked at: whole days of UTC, today as far as it has come."""

    first: datetime
    end: datetime

    @classmethod
    def of(cls, weeks: int, now: datetime) -> Window:
        """Return the window of so many weeks up to a moment."""
        end = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
        return cls(first=end - timedelta(weeks=weeks), end=end)


def _now() -> datetime:
    return datetime.now(UTC)


def routes(book: QualityBook, doorman: Doorman, paper: Paper, *, now: Callable[[], datetime] = _now) -> APIRouter:
    """Return what answers for quality.

    Args:
        book: the figures.
        doorman: lets those in who may see them.
        paper: what pages are made of.
        now: the clock that the window ends by.
    """
    router = APIRouter(include_in_schema=False)
    check = doorman.visitor_who_may(Permission.QUALITY)

    @router.get("/quality")
    def show(
        request: Request, weeks: int = _USUAL_WEEKS, by: Name = Grouping.WEEK.value, sender: Name = ""
    ) -> Response:
        session = check(request)
        if weeks not in WEEKS or by not in set(Grouping):
            raise HTTPException(400, "there is no such window or grouping")
        window = Window.of(weeks, now())
        first, end = window.first, window.end
        with ThreadPoolExecutor(1) as beside:  # what takes longest is read while the rest is
            trials = beside.submit(book.trials, first, end)
            groups = agreement(book.comparisons(first, end), Grouping(by))
            scores, volumes = book.scores(first, end), book.volumes(first, end)
            senders = sorted({one.sender for one in scores} | {one.sender for one in volumes})
            chosen = sender if sender in senders else ""
            return paper.page(
                request,
                "quality.html",
                session=session,
                weeks=weeks,
                windows=WEEKS,
                by=by,
                groupings=list(Grouping),
                sender=chosen,
                senders=senders,
                first=first,
                last=end - timedelta(days=1),
                groups=groups,
                name_of=name_of,
                agreements=charts.agreements(groups, name_of),
                unmatched=book.unmatched(first, end),
                network=book.network(first, end),
                drifts=drift(scores),
                scores=charts.scores(scores, chosen),
                reliability=charts.reliability(book.reliability(first, end)),
                volumes=charts.volumes(volumes, first.date(), weeks * 7),
                times=charts.times(book.times(first, end), first.date(), weeks * 7),
                board=(board := trials.result()),
                trial_plots=trial_charts.plots(board),
            )

    return router


def name_of(group: GroupAgreement) -> str:
    """Return what a group of studies is called."""
    scanner = "" if group.scanner is None else group.scanner.title
    return " ".join(filter(None, (scanner, group.week))) or "All"
