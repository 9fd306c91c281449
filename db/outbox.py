"""The outbox: what is to be told to which peer, and the proof that it was."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import func, select, text, update

from db.confirmations import ask_later
from db.delivery_tables import Delivery
from db.engine import transaction
from db.queue import finish, notify
from db.studies import film_from_row, film_rows
from db.tables import FindingsInstance, FindingsRow, Instance, ModelVersionRow
from domain.alarm import Overdue
from domain.delivery import Dispatch, ResultObject
from domain.film import FilmHeader, Unsuitable, View
from domain.findings import Findings, Label, ModelVersion, Outcome, Probabilities
from domain.ids import DeliveryId, SopInstanceUid
from domain.jobs import JobKind, deliver_lane
from domain.priority import Priority

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from datetime import timedelta
    from typing import Any

    from sqlalchemy import Connection, Engine, Row, Select

    from domain.delivery import Proof
    from domain.jobs import Job


_NOT_CANCELLED = """
    NOT EXISTS (SELECT FROM jobs WHERE kind = :kind AND subject_id = d.id AND state = 'cancelled')
    AND NOT EXISTS (SELECT FROM jobs_archive WHERE kind = :kind AND subject_id = d.id AND state = 'cancelled')
"""
_SEND_INSTEAD = text(f"""
WITH late AS (
    SELECT d.id, d.findings_id, d.instead AS peer, d.object FROM deliveries AS d
    WHERE d.accepted_at IS NULL AND d.instead_at <= now()
    AND NOT EXISTS (
        SELECT FROM deliveries AS other
        WHERE other.findings_id = d.findings_id AND other.peer = d.instead AND other.object = d.object
    )
    AND {_NOT_CANCELLED}
    ORDER BY d.instead_at LIMIT :at_most
),
sent AS (
    INSERT INTO deliveries (findings_id, peer, object) SELECT findings_id, peer, object FROM late ORDER BY id
    ON CONFLICT DO NOTHING
    RETURNING id, findings_id, peer
)
INSERT INTO jobs (kind, lane, subject_id, priority)
SELECT :kind, :lanes || peer, sent.id, studies.priority
FROM sent JOIN findings ON findings.id = findings_id JOIN studies ON studies.id = study_id ORDER BY sent.id
RETURNING lane
""")  # noqa: S608 - constants


_OVERDUE = text(f"""
SELECT d.id, d.peer, d.escalated_at IS NULL AS is_untold, extract(epoch FROM now() - d.created_at)::float AS age
FROM deliveries AS d
JOIN findings AS f ON f.id = d.findings_id JOIN studies AS s ON s.id = f.study_id
WHERE d.accepted_at IS NULL AND d.created_at < now() - :older_than
AND (s.priority <= {Priority.HIGH.value} OR (f.outcome = '{Outcome.CLASSIFIED}' AND f.label <> '{Label.NORMAL}'))
AND {_NOT_CANCELLED}
ORDER BY d.id
""")  # noqa: S608 - constants
_TOLD = text("UPDATE deliveries SET escalated_at = now() WHERE id = ANY(:deliveries)")


class PostgresDeliveries:
    """Deliveries and their findings: implements `domain.delivery_ports.Deliveries`, `Fallback`, `Escalations`."""

    def __init__(self, engine: Engine, *, asked: Collection[str] = ()) -> None:
        """Keep deliveries; peers in `asked` are asked later whether they keep what they accepted."""
        self._engine = engine
        self._asked = frozenset(asked)

    def load(self, delivery_id: DeliveryId) -> Dispatch:
        """Return what to tell to whom."""
        with transaction(self._engine) as connection:
            delivery = connection.execute(
                select(Delivery.peer, Delivery.object, Delivery.findings_id).where(Delivery.id == delivery_id)
            ).one()
            return dispatch_of(
                connection, delivery.findings_id, peer=delivery.peer, told_as=ResultObject(delivery.object)
            )

    def settle_delivered(self, job: Job, proof: Proof) -> None:
        """Record that the peer acknowledged the object, and end the job, in one transaction."""
        with transaction(self._engine) as connection:
            finish(connection, job)
            peer = connection.execute(
                update(Delivery)
                .where(Delivery.id == job.subject_id)
                .values(
                    accepted_at=func.now(),
                    dimse_status=proof.status,
                    comment=proof.comment or None,
                    sop_class_uid=proof.sop_class_uid,
                    sop_instance_uid=proof.sop_instance_uid,
                    control_id=proof.control_id,
                )
                .returning(Delivery.peer)
            ).scalar_one()
            if peer in self._asked:
                ask_later(connection, DeliveryId(job.subject_id), peer)

    def send_instead(self, *, at_most: int) -> int:
        """Send objects to their second peers as well whose first ones did not take them in time."""
        values = {"kind": JobKind.DELIVER, "lanes": deliver_lane(""), "at_most": at_most}
        with transaction(self._engine) as connection:
            lanes = connection.execute(_SEND_INSTEAD, values).scalars().all()
            for lane in set(lanes):
                notify(connection, lane)
        return len(lanes)

    def overdue(self, *, older_than: timedelta) -> Overdue:
        """Return what was not taken in time: of urgent studies, and of those in which a disease is named."""
        with transaction(self._engine) as connection:
            rows = connection.execute(_OVERDUE, {"older_than": older_than, "kind": JobKind.DELIVER}).all()
        untold = [row for row in rows if row.is_untold]
        return Overdue(
            untold=tuple(DeliveryId(row.id) for row in untold),
            count=len(rows),
            peers=tuple(sorted({row.peer for row in untold})),
            waiting_for=tuple(sorted({row.peer for row in rows})),
            oldest_seconds=max((row.age for row in rows), default=0.0),
        )

    def told(self, overdue: Overdue) -> None:
        """Write down that somebody was told."""
        with transaction(self._engine) as connection:
            connection.execute(_TOLD, {"deliveries": list(overdue.untold)})


def dispatch_of(connection: Connection, findings_id: int, *, peer: str, told_as: ResultObject) -> Dispatch:
    """Return a result as something to tell somebody, with the result before it."""
    row = connection.execute(_finding_rows().where(FindingsRow.id == findings_id)).one()
    before = connection.execute(
        _finding_rows()
        .where(FindingsRow.study_id == row.study_id, FindingsRow.id < row.id)
        .order_by(FindingsRow.id.desc())
        .limit(1)
    ).one_or_none()
    films = films_of(connection, row.id)
    return Dispatch(
        peer=peer,
        object=told_as,
        findings=_findings(row, films),
        made_at=row.created_at,
        predecessor=None if before is None else _findings(before, films_of(connection, before.id)),
        seen={SopInstanceUid(film.sop_instance_uid): _seen(film) for film in films if film.view},
    )


def _finding_rows() -> Select[*tuple[Any, ...]]:
    """Select what findings are made of, but for their films."""
    return select(
        FindingsRow.id,
        FindingsRow.study_id,
        FindingsRow.created_at,
        FindingsRow.probabilities,
        FindingsRow.unsuitable,
        FindingsRow.analysed_instance_id,
        ModelVersionRow.name,
        ModelVersionRow.version,
        ModelVersionRow.sha256,
        ModelVersionRow.undetermined_below,
        ModelVersionRow.covid19_from,
    ).join(ModelVersionRow, ModelVersionRow.id == FindingsRow.model_version_id)


def films_of(connection: Connection, findings_id: int) -> Sequence[Row[*tuple[Any, ...]]]:
    """Return the rows of the films that findings speak about, with the content that they had then."""
    query = (
        film_rows(
            digest=func.coalesce(FindingsInstance.digest, Instance.digest),
            path=func.coalesce(FindingsInstance.path, Instance.path),
        )
        .add_columns(FindingsInstance.view, FindingsInstance.unsuitable)
        .join(FindingsInstance, FindingsInstance.instance_id == Instance.id)
        .where(FindingsInstance.findings_id == findings_id)
        .order_by(Instance.id)
    )
    return connection.execute(query).all()


def _seen(film: Row[*tuple[Any, ...]]) -> FilmHeader:
    return FilmHeader(view=View(film.view), unsuitable=None if film.unsuitable is None else Unsuitable(film.unsuitable))


def _findings(row: Row[*tuple[Any, ...]], film_rows_of_it: Sequence[Row[*tuple[Any, ...]]]) -> Findings:
    films = {film.instance_id: film_from_row(film) for film in film_rows_of_it}
    probabilities = None
    if row.probabilities is not None:
        probabilities = Probabilities(**{label.lower(): value for label, value in row.probabilities.items()})
    return Findings(
        model=ModelVersion(
            name=row.name,
            version=row.version,
            sha256=row.sha256,
            undetermined_below=row.undetermined_below,
            covid19_from=row.covid19_from,
        ),
        films=tuple(films.values()),
        analysed=None if row.analysed_instance_id is None else films[row.analysed_instance_id],
        probabilities=probabilities,
        unsuitable=None if row.unsuitable is None else Unsuitable(row.unsuitable),
    )
