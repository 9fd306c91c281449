"""The radiologists' list for programs: its pages, and news of what changes in it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Final

from fastapi import Query, Request, Response
from fastapi.responses import StreamingResponse

from domain.accounts import Permission
from domain.audit import AuditAction
from web.api.answer import problems
from web.api.study_list import StudyFilters, StudyList, StudySearch
from web.pages.worklist_events import events

if TYPE_CHECKING:
    from fastapi import APIRouter

    from domain.reading_list import ReadingDesk
    from web.api.gate import Gate

_EVENTS: Final = "text/event-stream"
_STREAM: Final[dict[int | str, dict[str, Any]]] = {
    200: {
        "description": "Events `changed`; the data are numbers of studies with commas between, or `*`: any may have. "
        "After ten minutes the stream ends, and is to be opened again",
        "content": {_EVENTS: {"schema": {"type": "string"}, "example": "event: changed\ndata: 17,18\n\n"}},
    }
}

Filters = Annotated[StudyFilters, Query()]


def routes(desk: ReadingDesk, gate: Gate) -> APIRouter:
    """Return what answers for the list."""
    router = gate.router(tag="studies", permission=Permission.READ)

    def listed(request: Request, filters: StudyFilters, q: str = "") -> StudyList:
        form = filters.form(q)
        page = desk.list.page(form.query(), at_most=filters.limit)
        gate.record(request, AuditAction.SEARCH, form.kind())
        return StudyList.of(page)

    @router.get("/studies", summary="List studies, as the worklist does")
    def show(request: Request, filters: Filters) -> StudyList:
        return listed(request, filters)

    @router.post(
        "/studies/search",
        summary="Search the list by name, patient ID or accession number",
        responses=problems(400),
    )
    def search(request: Request, wanted: StudySearch) -> StudyList:
        return listed(request, wanted, wanted.q)

    @router.get(
        "/studies/events",
        summary="Be told which studies change (server-sent events)",
        response_class=StreamingResponse,
        responses=_STREAM,
    )
    async def listen(request: Request) -> Response:
        stopping = getattr(request.app.state, "stopping", None)
        told = events(desk.news, lambda: stopping is not None and stopping.is_set())
        return StreamingResponse(told, media_type=_EVENTS, headers={"X-Accel-Buffering": "no"})

    return router
