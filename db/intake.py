"""What the node writes: one received instance, with its study, series and job, in one transaction."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert

from db.engine import transaction
from db.queue import enqueue, postpone
from db.tables import Instance, Series, Study
from domain.film import Reception, Recorded
from domain.ids import StudyId
from domain.jobs import CLASSIFY_LANE, JobKind

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine

    from domain.film import ReceivedInstance


class PostgresIntake:
    """Records received instances."""

    def __init__(self, engine: Engine, *, quiet: timedelta, max_attempts: int) -> None:
        self._engine = engine
        self._quiet = quiet
        self._max_attempts = max_attempts

    def record(self, instance: ReceivedInstance) -> Recorded:
        """Commit the instance's rows and its study's job; a known instance changes nothing."""
        with transaction(self._engine) as connection:
            return _known(connection, instance) or self._add(connection, instance)

    def _add(self, connection: Connection, instance: ReceivedInstance) -> Recorded:
        study_id = _study(connection, instance.study_uid)
        # The study's row is locked now: of two senders of one instance the second one finds it here.
        known = _known(connection, instance)
        if known is not None:
            return known
        series_id = _series(connection, study_id, instance)
        connection.execute(
            insert(Instance).values(
                series_id=series_id,
                sop_instance_uid=instance.sop_instance_uid,
                sop_class_uid=instance.sop_class_uid,
                transfer_syntax_uid=instance.transfer_syntax_uid,
                digest=instance.digest,
                size_bytes=instance.size_bytes,
                path=instance.path,
                calling_ae_title=instance.calling_ae_title,
            )
        )
        self._make_due(connection, study_id)
        return Recorded(reception=Reception.NEW, study_id=StudyId(study_id), path=instance.path)

    def _make_due(self, connection: Connection, study_id: int) -> None:
        if not postpone(connection, JobKind.CLASSIFY, study_id, after=self._quiet):
            enqueue(
                connection,
                JobKind.CLASSIFY,
                CLASSIFY_LANE,
                study_id,
                max_attempts=self._max_attempts,
                after=self._quiet,
            )


def _known(connection: Connection, instance: ReceivedInstance) -> Recorded | None:
    row = connection.execute(
        select(Instance.digest, Instance.path, Series.study_id)
        .join(Series, Series.id == Instance.series_id)
        .where(Instance.sop_instance_uid == instance.sop_instance_uid)
    ).one_or_none()
    if row is None:
        return None
    reception = Reception.DUPLICATE if row.digest == instance.digest else Reception.CONFLICT
    return Recorded(reception=reception, study_id=StudyId(row.study_id), path=row.path)


def _study(connection: Connection, study_uid: str) -> int:
    """Return the study's row, made or found, and lock it."""
    statement = insert(Study).values(study_instance_uid=study_uid)
    statement = statement.on_conflict_do_update(
        index_elements=[Study.study_instance_uid], set_={"last_received_at": func.now()}
    )
    return connection.execute(statement.returning(Study.id)).scalar_one()


def _series(connection: Connection, study_id: int, instance: ReceivedInstance) -> int:
    statement = insert(Series).values(
        study_id=study_id, series_instance_uid=instance.series_uid, modality=instance.modality
    )
    statement = statement.on_conflict_do_update(
        index_elements=[Series.study_id, Series.series_instance_uid], set_={"modality": instance.modality}
    )
    return connection.execute(statement.returning(Series.id)).scalar_one()
