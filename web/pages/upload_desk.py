"""Where people upload films, and see what became of those before."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from fastapi import APIRouter, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse

from domain.accounts import Permission, Session
from domain.audit import AuditAction
from domain.uploads import PictureView, Wish
from web.pages.upload_counter import Names, Read, View  # noqa: TC001 - FastAPI reads them at run time
from web.pages.upload_words import row_of
from web.pages.visitors import CSRF_HEADER, check_csrf

if TYPE_CHECKING:
    from web.pages.paper import Paper
    from web.pages.upload_counter import UploadCounter

_SHOWN: Final = 50


def routes(counter: UploadCounter, paper: Paper) -> APIRouter:
    """Return what answers at the place where films are uploaded."""
    router = APIRouter(include_in_schema=False)
    room, doorman = counter.room, counter.doorman
    check = doorman.visitor_who_may(Permission.UPLOAD)

    def admitted(request: Request) -> Session:
        session = check(request)
        check_csrf(request, session, request.headers.get(CSRF_HEADER, ""))
        counter.check(request, session)
        return session

    def rows_of(session: Session) -> list[dict[str, Any]]:
        return [row_of(one) for one in room.ledger.last_of(session.account.id, at_most=_SHOWN)]

    @router.get("/upload")
    def show(request: Request) -> Response:
        session = check(request)
        doorman.record(request, session, AuditAction.SEARCH, "own uploads")
        return paper.page(
            request,
            "upload.html",
            session=session,
            largest_megabytes=room.largest_bytes // 1_000_000,
            a_minute=room.a_minute,
            views=list(PictureView),
            shown=_SHOWN,
        )

    @router.get("/upload/history")
    def history(request: Request) -> Response:
        return JSONResponse(rows_of(check(request)))

    @router.post("/upload/films")
    async def take(request: Request, names: Names = "out", read: Read = "no", view: View = PictureView.PA) -> Response:
        session = await run_in_threadpool(admitted, request)
        wish = Wish(removes_names=names == "out", is_to_read=read == "please", view=view)
        return JSONResponse(row_of(await counter.taken(request, session, wish)), status_code=201)

    return router
