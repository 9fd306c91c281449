"""Results as others look for them: which studies have some, and all that one study has."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import func, select, tuple_

from db.engine import transaction
from db.outbox import dispatch_of
from db.tables import FindingsRow, Study
from db.worklist_tables import StudyIdentityRow
from domain.delivery import ResultObject
from domain.ids import StudyUid
from domain.results import StudyWithResults
from domain.subject import StudyIdentity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import ColumnElement, Engine, Select

    from domain.delivery import Dispatch
    from domain.results import ResultQuery

_PAGE = 500
_IDENTITY = [column for column in StudyIdentityRow.__table__.columns if column.name != "study_id"]


class PostgresResults:
    """Implements `domain.results.Results`."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def studies(self, query: ResultQuery) -> Iterator[StudyWithResults]:
        """Yield studies with a result, the last received first; a page at a time."""
        place: tuple[Any, ...] | None = None
        while True:
            with transaction(self._engine) as connection:
                rows = connection.execute(_page(query, place)).all()
            for row in rows:
                yield StudyWithResults(
                    study_uid=StudyUid(row.study_instance_uid),
                    identity=StudyIdentity(**{column.name: getattr(row, column.name) or "" for column in _IDENTITY}),
                    results=row.results,
                )
            if len(rows) < _PAGE:
                return
            place = (rows[-1].received_at, rows[-1].id)

    def of_study(self, study_uid: str) -> list[Dispatch]:
        """Return all results of a study, the first one first, as reports for nobody in particular."""
        query = (
            select(FindingsRow.id)
            .join(Study, Study.id == FindingsRow.study_id)
            .where(Study.study_instance_uid == study_uid)
            .order_by(FindingsRow.id)
        )
        with transaction(self._engine) as connection:
            return [
                dispatch_of(connection, findings_id, peer="", told_as=ResultObject.REPORT)
                for findings_id in connection.execute(query).scalars().all()
            ]


def _page(query: ResultQuery, behind: tuple[Any, ...] | None) -> Select[*tuple[Any, ...]]:
    results = select(func.count()).where(FindingsRow.study_id == Study.id).scalar_subquery().label("results")
    order = (Study.received_at, Study.id)
    found = (
        select(Study.id, Study.study_instance_uid, Study.received_at, *_IDENTITY, results)
        .outerjoin(StudyIdentityRow, StudyIdentityRow.study_id == Study.id)
        .where(select(FindingsRow.id).where(FindingsRow.study_id == Study.id).exists(), *_conditions(query))
        .order_by(*(column.desc() for column in order))
        .limit(_PAGE)
    )
    return found if behind is None else found.where(tuple_(*order) < tuple_(*behind))


def _conditions(query: ResultQuery) -> Iterator[ColumnElement[bool]]:
    if query.study_uid:
        yield Study.study_instance_uid == query.study_uid
    if query.accession_number:
        yield StudyIdentityRow.accession_number == query.accession_number
    if query.patient_id:
        yield StudyIdentityRow.patient_id == query.patient_id
