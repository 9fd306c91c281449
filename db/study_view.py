"""A study as a person looks at it, from the tables as they are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import select, text

from db.engine import transaction
from db.ledger import ledger
from db.outbox import dispatch_of
from db.studies import film_from_row, film_rows
from db.tables import FindingsRow, Instance, Study
from db.verdicts import VERDICT
from db.worklist_tables import StudyIdentityRow
from domain.assessment import Assessment, Basis, Source
from domain.delivery import ResultObject
from domain.findings import Label, Verdict
from domain.ids import StudyId, StudyUid
from domain.report_phrases import Statement
from domain.study_view import (
    AssessmentOnView,
    DeliveryOnView,
    FilmOnView,
    Prior,
    ResultOnView,
    Step,
    StudyView,
)
from domain.subject import StudyIdentity

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine

    from db.ledger import StudyLedger
    from domain.delivery import Dispatch

_MOST_RESULTS = 50
_IDENTITY = [column for column in StudyIdentityRow.__table__.columns if column.name != "study_id"]
_PRIORS = text(f"""
SELECT other.study_id, studies.received_at, other.study_date, other.study_description AS description,
    (
        SELECT {VERDICT} FROM findings WHERE findings.study_id = other.study_id ORDER BY findings.id DESC LIMIT 1
    ) AS verdict
FROM study_identities AS own
JOIN study_identities AS other ON other.patient_id = own.patient_id AND other.study_id <> own.study_id
    AND other.issuer_of_patient_id = own.issuer_of_patient_id
JOIN studies ON studies.id = other.study_id
WHERE own.study_id = :study AND own.patient_id <> ''
ORDER BY other.study_date DESC, studies.received_at DESC LIMIT 50
""")  # noqa: S608 - a constant
_ASSESSMENTS = text("""
SELECT source, assessor, covid19, pneumonia, normal, basis, reported_at, comment
FROM assessments WHERE study_id = :study ORDER BY received_at
""")
_ASSESS = text(f"""
INSERT INTO assessments (study_id, source, assessor, covid19, pneumonia, normal, basis, comment)
VALUES (:study, '{Source.PAGE}', :assessor, :covid19, :pneumonia, :normal, '{Basis.PERSON}', :comment)
ON CONFLICT (study_id, source) DO UPDATE SET
    assessor = excluded.assessor, covid19 = excluded.covid19, pneumonia = excluded.pneumonia,
    normal = excluded.normal, basis = excluded.basis, comment = excluded.comment, is_correction = true,
    reported_at = excluded.reported_at, received_at = excluded.received_at
""")  # noqa: S608 - constants


class PostgresStudyViews:
    """Implements `domain.study_view.StudyViews`."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def find(self, study_id: StudyId) -> StudyView | None:
        """Return a study by its number; None where there is none."""
        with transaction(self._engine) as connection:
            identity = _identity(connection, study_id)
            if identity is None:
                return None
            dispatches = _dispatches(connection, study_id)
            films = _films(connection, study_id, dispatches)
            priors = connection.execute(_PRIORS, {"study": study_id}).mappings().all()
            assessments = _assessments(connection, study_id)
        study_uid, whom = identity
        way = ledger(self._engine, study_uid)
        return StudyView(
            study_id=study_id,
            study_uid=study_uid,
            identity=whom,
            films=films,
            results=tuple(_result(dispatch, films) for dispatch in dispatches),
            priors=tuple(_prior(row) for row in priors),
            deliveries=() if way is None else _deliveries(way),
            assessments=assessments,
            steps=() if way is None else _steps(way),
        )

    def assess(self, study_id: StudyId, assessment: Assessment, *, assessor: str, comment: str) -> None:
        """Keep what a person says of a study, in place of what was said on a page before."""
        said = {label.lower(): str(statement) for label, statement in assessment.statements.items()}
        with transaction(self._engine) as connection:
            connection.execute(_ASSESS, {"study": study_id, "assessor": assessor, "comment": comment, **said})


def _identity(connection: Connection, study_id: StudyId) -> tuple[StudyUid, StudyIdentity] | None:
    row = connection.execute(
        select(Study.study_instance_uid, *_IDENTITY)
        .outerjoin(StudyIdentityRow, StudyIdentityRow.study_id == Study.id)
        .where(Study.id == study_id)
    ).one_or_none()
    if row is None:
        return None
    values = {column.name: getattr(row, column.name) or "" for column in _IDENTITY}
    return StudyUid(row.study_instance_uid), StudyIdentity(**values)


def _dispatches(connection: Connection, study_id: StudyId) -> list[Dispatch]:
    """Return the study's results, the last one first."""
    query = (
        select(FindingsRow.id)
        .where(FindingsRow.study_id == study_id)
        .order_by(FindingsRow.id.desc())
        .limit(_MOST_RESULTS)
    )
    return [
        dispatch_of(connection, findings_id, peer="", told_as=ResultObject.REPORT)
        for findings_id in connection.execute(query).scalars().all()
    ]


def _films(connection: Connection, study_id: StudyId, dispatches: list[Dispatch]) -> tuple[FilmOnView, ...]:
    query = (
        film_rows()
        .add_columns(Instance.received_at, Instance.calling_ae_title)
        .where(Study.id == study_id)
        .order_by(Instance.id)
    )
    seen = {uid: header for dispatch in reversed(dispatches) for uid, header in dispatch.seen.items()}
    films = []
    for number, row in enumerate(connection.execute(query), start=1):
        film = film_from_row(row)
        header = seen.get(film.sop_instance_uid)
        films.append(
            FilmOnView(
                number=number,
                film=film,
                received_at=row.received_at,
                source=row.calling_ae_title,
                view=None if header is None else header.view,
                unsuitable=None if header is None else header.unsuitable,
            )
        )
    return tuple(films)


def _result(dispatch: Dispatch, films: tuple[FilmOnView, ...]) -> ResultOnView:
    analysed = dispatch.findings.analysed
    numbers = {(film.film.sop_instance_uid, film.film.digest): film.number for film in films}
    return ResultOnView(
        findings=dispatch.findings,
        made_at=dispatch.made_at,
        number=None if analysed is None else numbers.get((analysed.sop_instance_uid, analysed.digest)),
    )


def _prior(row: Any) -> Prior:  # noqa: ANN401 - a row of `_PRIORS`
    verdict = None if row["verdict"] is None else Verdict(row["verdict"])
    return Prior(**{**row, "study_id": StudyId(row["study_id"]), "verdict": verdict})


def _assessments(connection: Connection, study_id: StudyId) -> tuple[AssessmentOnView, ...]:
    return tuple(
        AssessmentOnView(
            source=Source(row.source),
            assessor=row.assessor,
            assessment=Assessment(
                statements={label: Statement(getattr(row, label.lower())) for label in Label}, basis=Basis(row.basis)
            ),
            reported_at=row.reported_at,
            comment=row.comment,
        )
        for row in connection.execute(_ASSESSMENTS, {"study": study_id})
    )


def _deliveries(way: StudyLedger) -> tuple[DeliveryOnView, ...]:
    return tuple(
        DeliveryOnView(
            peer=one.peer,
            object=one.object,
            state=one.state,
            attempts=one.attempts,
            reason=one.reason,
            at=one.committed_at or one.accepted_at,
        )
        for one in way.deliveries
    )


def _steps(way: StudyLedger) -> tuple[Step, ...]:
    return tuple(Step(at=one.at, event=one.event, who=one.who, what=one.what, detail=one.detail) for one in way.entries)
