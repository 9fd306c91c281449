"""One study for programs: all of it, its report in words, and what a person says of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final

from fastapi import Depends, HTTPException, Path, Request

from domain.accounts import Permission
from domain.audit import AuditAction
from domain.dicomweb import Place
from domain.ids import StudyId
from domain.knowledge import Topic
from domain.report_outline import outline
from domain.study_view import BadAssessment, agreed, answered
from web.api.answer import LARGEST_ID, Words, problems
from web.api.study_sheet import NewAssessment, Study, StudyReport

if TYPE_CHECKING:
    from fastapi import APIRouter

    from domain.assessment import Assessment
    from domain.study_view import StudyRoom, StudyView
    from web.api.gate import Gate

_STUDY: Final = "/studies/{study_id}"
_OTHER_RESULT: Final = "another result has come meanwhile, or none was meant; look at it, then answer again"

Number = Annotated[int, Path(ge=1, le=LARGEST_ID, examples=[17])]


def routes(room: StudyRoom, gate: Gate) -> APIRouter:
    """Return what answers for a study."""
    router = gate.router(tag="studies", permission=Permission.READ)
    _read(router, room, gate)
    _assess(router, room, gate)
    return router


def _found(room: StudyRoom, study_id: int) -> StudyView:
    view = room.views.find(StudyId(study_id))
    if view is None:
        raise HTTPException(404, "there is no such study")
    return view


def _read(router: APIRouter, room: StudyRoom, gate: Gate) -> None:
    @router.get(_STUDY, summary="See all that is known of a study", responses=problems(404))
    def show(request: Request, study_id: Number) -> Study:
        view = _found(room, study_id)
        gate.record(request, AuditAction.VIEW, view.study_uid)
        return Study.of(view)

    @router.get(f"{_STUDY}/report", summary="Read the last report of a study", responses=problems(404, 410))
    def report(request: Request, study_id: Number) -> StudyReport:
        view = _found(room, study_id)
        gate.record(request, AuditAction.VIEW, f"{view.study_uid} report")
        reports = room.reports.metadata(Place(study_uid=view.study_uid))
        if not reports:
            raise HTTPException(404, "there is no report of this study")
        words = None if view.result is None else Words.of(room.knowledge(Topic.of(view.result.findings)))
        return StudyReport.of(outline(reports[-1]), words)


def _assess(router: APIRouter, room: StudyRoom, gate: Gate) -> None:
    @router.post(
        f"{_STUDY}/assessment",
        summary="Send what a person says of a study",
        description="For programs in which a radiologist looks at a film and answers. The token must have been made "
        "for it (`assess`); the answer is kept under `login/program`, in place of the one before.",
        status_code=204,
        dependencies=[Depends(gate.who_may(Permission.ASSESS))],
        responses=problems(400, 404, 409),
    )
    def assess(request: Request, study_id: Number, given: NewAssessment) -> None:
        view = _found(room, study_id)
        if given.result != (None if view.result is None else view.result.made_at):
            raise HTTPException(409, _OTHER_RESULT)
        try:
            assessment = _assessment(view, given)
        except BadAssessment as error:
            raise HTTPException(400, str(error)) from error
        room.views.assess(view.study_id, assessment, assessor=gate.token(request).actor, comment=given.comment.strip())
        gate.record(request, AuditAction.ASSESS, view.study_uid)


def _assessment(view: StudyView, given: NewAssessment) -> Assessment:
    """Return what was said.

    Raises:
        BadAssessment: it contradicts itself, or there is nothing to agree with.
    """
    if given.act == "answer":
        return answered(given.said(), comment=given.comment)
    if given.statements:
        raise BadAssessment("Who agrees says nothing class by class.")
    if view.result is None or view.result.findings.probabilities is None:
        raise BadAssessment("There is no result to agree with: answer class by class.")
    return agreed(view.result.findings)
