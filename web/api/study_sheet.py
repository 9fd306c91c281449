"""What a program is told of one study, and how it answers for a person."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Literal, Self

from pydantic import BaseModel, ConfigDict, Field

from domain.assessment import Basis, Source  # noqa: TC001 - pydantic reads them at run time
from domain.film import View  # noqa: TC001 - the same
from domain.findings import DISCLAIMER, Label, Verdict
from domain.report_phrases import Statement
from domain.study_view import LONGEST_COMMENT
from web.api.answer import Answer, Network, Order, Output, Patient, Reason, Words
from web.pages.visitors import PLAIN

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from domain.report_outline import Line
    from domain.study_view import AssessmentOnView, FilmOnView, ResultOnView, StudyView


class Film(Answer):
    """A film of a study, as it is in the store today."""

    number: int = Field(ge=1)
    """In the order of reception."""
    sop_instance_uid: str
    series_instance_uid: str
    received_at: datetime
    sender: str = Field(examples=["XRAY1"])
    """AE title."""
    view: View | None
    """Null: no result has looked at it yet."""
    not_eligible: Reason | None
    """Why it must not be classified."""
    deleted_on: str | None = Field(examples=["2026-11-27"])
    """Date on which its file was deleted, because its time was over; null: it is in the store."""

    @classmethod
    def of(cls, film: FilmOnView) -> Self:
        """Return what is told of a film."""
        return cls(
            number=film.number,
            sop_instance_uid=film.film.sop_instance_uid,
            series_instance_uid=film.film.series_uid,
            received_at=film.received_at,
            sender=film.source,
            view=film.view,
            not_eligible=Reason.of(film.unsuitable),
            deleted_on=film.film.deleted_on or None,
        )


class Result(Answer):
    """A result of a study."""

    made_at: datetime
    """By this an assessment says of which result it is."""
    verdict: Verdict
    label: Label | None
    """The class that is named."""
    summary: str
    """The result in one or two plain sentences."""
    outputs: list[Output]
    not_classified: Reason | None
    film: int | None
    """Number of the film that was analysed; null: there is none, or it has another content today."""
    network: Network

    @classmethod
    def of(cls, result: ResultOnView) -> Self:
        """Return what is told of a result."""
        findings = result.findings
        return cls(
            made_at=result.made_at,
            verdict=findings.verdict,
            label=findings.label,
            summary=findings.summary,
            outputs=Output.all(findings.probabilities, findings.model),
            not_classified=Reason.of(findings.unsuitable),
            film=result.number,
            network=Network.model_validate(findings.model),
        )


class PriorStudy(Answer):
    """Another study of the same patient."""

    study_id: int
    received_at: datetime
    study_date: str = Field(examples=["20251101"])
    """YYYYMMDD, or empty."""
    description: str
    verdict: Verdict | None
    """Of its last result; null: it has none."""


class StudyDelivery(Answer):
    """How one object of a result for one peer stands."""

    peer: str = Field(examples=["pacs"])
    object: str = Field(examples=["report"])
    state: str = Field(examples=["accepted"])
    """queued, trying, held, cancelled, accepted or committed."""
    attempts: int
    reason: str
    at: datetime | None
    """When the peer took it, or said that it keeps it."""


class Said(Answer):
    """What somebody said of a study."""

    source: Source
    """A final report, or an answer on a page or through this API."""
    assessor: str = Field(examples=["ray/viewer"])
    """A login, or a login and the program that answered for it; empty for a final report."""
    basis: Basis
    statements: dict[Label, Statement]
    comment: str
    reported_at: datetime

    @classmethod
    def of(cls, one: AssessmentOnView) -> Self:
        """Return what is told of an assessment."""
        return cls(
            source=one.source,
            assessor=one.assessor,
            basis=one.assessment.basis,
            statements=dict(one.assessment.statements),
            comment=one.comment,
            reported_at=one.reported_at,
        )


class LedgerStep(Answer):
    """A step of the study's way."""

    at: datetime
    event: str = Field(examples=["spooled"])
    who: str
    what: str
    detail: str


class Study(Answer):
    """All that the page of a study shows."""

    id: int = Field(examples=[17])
    study_instance_uid: str
    patient: Patient
    order: Order
    films: list[Film]
    results: list[Result]
    """The last one first: it counts."""
    priors: list[PriorStudy]
    deliveries: list[StudyDelivery]
    assessments: list[Said]
    ledger: list[LedgerStep]

    @classmethod
    def of(cls, view: StudyView) -> Self:
        """Return what is told of a study."""
        return cls(
            id=view.study_id,
            study_instance_uid=view.study_uid,
            patient=Patient.of(view.identity),
            order=Order.model_validate(view.identity),
            films=[Film.of(film) for film in view.films],
            results=[Result.of(result) for result in view.results],
            priors=[PriorStudy.model_validate(one) for one in view.priors],
            deliveries=[StudyDelivery.model_validate(one) for one in view.deliveries],
            assessments=[Said.of(one) for one in view.assessments],
            ledger=[LedgerStep.model_validate(one) for one in view.steps],
        )


class ReportLine(Answer):
    """An item of the structured report."""

    depth: int = Field(ge=0)
    """0 for the document itself."""
    name: str = Field(examples=["Impression"])
    value: str


class StudyReport(Answer):
    """The last report of a study, to read; as DICOM it is below /dicom-web."""

    disclaimer: str
    lines: list[ReportLine]
    """The structured report, item by item."""
    words: Words | None

    @classmethod
    def of(cls, lines: Iterable[Line], words: Words | None) -> Self:
        """Return a report."""
        return cls(disclaimer=DISCLAIMER, lines=[ReportLine.model_validate(line) for line in lines], words=words)


class NewAssessment(BaseModel):
    """What a person says of a study, whose program sends it."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    result: datetime | None = Field(examples=["2026-11-27T10:15:00.123456+00:00"])
    """`made_at` of the result that the person saw; null: there was none."""
    act: Literal["agree", "answer"]
    """Whether the person agrees with the result, or answers class by class."""
    statements: dict[Label, Statement] = Field(
        default={}, examples=[{"COVID19": "absent", "PNEUMONIA": "present", "NORMAL": "absent"}]
    )
    """Of each class, where `act` is `answer`; what is left out is not said."""
    comment: str = Field("", max_length=LONGEST_COMMENT, pattern=PLAIN)

    def said(self) -> Mapping[Label, Statement]:
        """Return what is said of each class."""
        return {label: self.statements.get(label, Statement.NOT_SAID) for label in Label}
