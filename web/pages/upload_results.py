"""The result of an upload: on a page, on paper, as a PDF; for whoever uploaded it, and for radiologists."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from fastapi import APIRouter, HTTPException, Request, Response
from fastapi.responses import JSONResponse

from domain.accounts import Permission, Session
from domain.audit import AuditAction
from domain.errors import Crashed, Permanent, Unforeseen
from domain.ids import UploadId
from domain.knowledge import HEADINGS, NOTICES, Audience
from web.pages.upload_words import STATES, row_of

if TYPE_CHECKING:
    from domain.delivery import Dispatch
    from domain.film import StoredFilm
    from domain.uploads import Upload
    from web.pages.paper import Paper
    from web.pages.upload_room import UploadRoom
    from web.pages.visitors import Doorman

_AUDIENCES: Final = {Audience.PATIENTS: "In plain words", Audience.CLINICIANS: "For clinicians"}
_PDF: Final = "application/pdf"


@dataclass(frozen=True, kw_only=True)
class _Results:
    """Results of uploads, each for those who may see it."""

    room: UploadRoom
    doorman: Doorman

    def upload(self, request: Request, number: int) -> tuple[Session, Upload]:
        """Return an upload, and who asks for it.

        Raises:
            HTTPException: 404, there is none that this person may see.
        """
        session = self.doorman.visitor()(request)
        found = self.room.ledger.find(UploadId(number))
        if found is None or not found.may_be_seen_by(session):
            raise HTTPException(404, "There is no such upload.")
        return session, found

    def with_result(self, request: Request, number: int, action: AuditAction) -> tuple[Session, Upload, Dispatch]:
        """Return an upload with its result, and who asks for it, which is recorded.

        Raises:
            HTTPException: 404, there is none that this person may see.
        """
        session, found = self.upload(request, number)
        dispatch = self.room.ledger.result_of(found)
        if dispatch is None:
            raise HTTPException(404, "There is no result yet.")
        self.doorman.record(request, session, action, found.study_uid)
        return session, found, dispatch

    def told(self, dispatch: Dispatch) -> dict[str, Any]:
        """Return what a page says of a result."""
        report = self.room.words(dispatch)
        return {
            "report": report,
            "model": dispatch.findings.model,
            "made_at": dispatch.made_at,
            "audiences": _AUDIENCES,
            "headings": HEADINGS,
            "notices": NOTICES,
        }


def routes(room: UploadRoom, doorman: Doorman, paper: Paper) -> APIRouter:
    """Return what answers for the results of uploads."""
    router = APIRouter(prefix="/uploads", include_in_schema=False)
    results = _Results(room=room, doorman=doorman)

    @router.get("/{number:int}")
    def show(request: Request, number: int) -> Response:
        session, found = results.upload(request, number)
        dispatch = room.ledger.result_of(found)
        doorman.record(request, session, AuditAction.VIEW, found.study_uid)
        return paper.page(
            request,
            "upload_result.html",
            session=session,
            upload=found,
            state=STATES[found.state],
            reads=session.account.may(Permission.READ),
            told=None if dispatch is None else results.told(dispatch),
        )

    @router.get("/{number:int}/state")
    def state(request: Request, number: int) -> Response:
        return JSONResponse(row_of(results.upload(request, number)[1]))

    @router.get("/{number:int}/film.png")
    def film(request: Request, number: int) -> Response:
        dispatch = results.with_result(request, number, AuditAction.VIEW)[2]
        try:
            return Response(room.picture(_shown(dispatch)), media_type="image/png")
        except (Permanent, Crashed, Unforeseen) as error:
            raise HTTPException(404, "The film can't be shown.") from error

    @router.get("/{number:int}/report")
    def report(request: Request, number: int) -> Response:
        session, found, dispatch = results.with_result(request, number, AuditAction.EXPORT)
        told = results.told(dispatch)
        return paper.page(request, "upload_report.html", session=session, upload=found, told=told)

    @router.get("/{number:int}/report.pdf")
    def pages(request: Request, number: int) -> Response:
        dispatch = results.with_result(request, number, AuditAction.EXPORT)[2]
        headers = {"Content-Disposition": f'attachment; filename="hilum-result-{number}.pdf"'}
        return Response(room.typesetter.pages(dispatch), media_type=_PDF, headers=headers)

    return router


def _shown(dispatch: Dispatch) -> StoredFilm:
    findings = dispatch.findings
    return findings.analysed or findings.films[0]
