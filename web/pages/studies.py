"""One study: its films to look at, its results, what to know about them, and what a person says of them."""

from __future__ import annotations

from collections import deque
from http import HTTPStatus
from typing import TYPE_CHECKING, Annotated, Final, TypeVar

from fastapi import APIRouter, Form, HTTPException, Request, Response
from fastapi.responses import RedirectResponse
from pydantic import BaseModel, Field

from domain.accounts import Permission
from domain.audit import AuditAction
from domain.dicomweb import Place
from domain.errors import Deleted, HilumError, Transient
from domain.findings import Label
from domain.ids import StudyId
from domain.report_outline import outline
from domain.report_phrases import Statement
from domain.study_view import LONGEST_COMMENT, BadAssessment, agreed, answered
from web.pages.study_sheet import LABELS, STATEMENTS, Draft, mark_of, sheet_of
from web.pages.visitors import PLAIN, NotLoggedIn, check_origin, is_own_form

if TYPE_CHECKING:
    from collections.abc import Callable

    from domain.accounts import Session
    from domain.assessment import Assessment
    from domain.study_view import FilmOnView, StudyRoom, StudyView
    from web.pages.paper import Paper
    from web.pages.visitors import Doorman

_Made = TypeVar("_Made")

_SEE_OTHER: Final = 303
_RETRY: Final = {"Retry-After": "10"}
_HIGHEST_ID: Final = 2**63 - 1
_STUDY: Final = "/studies/{study_id:int}"
_PRIVATE: Final = {"Cache-Control": "private, no-store"}
_OTHER_NETWORK: Final = (
    "Another network is at work now than the one that made this result: it would have other reasons."
)
_OTHER_FILM: Final = "The result does not rest on this film as it is today; there is no map of it."
_OTHER_LOGIN: Final = "You logged in anew meanwhile, and nothing was saved. What you wrote is still here: answer again."
_OTHER_RESULT: Final = "Another result has come meanwhile. Look at it, then answer again."


class _Answer(BaseModel):
    """The form in which somebody assesses a study."""

    csrf: str = Field(max_length=64)
    act: str = Field(max_length=64)
    mark: str = Field("", max_length=64)
    """Which result was on the page."""
    covid19: str = Field(Statement.NOT_SAID, max_length=64)
    pneumonia: str = Field(Statement.NOT_SAID, max_length=64)
    normal: str = Field(Statement.NOT_SAID, max_length=64)
    comment: str = Field("", max_length=2 * LONGEST_COMMENT, pattern=PLAIN)  # line breaks come as two characters

    @property
    def draft(self) -> Draft:
        """What somebody said."""
        said = {Label.COVID19: self.covid19, Label.PNEUMONIA: self.pneumonia, Label.NORMAL: self.normal}
        return Draft(said=said, comment=self.comment.replace("\r\n", "\n").strip()[:LONGEST_COMMENT])


def routes(room: StudyRoom, doorman: Doorman, paper: Paper) -> APIRouter:
    """Return what answers for a study."""
    router = APIRouter(include_in_schema=False)
    find = _finder(room)
    _show(router, room, doorman, paper, find)
    _films(router, room, doorman, find)
    _reports(router, room, doorman, paper, find)
    return router


def _finder(room: StudyRoom) -> Callable[[int], StudyView]:
    def find(study_id: int) -> StudyView:
        view = room.views.find(StudyId(study_id)) if study_id <= _HIGHEST_ID else None
        if view is None:
            raise HTTPException(404, "there is no such study")
        return view

    return find


def _show(router: APIRouter, room: StudyRoom, doorman: Doorman, paper: Paper, find: Callable[[int], StudyView]) -> None:
    may_read = doorman.visitor_who_may(Permission.READ)
    may_assess = doorman.visitor_who_may(Permission.ASSESS)

    def shown(
        request: Request,
        session: Session,
        view: StudyView,
        *,
        status: int = 200,
        problem: str = "",
        draft: Draft | None = None,
    ) -> Response:
        doorman.record(request, session, AuditAction.VIEW, view.study_uid)
        return paper.page(
            request,
            "study.html",
            session=session,
            status=status,
            problem=problem,
            may_assess=session.account.may(Permission.ASSESS),
            **sheet_of(view, room, draft),
        )

    @router.get(_STUDY)
    def show(request: Request, study_id: int) -> Response:
        session = may_read(request)
        return shown(request, session, find(study_id))

    def taken(request: Request, study_id: int, form: _Answer) -> Response:
        session, draft = may_assess(request), form.draft
        view = find(study_id)
        if not is_own_form(session, form.csrf):
            return shown(request, session, view, status=403, problem=_OTHER_LOGIN, draft=draft)
        if form.mark != mark_of(view.result):
            return shown(request, session, view, status=409, problem=_OTHER_RESULT, draft=draft)
        try:
            assessment = _assessment(view, form.act, draft)
        except BadAssessment as error:
            return shown(request, session, view, status=400, problem=str(error), draft=draft)
        room.views.assess(view.study_id, assessment, assessor=session.account.login, comment=draft.comment)
        doorman.record(request, session, AuditAction.ASSESS, view.study_uid)
        return RedirectResponse(f"/studies/{study_id}#assessment", _SEE_OTHER)

    @router.post(f"{_STUDY}/assessment")
    def assess(request: Request, study_id: int, form: Annotated[_Answer, Form()]) -> Response:
        check_origin(request)
        try:
            return taken(request, study_id, form)
        except NotLoggedIn:
            return _unsaved(request, paper, study_id, form.draft, status=401)
        except Transient:
            page = _unsaved(request, paper, study_id, form.draft, status=503)
            page.headers.update(_RETRY)
            return page


def _unsaved(request: Request, paper: Paper, study_id: int, draft: Draft, *, status: int) -> Response:
    """Give back what somebody wrote in vain, and nothing of the study: the session is over, or the database away."""
    words = {statement.value: text for statement, text in STATEMENTS.items() if statement is not Statement.NOT_SAID}
    said = [f"{LABELS[label]}: {words[word]}" for label, word in draft.said.items() if word in words]
    return paper.page(
        request,
        "study_unsaved.html",
        status=status,
        is_logged_out=status == HTTPStatus.UNAUTHORIZED,
        study_id=study_id,
        said=said,
        comment=draft.comment,
    )


def _assessment(view: StudyView, act: str, draft: Draft) -> Assessment:
    """Return what a form says.

    Raises:
        BadAssessment: it contradicts itself.
    """
    if act == "agree" and view.result is not None and view.result.findings.probabilities is not None:
        return agreed(view.result.findings)
    try:
        return answered({label: Statement(word) for label, word in draft.said.items()}, comment=draft.comment)
    except BadAssessment:
        raise
    except ValueError as error:
        raise HTTPException(400, "there is no such answer") from error


def _films(router: APIRouter, room: StudyRoom, doorman: Doorman, find: Callable[[int], StudyView]) -> None:
    may_read = doorman.visitor_who_may(Permission.READ)

    def film_of(view: StudyView, number: int) -> FilmOnView:
        film = view.film(number)
        if film is None:
            raise HTTPException(404, "there is no such film")
        return film

    @router.get(f"{_STUDY}/films/{{number:int}}/pixels")
    def pixels(request: Request, study_id: int, number: int) -> Response:
        session = may_read(request)
        view = find(study_id)
        film = film_of(view, number)
        _refuse_deleted(film)
        doorman.record(request, session, AuditAction.VIEW, f"{view.study_uid} film {number}")
        plate = _or_why_not(lambda: room.films.plate(film.film))
        rows, columns = plate.levels.shape
        headers = {
            **_PRIVATE,
            "X-Rows": str(rows),
            "X-Columns": str(columns),
            "X-Film-Rows": str(plate.film_shape[0]),
            "X-Film-Columns": str(plate.film_shape[1]),
            "X-Black": f"{plate.scale.black:g}",
            "X-White": f"{plate.scale.white:g}",
            "X-Window-Center": f"{plate.scale.centre:g}",
            "X-Window-Width": f"{plate.scale.width:g}",
        }
        return Response(plate.as_bytes(), media_type="application/octet-stream", headers=headers)

    @router.get(f"{_STUDY}/films/{{number:int}}/map")
    def evidence(request: Request, study_id: int, number: int) -> Response:
        session = may_read(request)
        view = find(study_id)
        _refuse_deleted(film_of(view, number))
        result = view.result
        if result is None or result.number != number:
            raise HTTPException(409, _OTHER_FILM)
        doorman.record(request, session, AuditAction.VIEW, f"{view.study_uid} film {number} map")
        heat = _or_why_not(lambda: room.films.evidence(result.findings))
        if heat is None:
            raise HTTPException(409, _OTHER_NETWORK)
        rows, columns = heat.values.shape
        headers = {**_PRIVATE, "X-Rows": str(rows), "X-Columns": str(columns), "X-Label": LABELS[heat.label]}
        return Response(heat.as_bytes(), media_type="application/octet-stream", headers=headers)


def _refuse_deleted(film: FilmOnView) -> None:
    """Answer 410 for a film that was deleted because its time was over."""
    if film.film.deleted_on:
        raise HTTPException(410, f"The film was deleted here on {film.film.deleted_on}. The result stays.")


def _or_why_not(make: Callable[[], _Made]) -> _Made:
    """Return what is made, or answer 422 with the reason why it can't be."""
    try:
        return make()
    except Transient:
        raise
    except HilumError as error:
        raise HTTPException(422, f"The film can't be shown: {error}") from error


def _or_gone(make: Callable[[], _Made]) -> _Made:
    """Return what is made, or answer 410 where the films that it is made of are deleted."""
    try:
        return make()
    except Deleted as error:
        raise HTTPException(410, f"The report can't be made again: {error}.") from error


def _reports(
    router: APIRouter, room: StudyRoom, doorman: Doorman, paper: Paper, find: Callable[[int], StudyView]
) -> None:
    may_read = doorman.visitor_who_may(Permission.READ)
    nothing = HTTPException(404, "there is no report of this study")

    @router.get(f"{_STUDY}/report")
    def read(request: Request, study_id: int) -> Response:
        session = may_read(request)
        view = find(study_id)
        doorman.record(request, session, AuditAction.VIEW, f"{view.study_uid} report")
        reports = _or_gone(lambda: room.reports.metadata(Place(study_uid=view.study_uid)))
        if not reports:
            raise nothing
        lines = list(outline(reports[-1]))
        return paper.page(request, "study_report.html", session=session, view=view, lines=lines)

    @router.get(f"{_STUDY}/report.dcm")
    def download(request: Request, study_id: int) -> Response:
        session = may_read(request)
        view = find(study_id)
        doorman.record(request, session, AuditAction.EXPORT, f"{view.study_uid} report")
        files = _or_gone(lambda: deque(room.reports.files(Place(study_uid=view.study_uid)), maxlen=1))
        if not files:
            raise nothing
        name = f'attachment; filename="report-{study_id}.dcm"'
        headers = {**_PRIVATE, "Content-Disposition": name}
        return Response(files[0], media_type="application/dicom", headers=headers)
