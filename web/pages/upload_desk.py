"""Where people upload films, and see what became of those before."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from math import ceil
from tempfile import SpooledTemporaryFile
from time import time
from typing import IO, TYPE_CHECKING, Annotated, Any, Final, Literal

from fastapi import APIRouter, HTTPException, Query, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse
from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter

from domain.accounts import Permission, Session
from domain.audit import AuditAction, AuditOutcome
from domain.uploads import (
    BYTES_THAT_TELL,
    BadUpload,
    NewUpload,
    PictureView,
    Refusal,
    UploadKind,
    Wish,
)
from web.pages.upload_words import row_of
from web.pages.visitors import CSRF_HEADER, check_csrf

if TYPE_CHECKING:
    from collections.abc import Iterator

    from web.pages.paper import Paper
    from web.pages.upload_room import UploadRoom
    from web.pages.visitors import Doorman

_SHOWN: Final = 50
_IN_MEMORY_BYTES: Final = 1024 * 1024
"""A file that is longer goes to the disk while it arrives."""
_OCTETS: Final = "application/octet-stream"

Names = Annotated[Literal["out", "kept"], Query()]
Read = Annotated[Literal["no", "please"], Query()]
View = Annotated[PictureView, Query()]


@dataclass(frozen=True, kw_only=True)
class _Desk:
    """Takes files, as many as one account may send."""

    room: UploadRoom
    doorman: Doorman
    _limiter: MovingWindowRateLimiter = field(default_factory=lambda: MovingWindowRateLimiter(MemoryStorage()))

    def admitted(self, request: Request) -> Session:
        """Return who sends a file; refuse what will not be taken before it is sent.

        Raises:
            HTTPException: 403, 413, 415 or 429.
        """
        session = self.doorman.visitor_who_may(Permission.UPLOAD)(request)
        check_csrf(request, session, request.headers.get(CSRF_HEADER, ""))
        if request.headers.get("content-type", "") != _OCTETS:
            raise HTTPException(415, f"a file is sent by itself, as {_OCTETS}")
        self._check_size(int(length) if (length := request.headers.get("content-length", "")).isdecimal() else 0)
        self._check_rate(session)
        return session

    async def received(self, request: Request, file: IO[bytes]) -> int:
        """Write the body into a file; return its size in bytes.

        Raises:
            HTTPException: 413 or 422.
        """
        size = 0
        async for piece in request.stream():
            size += len(piece)
            self._check_size(size)
            await run_in_threadpool(file.write, piece)
        if not size:
            raise HTTPException(422, "The file is empty.")
        return size

    def take(self, request: Request, session: Session, file: IO[bytes], size: int, wish: Wish) -> dict[str, Any]:
        """Take a whole file; return its row.

        Raises:
            HTTPException: 422, it is no film.
        """
        file.seek(0)
        kind = UploadKind.of(file.read(BYTES_THAT_TELL))
        with self._telling(request, session):
            if kind is None:
                raise BadUpload(Refusal.UNKNOWN_KIND)
            study_id = self.room.door.take(file, kind, wish, account=session.account.id)
        new = NewUpload(
            account=session.account.id, study_id=study_id, kind=kind, size_bytes=size, is_to_read=wish.is_to_read
        )
        made = self.room.ledger.find(self.room.ledger.add(new))
        if made is None:
            raise HTTPException(404, "The study was deleted meanwhile.")
        self.doorman.record(request, session, AuditAction.UPLOAD, made.study_uid)
        return row_of(made)

    @contextmanager
    def _telling(self, request: Request, session: Session) -> Iterator[None]:
        """Tell people, and the audit trail, what was not taken."""
        try:
            yield
        except BadUpload as problem:
            self.doorman.record(request, session, AuditAction.UPLOAD, problem.refusal, outcome=AuditOutcome.FAILED)
            raise HTTPException(422, problem.refusal.sentence) from problem

    def _check_size(self, size_bytes: int) -> None:
        if size_bytes > self.room.largest_bytes:
            raise HTTPException(413, f"A file may have {self.room.largest_bytes // 1_000_000} MB; this one has more.")

    def _check_rate(self, session: Session) -> None:
        limit = RateLimitItemPerMinute(self.room.a_minute)
        if not self._limiter.hit(limit, str(session.account.id)):
            seconds = ceil(max(self._limiter.get_window_stats(limit, str(session.account.id)).reset_time - time(), 1))
            text = f"{self.room.a_minute} files a minute are the most; the next may come in {seconds} s."
            raise HTTPException(429, text, headers={"Retry-After": str(seconds)})


def routes(room: UploadRoom, doorman: Doorman, paper: Paper) -> APIRouter:
    """Return what answers at the place where films are uploaded."""
    router = APIRouter(include_in_schema=False)
    check = doorman.visitor_who_may(Permission.UPLOAD)
    desk = _Desk(room=room, doorman=doorman)

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
        session = await run_in_threadpool(desk.admitted, request)
        wish = Wish(removes_names=names == "out", is_to_read=read == "please", view=view)
        with SpooledTemporaryFile(max_size=_IN_MEMORY_BYTES) as file:
            size = await desk.received(request, file)
            row = await run_in_threadpool(desk.take, request, session, file, size, wish)
        return JSONResponse(row, status_code=201)

    return router
