"""The reading worklist in the database: found, claimed, ended, changed, and cleared of what nobody takes."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from sqlalchemy import bindparam, literal_column, select, text, tuple_
from sqlalchemy.dialects.postgresql import JSONB

from db.engine import transaction
from db.tables import Instance, Series, Study
from db.verdicts import VERDICT
from db.worklist_tables import StudyIdentityRow, WorkitemRow
from domain.findings import Verdict
from domain.ids import StudyUid
from domain.subject import StudyIdentity
from domain.worklist import FINAL_STATES, Answer, InputSeries, StepPriority, StepState, Workitem

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import timedelta

    from sqlalchemy import ColumnElement, Connection, Engine, Label, Row, Select

    from domain.worklist import Changes, WorklistQuery

_PAGE = 200
_IDENTITY = [column for column in StudyIdentityRow.__table__.columns if column.name != "study_id"]
_VERDICT: Label[str | None] = literal_column(f"""(
    SELECT {VERDICT} FROM findings WHERE findings.study_id = workitems.study_id ORDER BY findings.id DESC LIMIT 1
)""").label("verdict")  # noqa: S608 - a constant
_IS_READY: Label[bool] = literal_column("""NOT EXISTS (
    SELECT FROM jobs WHERE jobs.kind = 'classify' AND jobs.subject_id = workitems.study_id AND jobs.state = 'waiting'
    AND jobs.reason IS NULL AND jobs.run_after > now()
)""").label("is_ready")
_LOCK = text("SELECT state, transaction_uid, suggested FROM workitems WHERE uid = :uid FOR UPDATE")
_CLAIM = text("""
UPDATE workitems SET state = 'IN PROGRESS', transaction_uid = :transaction_uid, performer = :performer,
    claimed_at = now(), modified_at = now()
WHERE uid = :uid
""")
_END = text("UPDATE workitems SET state = :state, ended_at = now(), modified_at = now() WHERE uid = :uid")
_CHANGE = text("""
UPDATE workitems SET priority = coalesce(:priority, priority), changes = changes || :attributes, modified_at = now()
WHERE uid = :uid
""").bindparams(bindparam("attributes", type_=JSONB))
_EXPIRE = text("""
UPDATE workitems SET state = 'CANCELED', ended_at = now(), modified_at = now(), reason = :reason
WHERE id IN (
    SELECT id FROM workitems WHERE state = 'SCHEDULED' AND expires_at < now()
    ORDER BY id LIMIT :at_most FOR UPDATE SKIP LOCKED
)
""")
_ABANDON = text("""
UPDATE workitems SET state = 'CANCELED', ended_at = now(), modified_at = now(), reason = :reason
WHERE id IN (
    SELECT id FROM workitems WHERE state = 'IN PROGRESS' AND claimed_at < now() - CAST(:patience AS interval)
    ORDER BY id LIMIT :at_most FOR UPDATE SKIP LOCKED
)
RETURNING study_id, priority, suggested
""")
_AGAIN = text("""
INSERT INTO workitems (uid, study_id, priority, suggested, expires_at)
VALUES (:uid, :study_id, :priority, :suggested, now() + CAST(:expire AS interval))
""")
_FORGET = text("""
DELETE FROM workitems WHERE id IN (
    SELECT id FROM workitems WHERE state IN ('COMPLETED', 'CANCELED') AND ended_at < now() - CAST(:keep AS interval)
    ORDER BY id LIMIT :at_most
)
""")


class PostgresWorklist:
    """Implements `domain.worklist_ports.Worklist` and `WorklistUpkeep`."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def search(self, query: WorklistQuery) -> Iterator[Workitem]:
        """Yield what is to be read, the most urgent first, the oldest of these first; a page at a time."""
        place: tuple[Any, ...] | None = None
        while True:
            with transaction(self._engine) as connection:
                rows = connection.execute(_page(query, place)).all()
                inputs = _inputs(connection, [row.study_id for row in rows])
            for row in rows:
                yield _workitem(row, inputs.get(row.study_id, []))
            if len(rows) < _PAGE:
                return
            place = (rows[-1].priority, rows[-1].created_at, rows[-1].id)

    def claim(self, uid: str, *, transaction_uid: str, performer: str) -> Answer:
        """Give an item to whoever asks first."""
        with transaction(self._engine) as connection:
            found = connection.execute(_LOCK, {"uid": uid}).one_or_none()
            if found is None:
                return Answer.UNKNOWN
            if found.state == StepState.IN_PROGRESS:
                return Answer.IN_PROGRESS
            if found.state in FINAL_STATES:
                return Answer.FINAL
            values = {"uid": uid, "transaction_uid": transaction_uid, "performer": performer}
            connection.execute(_CLAIM, values)
        return Answer.DONE

    def end(self, uid: str, *, transaction_uid: str, state: StepState) -> Answer:
        """Complete or cancel an item for whoever claimed it."""
        with transaction(self._engine) as connection:
            found = connection.execute(_LOCK, {"uid": uid}).one_or_none()
            refusal = _refusal(found, transaction_uid, state)
            if refusal is None:
                connection.execute(_END, {"uid": uid, "state": state})
        return refusal or Answer.DONE

    def change(self, uid: str, changes: Changes, *, transaction_uid: str) -> Answer:
        """Change an item that nobody has claimed, or one's own; it never gets less urgent than was suggested."""
        with transaction(self._engine) as connection:
            found = connection.execute(_LOCK, {"uid": uid}).one_or_none()
            if found is None:
                return Answer.UNKNOWN
            if found.state in FINAL_STATES:
                return Answer.FINAL
            if found.state == StepState.IN_PROGRESS and found.transaction_uid != transaction_uid:
                return Answer.WRONG_TRANSACTION
            wanted = changes.priority
            priority = None if wanted is None else min(int(wanted), found.suggested)
            values = {"uid": uid, "priority": priority, "attributes": dict(changes.attributes)}
            connection.execute(_CHANGE, values)
        return Answer.DONE if wanted is None or priority == wanted else Answer.NOT_LOWERED

    def expire(self, *, at_most: int) -> int:
        """Cancel what nobody began to read in time; say how many."""
        with transaction(self._engine) as connection:
            values = {"reason": "nobody began to read it in time", "at_most": at_most}
            return connection.execute(_EXPIRE, values).rowcount

    def take_back(self, *, patience: timedelta, expire: timedelta, at_most: int) -> int:
        """Cancel what was claimed long ago and never ended, and offer each study anew; say how many."""
        values = {"reason": "whoever claimed it never ended it", "patience": patience, "at_most": at_most}
        with transaction(self._engine) as connection:
            rows = connection.execute(_ABANDON, values).mappings().all()
            for row in rows:
                connection.execute(_AGAIN, {**row, "uid": f"2.25.{uuid4().int}", "expire": expire})  # PS3.5 B.2
        return len(rows)

    def forget(self, *, keep: timedelta, at_most: int) -> int:
        """Delete what ended long ago; say how many."""
        with transaction(self._engine) as connection:
            return connection.execute(_FORGET, {"keep": keep, "at_most": at_most}).rowcount


def _refusal(found: Row[*tuple[Any, ...]] | None, transaction_uid: str, state: StepState) -> Answer | None:
    if found is None:
        return Answer.UNKNOWN
    if found.state == state:
        return Answer.IS_COMPLETED if state is StepState.COMPLETED else Answer.IS_CANCELED
    if found.state in FINAL_STATES:
        return Answer.FINAL
    if found.state == StepState.SCHEDULED:
        return Answer.NOT_IN_PROGRESS
    return None if found.transaction_uid == transaction_uid else Answer.WRONG_TRANSACTION


def _page(query: WorklistQuery, behind: tuple[Any, ...] | None) -> Select[*tuple[Any, ...]]:
    item, order = WorkitemRow, (WorkitemRow.priority, WorkitemRow.created_at, WorkitemRow.id)
    found = (
        select(
            *[column for column in item.__table__.columns if column.name not in {"transaction_uid", "study_id"}],
            item.study_id,
            Study.study_instance_uid,
            *_IDENTITY,
            _VERDICT,
            _IS_READY,
        )
        .join(Study, Study.id == item.study_id)
        .outerjoin(StudyIdentityRow, StudyIdentityRow.study_id == item.study_id)
        .where(*_conditions(query))
        .order_by(*order)
        .limit(_PAGE)
    )
    return found if behind is None else found.where(tuple_(*order) > tuple_(*behind))


def _conditions(query: WorklistQuery) -> Iterator[ColumnElement[bool]]:
    if query.uid:
        yield WorkitemRow.uid == query.uid
    if query.study_uid:
        yield Study.study_instance_uid == query.study_uid
    if query.states:
        yield WorkitemRow.state.in_([state.value for state in query.states])
    if query.priorities:
        yield WorkitemRow.priority.in_([int(priority) for priority in query.priorities])
    if query.accession_number:
        yield StudyIdentityRow.accession_number == query.accession_number
    if query.patient_id:
        yield StudyIdentityRow.patient_id == query.patient_id


def _inputs(connection: Connection, study_ids: Sequence[int]) -> Mapping[int, Sequence[InputSeries]]:
    rows = connection.execute(
        select(
            Series.study_id,
            Series.series_instance_uid,
            Instance.sop_class_uid,
            Instance.sop_instance_uid,
            Instance.calling_ae_title,
        )
        .join(Series, Series.id == Instance.series_id)
        .where(Series.study_id.in_(study_ids))
        .order_by(Series.study_id, Series.id, Instance.id)
    )
    found: dict[int, list[InputSeries]] = {}
    for (study_id, series_uid), group in groupby(rows, key=lambda row: (row.study_id, row.series_instance_uid)):
        films = list(group)
        found.setdefault(study_id, []).append(
            InputSeries(
                series_uid=series_uid,
                instances=[(film.sop_class_uid, film.sop_instance_uid) for film in films],
                source=films[0].calling_ae_title,
            )
        )
    return found


def _workitem(row: Row[*tuple[Any, ...]], inputs: Sequence[InputSeries]) -> Workitem:
    return Workitem(
        uid=row.uid,
        study_uid=StudyUid(row.study_instance_uid),
        identity=StudyIdentity(**{column.name: getattr(row, column.name) or "" for column in _IDENTITY}),
        state=StepState(row.state),
        priority=StepPriority(row.priority),
        suggested=StepPriority(row.suggested),
        verdict=None if row.verdict is None else Verdict(row.verdict),
        is_ready=row.is_ready,
        created_at=row.created_at,
        modified_at=row.modified_at,
        expires_at=row.expires_at,
        performer=row.performer,
        claimed_at=row.claimed_at,
        ended_at=row.ended_at,
        reason=row.reason,
        changes=row.changes,
        inputs=tuple(inputs),
    )
