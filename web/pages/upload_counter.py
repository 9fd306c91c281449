"""Where files are handed in: one by one, as many and as large as one account may, from a page or a program."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from math import ceil
from tempfile import SpooledTemporaryFile
from time import time
from typing import IO, TYPE_CHECKING, Annotated, Final, Literal

from fastapi import HTTPException, Query, Request
from fastapi.concurrency import run_in_threadpool
from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter

from domain.audit import AuditAction, AuditOutcome
from domain.uploads import BYTES_THAT_TELL, BadUpload, NewUpload, PictureView, Refusal, Upload, UploadKind, Wish

if TYPE_CHECKING:
    from collections.abc import Iterator

    from domain.accounts import Visitor
    from web.pages.upload_room import UploadRoom
    from web.pages.visitors import Doorman

_IN_MEMORY_BYTES: Final = 1024 * 1024
"""A file that is longer goes to the disk while it arrives."""
OCTETS: Final = "application/octet-stream"

Names = Annotated[Literal["out", "kept"], Query()]
Read = Annotated[Literal["no", "please"], Query()]
View = Annotated[PictureView, Query()]


@dataclass(frozen=True, kw_only=True)
class UploadCounter:
    """Takes files, as many as one account may send."""

    room: UploadRoom
    doorman: Doorman
    _limiter: MovingWindowRateLimiter = field(default_factory=lambda: MovingWindowRateLimiter(MemoryStorage()))

    def check(self, request: Request, visitor: Visitor) -> None:
        """Refuse what will not be taken before it is sent.

        Raises:
            HTTPException: 413, 415 or 429.
        """
        if request.headers.get("content-type", "") != OCTETS:
            raise HTTPException(415, f"a file is sent by itself, as {OCTETS}")
        self._check_size(int(length) if (length := request.headers.get("content-length", "")).isdecimal() else 0)
        self._check_rate(visitor)

    async def taken(self, request: Request, visitor: Visitor, wish: Wish) -> Upload:
        """Take the body of a request for a film.

        Raises:
            HTTPException: 413, 422.
        """
        with SpooledTemporaryFile(max_size=_IN_MEMORY_BYTES) as file:
            size = await self._received(request, file)
            return await run_in_threadpool(self._take, request, visitor, file, size, wish)

    async def _received(self, request: Request, file: IO[bytes]) -> int:
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

    def _take(self, request: Request, visitor: Visitor, file: IO[bytes], size: int, wish: Wish) -> Upload:
        """Take a whole file.

        Raises:
            HTTPException: 422, it is no film.
        """
        file.seek(0)
        kind = UploadKind.of(file.read(BYTES_THAT_TELL))
        with self._telling(request, visitor):
            if kind is None:
                raise BadUpload(Refusal.UNKNOWN_KIND)
            study_id = self.room.door.take(file, kind, wish, account=visitor.account.id)
        new = NewUpload(
            account=visitor.account.id, study_id=study_id, kind=kind, size_bytes=size, is_to_read=wish.is_to_read
        )
        made = self.room.ledger.find(self.room.ledger.add(new))
        if made is None:
            raise HTTPException(404, "The study was deleted meanwhile.")
        self.doorman.record(request, visitor, AuditAction.UPLOAD, made.study_uid)
        return made

    @contextmanager
    def _telling(self, request: Request, visitor: Visitor) -> Iterator[None]:
        """Tell people, and the audit trail, what was not taken."""
        try:
            yield
        except BadUpload as problem:
            self.doorman.record(request, visitor, AuditAction.UPLOAD, problem.refusal, outcome=AuditOutcome.FAILED)
            raise HTTPException(422, problem.refusal.sentence) from problem

    def _check_size(self, size_bytes: int) -> None:
        if size_bytes > self.room.largest_bytes:
            raise HTTPException(413, f"A file may have {self.room.largest_bytes // 1_000_000} MB; this one has more.")

    def _check_rate(self, visitor: Visitor) -> None:
        limit = RateLimitItemPerMinute(self.room.a_minute)
        if not self._limiter.hit(limit, str(visitor.account.id)):
            seconds = ceil(max(self._limiter.get_window_stats(limit, str(visitor.account.id)).reset_time - time(), 1))
            text = f"{self.room.a_minute} files a minute are the most; the next may come in {seconds} s."
            raise HTTPException(429, text, headers={"Retry-After": str(seconds)})
