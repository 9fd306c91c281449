"""The list that radiologists read from: searched, filtered, and kept up to date while it is looked at."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Final

from fastapi import APIRouter, Form, Query, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import RedirectResponse, StreamingResponse

from domain.accounts import Permission
from domain.audit import AuditAction
from domain.findings import Verdict
from domain.reading_list import BadFilter, ReadingDesk, ReadingOrder
from domain.worklist import StepPriority
from web.pages.visitors import check_csrf
from web.pages.worklist_events import events
from web.pages.worklist_form import FilterForm, ListForm, SavedForm, ShownLists
from web.pages.worklist_row import STATES, row_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from domain.accounts import Session
    from web.pages.paper import Paper
    from web.pages.visitors import Doorman

_AT_MOST: Final = 50
_SEE_OTHER: Final = 303
_ORDERS: Final[Mapping[ReadingOrder, str]] = {
    ReadingOrder.SUGGESTED: "suggested priority",
    ReadingOrder.ARRIVAL: "arrival, oldest first",
    ReadingOrder.NEWEST: "arrival, newest first",
}
_VERDICTS: Final[Mapping[Verdict, str]] = {
    Verdict.POSITIVE: "positive",
    Verdict.NEGATIVE: "negative",
    Verdict.UNDETERMINED: "undetermined",
    Verdict.COULD_NOT_PROCESS: "not classified",
}

Filters = Annotated[FilterForm, Query()]
Asked = Annotated[ListForm, Form()]
Saved = Annotated[SavedForm, Form()]
Csrf = Annotated[str, Form(max_length=512)]


class _Lists:
    """Shows lists, and records each that is shown to somebody for the first time."""

    def __init__(self, desk: ReadingDesk, doorman: Doorman, paper: Paper) -> None:
        self._desk = desk
        self._doorman = doorman
        self._paper = paper
        self._shown = ShownLists()

    def page(self, request: Request, session: Session, form: ListForm, *, problem: str = "") -> Response:
        """Return the page; it is recorded each time."""
        self._shown.is_new(session.csrf_token, form)
        self._doorman.record(request, session, AuditAction.SEARCH, form.kind())
        return self._paper.page(
            request,
            "worklist.html",
            session=session,
            status=400 if problem else 200,
            problem=problem,
            filters=self._desk.filters.all(session.account.id),
            places=self._desk.list.places(),
            orders=_ORDERS,
            states=STATES,
            verdicts=_VERDICTS,
            priorities=[(one.name, one.name) for one in StepPriority],
            **self._rows(form),
        )

    def rows(self, request: Request, session: Session, form: ListForm) -> Response:
        """Return the rows alone, as a page that is open asks for them when something has changed."""
        if self._shown.is_new(session.csrf_token, form):
            self._doorman.record(request, session, AuditAction.SEARCH, form.kind())
        return self._paper.page(request, "worklist_rows.html", session=session, **self._rows(form))

    def _rows(self, form: ListForm) -> dict[str, Any]:
        found = self._desk.list.page(form.query(), at_most=_AT_MOST)
        rows = [row_of(one) for one in found.readings]
        return {"form": form, "rows": rows, "next": rows[-1].study if found.has_more else None}


def routes(desk: ReadingDesk, doorman: Doorman, paper: Paper) -> APIRouter:
    """Return what answers for the list.

    Args:
        desk: the list, its news, and the filters that people keep.
        doorman: lets radiologists in.
        paper: what pages are made of.
    """
    router = APIRouter(include_in_schema=False)
    check = doorman.visitor_who_may(Permission.READ)
    lists = _Lists(desk, doorman, paper)

    @router.get("/worklist")
    def show(request: Request, filters: Filters) -> Response:
        return lists.page(request, check(request), ListForm(**filters.model_dump()))

    @router.post("/worklist")  # what is searched for may be a name: it never stands in an address
    def search(request: Request, asked: Asked) -> Response:
        session = check(request)
        check_csrf(request, session, asked.csrf)
        return lists.page(request, session, asked)

    @router.post("/worklist/rows")
    def rows(request: Request, asked: Asked) -> Response:
        session = check(request)
        check_csrf(request, session, asked.csrf)
        return lists.rows(request, session, asked)

    @router.get("/worklist/events")
    async def listen(request: Request) -> Response:
        await run_in_threadpool(check, request)
        stopping = getattr(request.app.state, "stopping", None)
        told = events(desk.news, lambda: stopping is not None and stopping.is_set())
        return StreamingResponse(told, media_type="text/event-stream", headers={"X-Accel-Buffering": "no"})

    _keep_filters(router, desk, check, lists)
    return router


def _keep_filters(router: APIRouter, desk: ReadingDesk, check: Callable[[Request], Session], lists: _Lists) -> None:
    @router.post("/worklist/filters")
    def save(request: Request, saved: Saved) -> Response:
        session = check(request)
        check_csrf(request, session, saved.csrf)
        query, name = saved.as_address(), " ".join(saved.name.split())
        try:
            desk.filters.save(session.account.id, name=name, query=query)
        except BadFilter as error:
            form = ListForm(**saved.model_dump(include=set(FilterForm.model_fields)))
            return lists.page(request, session, form, problem=f"It was not saved: {error}.")
        return RedirectResponse(f"/worklist?{query}" if query else "/worklist", _SEE_OTHER)

    @router.post("/worklist/filters/{filter_id}/delete")
    def delete(request: Request, filter_id: int, csrf: Csrf) -> Response:
        session = check(request)
        check_csrf(request, session, csrf)
        desk.filters.delete(session.account.id, filter_id)
        return RedirectResponse("/worklist", _SEE_OTHER)
