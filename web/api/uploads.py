"""Uploads for programs: a file in, its result out; each account's are its own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Final

from fastapi import Depends, HTTPException, Path, Request, Response
from fastapi.concurrency import run_in_threadpool

from domain.accounts import Permission
from domain.audit import AuditAction
from domain.ids import UploadId
from domain.uploads import PictureView, Wish
from web.api.answer import LARGEST_ID, Invalid, Problem, problems
from web.api.upload_sheet import UploadAnswer, UploadList, UploadResult
from web.pages.upload_counter import OCTETS, Names, Read, View

if TYPE_CHECKING:
    from fastapi import APIRouter

    from domain.delivery import Dispatch
    from domain.uploads import Upload
    from web.api.gate import Gate
    from web.pages.upload_counter import UploadCounter

_SHOWN: Final = 50
_UPLOAD: Final = "/uploads/{number}"
_PDF: Final = "application/pdf"
_BODY: Final = {
    "requestBody": {
        "required": True,
        "description": "One file: DICOM (CR or DX), JPEG or PNG",
        "content": {OCTETS: {"schema": {"type": "string", "format": "binary"}}},
    }
}
_REFUSED: Final = "It is no film, by the sentence in `detail`; or the request does not fit this description"
_TAKING: Final[dict[int | str, dict[str, Any]]] = {
    **problems(404, 413, 415),
    422: {"model": Problem | Invalid, "description": _REFUSED},
}
_PAGES: Final[dict[int | str, dict[str, Any]]] = {
    200: {"description": "Pages", "content": {_PDF: {"schema": {"type": "string", "format": "binary"}}}}
}

Number = Annotated[int, Path(ge=1, le=LARGEST_ID, examples=[5])]


@dataclass(frozen=True, kw_only=True, slots=True)
class _Shelf:
    """Uploads, each for the account that they are of, and for radiologists."""

    counter: UploadCounter
    gate: Gate

    def upload(self, request: Request, number: int) -> Upload:
        """Return an upload.

        Raises:
            HTTPException: 404, there is none that this token may see.
        """
        found = self.counter.room.ledger.find(UploadId(number))
        if found is None or not found.may_be_seen_by(self.gate.token(request)):
            raise HTTPException(404, "there is no such upload")
        return found

    def result(self, request: Request, number: int, action: AuditAction) -> Dispatch:
        """Return the result of an upload; that it is asked for is recorded.

        Raises:
            HTTPException: 404, there is none, or none that this token may see.
        """
        found = self.upload(request, number)
        dispatch = self.counter.room.ledger.result_of(found)
        if dispatch is None:
            raise HTTPException(404, "there is no result yet")
        self.gate.record(request, action, found.study_uid)
        return dispatch


def routes(counter: UploadCounter, gate: Gate) -> APIRouter:
    """Return what answers for uploads."""
    router = gate.router(tag="uploads", permission=None)
    uploads = [Depends(gate.who_may(Permission.UPLOAD))]

    @router.get("/uploads", summary="List the account's last 50 uploads", dependencies=uploads, responses=problems(403))
    def history(request: Request) -> UploadList:
        gate.record(request, AuditAction.SEARCH, "own uploads")
        own = counter.room.ledger.last_of(gate.token(request).account.id, at_most=_SHOWN)
        return UploadList(uploads=[UploadAnswer.of(one) for one in own])

    @router.post(
        "/uploads",
        summary="Upload a film, to be classified at once",
        status_code=201,
        dependencies=uploads,
        responses={**problems(403), **_TAKING},
        openapi_extra=_BODY,
    )
    async def take(
        request: Request, names: Names = "out", read: Read = "no", view: View = PictureView.PA
    ) -> UploadAnswer:
        token = gate.token(request)
        await run_in_threadpool(counter.check, request, token)
        wish = Wish(removes_names=names == "out", is_to_read=read == "please", view=view)
        return UploadAnswer.of(await counter.taken(request, token, wish))

    _results(router, _Shelf(counter=counter, gate=gate))
    return router


def _results(router: APIRouter, shelf: _Shelf) -> None:
    room = shelf.counter.room

    @router.get(_UPLOAD, summary="See how far an upload is", responses=problems(404))
    def show(request: Request, number: Number) -> UploadAnswer:
        return UploadAnswer.of(shelf.upload(request, number))

    @router.get(f"{_UPLOAD}/result", summary="See the result of an upload", responses=problems(404))
    def result(request: Request, number: Number) -> UploadResult:
        dispatch = shelf.result(request, number, AuditAction.VIEW)
        return UploadResult.of(dispatch, room.words(dispatch))

    @router.get(
        f"{_UPLOAD}/report.pdf",
        summary="Take the printable report of an upload away",
        response_class=Response,
        responses={**_PAGES, **problems(404)},
    )
    def pages(request: Request, number: Number) -> Response:
        dispatch = shelf.result(request, number, AuditAction.EXPORT)
        headers = {"Content-Disposition": f'attachment; filename="hilum-result-{number}.pdf"'}
        return Response(room.typesetter.pages(dispatch), media_type=_PDF, headers=headers)
