"""What the worker reads and writes of studies: their films, and findings with their outbox."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from db.engine import transaction
from db.queue import enqueue, finish
from db.tables import Delivery, FindingsInstance, FindingsRow, Instance, ModelVersionRow, Series, Study
from domain.film import StoredFilm
from domain.ids import SeriesUid, SopInstanceUid, StudyId, StudyUid
from domain.jobs import JobKind, deliver_lane
from domain.priority import Priority

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from sqlalchemy import Connection, Engine, Row, Select, SQLColumnExpression

    from domain.findings import Examination, ModelVersion
    from domain.jobs import Job


class PostgresStudies:
    """Films and findings; every peer in `receivers` gets a delivery of each new result."""

    def __init__(self, engine: Engine, *, receivers: Sequence[str]) -> None:
        self._engine = engine
        self._receivers = tuple(receivers)

    def films(self, study_id: StudyId) -> tuple[StoredFilm, ...]:
        """Return every film of the study, in the order of reception."""
        with transaction(self._engine) as connection:
            rows = connection.execute(film_rows().where(Study.id == study_id).order_by(Instance.id)).all()
        return tuple(film_from_row(row) for row in rows)

    def settle_classified(self, job: Job, examination: Examination) -> None:
        """Store findings, deliveries and the job's end in one transaction; known findings are not stored twice."""
        with transaction(self._engine) as connection:
            finish(connection, job)
            findings_id = _store(connection, examination)
            if findings_id is not None:
                self._send_to_receivers(connection, findings_id)

    def _send_to_receivers(self, connection: Connection, findings_id: int) -> None:
        urgency = select(Study.priority).join(FindingsRow, FindingsRow.study_id == Study.id)
        priority = Priority(connection.execute(urgency.where(FindingsRow.id == findings_id)).scalar_one())
        for peer in self._receivers:
            delivery = insert(Delivery).values(findings_id=findings_id, peer=peer).returning(Delivery.id)
            delivery_id = connection.execute(delivery).scalar_one()
            enqueue(
                connection,
                JobKind.DELIVER,
                deliver_lane(peer),
                delivery_id,
                max_attempts=None,
                after=timedelta(0),
                priority=priority,
            )


def film_rows(
    *, digest: SQLColumnExpression[str] = Instance.digest, path: SQLColumnExpression[str] = Instance.path
) -> Select[*tuple[Any, ...]]:
    """Select what a stored film is made of: its content of today, or another one."""
    return (
        select(
            Instance.id.label("instance_id"),
            Study.id.label("study_id"),
            Study.study_instance_uid,
            Series.series_instance_uid,
            Instance.sop_instance_uid,
            Instance.sop_class_uid,
            digest.label("digest"),
            path.label("path"),
        )
        .join(Series, Series.id == Instance.series_id)
        .join(Study, Study.id == Series.study_id)
    )


def film_from_row(row: Row[*tuple[Any, ...]]) -> StoredFilm:
    """Make a film of a row of `film_rows`."""
    return StoredFilm(
        study_id=StudyId(row.study_id),
        study_uid=StudyUid(row.study_instance_uid),
        series_uid=SeriesUid(row.series_instance_uid),
        sop_instance_uid=SopInstanceUid(row.sop_instance_uid),
        sop_class_uid=row.sop_class_uid,
        digest=row.digest,
        path=row.path,
    )


def _store(connection: Connection, examination: Examination) -> int | None:
    findings = examination.findings
    instance_ids = _instance_ids(connection, findings.films)
    statement = (
        insert(FindingsRow)
        .values(
            study_id=findings.films[0].study_id,
            model_version_id=_model_version(connection, findings.model),
            input_digest=findings.input_digest,
            outcome=findings.outcome,
            label=findings.label,
            probabilities=None if findings.probabilities is None else findings.probabilities.as_dict(),
            unsuitable=findings.unsuitable,
            analysed_instance_id=(
                None if findings.analysed is None else instance_ids[findings.analysed.sop_instance_uid]
            ),
        )
        .on_conflict_do_nothing()
        .returning(FindingsRow.id)
    )
    findings_id = connection.execute(statement).scalar_one_or_none()
    if findings_id is not None:
        rows = [
            {
                "findings_id": findings_id,
                "instance_id": instance_ids[film.sop_instance_uid],
                "digest": film.digest,
                "path": film.path,
                "view": examination.films[film.sop_instance_uid].view,
                "unsuitable": examination.films[film.sop_instance_uid].unsuitable,
            }
            for film in findings.films
        ]
        connection.execute(insert(FindingsInstance), rows)
    return findings_id


def _instance_ids(connection: Connection, films: Sequence[StoredFilm]) -> dict[str, int]:
    uids = [film.sop_instance_uid for film in films]
    query = select(Instance.sop_instance_uid, Instance.id).where(Instance.sop_instance_uid.in_(uids))
    return {row.sop_instance_uid: row.id for row in connection.execute(query)}


def _model_version(connection: Connection, model: ModelVersion) -> int:
    values = {
        "name": model.name,
        "version": model.version,
        "sha256": model.sha256,
        "undetermined_below": model.undetermined_below,
        "covid19_from": model.covid19_from,
    }
    connection.execute(insert(ModelVersionRow).values(values).on_conflict_do_nothing())
    return connection.execute(select(ModelVersionRow.id).filter_by(**values)).scalar_one()
