"""What the worker reads and writes of studies: their films, and findings with their outbox."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from sqlalchemy import select, text
from sqlalchemy.dialects.postgresql import insert

from db.deletions import deleted_on
from db.engine import transaction
from db.queue import finish_all, notify
from db.tables import FindingsInstance, FindingsRow, Instance, ModelVersionRow, Series, Study
from db.verdicts import VERDICT
from domain.delivery import ResultObject
from domain.film import StoredFilm
from domain.ids import SeriesUid, SopInstanceUid, StudyId, StudyUid
from domain.jobs import JobKind, deliver_lane
from domain.worklist import SUGGESTED

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from sqlalchemy import Connection, Engine, Row, Select, SQLColumnExpression

    from domain.delivery import Route
    from domain.findings import Examination, Findings, ModelVersion
    from domain.ids import JobId
    from domain.jobs import Job

_SUGGESTED = json.dumps({verdict.value: int(priority) for verdict, priority in SUGGESTED.items()})
_SEND = text(f"""
WITH routes AS (
    SELECT * FROM jsonb_to_recordset(CAST(:routes AS jsonb)) AS route (
        peer text, object text, place int, needs_film boolean, lane text,
        senders text[], priorities bigint[], verdicts text[], instead text, patience interval
    )
),
results AS (
    SELECT findings.id, findings.study_id, studies.priority, {VERDICT} AS verdict,
        analysed_instance_id IS NOT NULL AS has_film
    FROM findings JOIN studies ON studies.id = study_id WHERE findings.id = ANY(:findings)
),
to_read AS (  -- in the order in which the node locks studies, so that neither waits for the other in a ring
    SELECT workitems.id, coalesce((CAST(:suggested AS jsonb)->>verdict)::bigint, suggested) AS level
    FROM workitems JOIN results USING (study_id) JOIN studies ON studies.id = study_id
    WHERE state = 'SCHEDULED' ORDER BY study_instance_uid FOR UPDATE OF workitems
),
suggested AS (
    UPDATE workitems SET suggested = least(suggested, level), priority = least(priority, level), modified_at = now()
    FROM to_read WHERE workitems.id = to_read.id
),
sent AS (
    INSERT INTO deliveries (findings_id, peer, object, instead, instead_at)
    SELECT DISTINCT ON (results.id, peer, place) results.id, peer, object, instead, now() + patience
    FROM results CROSS JOIN routes
    WHERE (has_film OR NOT needs_film) AND (
        (priorities IS NULL OR priority = ANY(priorities))
        AND (verdicts IS NULL OR verdict = ANY(verdicts))
        AND (senders IS NULL OR EXISTS (
            SELECT FROM instances JOIN series ON series.id = series_id
            WHERE series.study_id = results.study_id AND calling_ae_title = ANY(senders)
        ))
        OR EXISTS (
            SELECT FROM findings AS earlier JOIN deliveries AS told ON told.findings_id = earlier.id
            WHERE earlier.study_id = results.study_id AND earlier.id < results.id
            AND told.peer = routes.peer AND told.object = routes.object
        )
    )
    ORDER BY results.id, peer, place, patience
    RETURNING id, findings_id, peer, object
)
INSERT INTO jobs (kind, lane, subject_id, priority)
SELECT :kind, lanes.lane, sent.id, results.priority
FROM sent JOIN (SELECT DISTINCT peer, lane FROM routes) AS lanes USING (peer) JOIN results ON results.id = findings_id
ORDER BY sent.id
RETURNING lane
""")  # noqa: S608 - constants


class PostgresStudies:
    """Films and findings; each new result goes along the routes that apply to it and into the reading worklist."""

    def __init__(self, engine: Engine, *, routes: Sequence[Route]) -> None:
        self._engine = engine
        self._routes = json.dumps([_route_row(route) for route in routes])

    def films(self, study_ids: Sequence[StudyId]) -> dict[StudyId, tuple[StoredFilm, ...]]:
        """Return each study's films that are in the store, in the order of reception; without any it is left out."""
        query = film_rows().where(Study.id.in_(study_ids), deleted_on().is_(None)).order_by(Instance.id)
        found: dict[StudyId, tuple[StoredFilm, ...]] = {}
        with transaction(self._engine) as connection:
            for row in connection.execute(query):
                film = film_from_row(row)
                found[film.study_id] = (*found.get(film.study_id, ()), film)
        return found

    def settle_classified(self, results: Sequence[tuple[Job, Examination]]) -> frozenset[JobId]:
        """Store findings, deliveries and the jobs' ends in one transaction; known findings are not stored twice."""
        with transaction(self._engine) as connection:
            lost = finish_all(connection, [job for job, _ in results])
            examinations = [examination for job, examination in results if job.id not in lost]
            if examinations:
                self._send(connection, _store(connection, examinations))
        return lost

    def _send(self, connection: Connection, findings_ids: Sequence[int]) -> None:
        if not findings_ids:
            return
        values = {
            "findings": list(findings_ids),
            "routes": self._routes,
            "kind": JobKind.DELIVER,
            "suggested": _SUGGESTED,
        }
        for lane in set(connection.execute(_SEND, values).scalars()):
            notify(connection, lane)


def _route_row(route: Route) -> dict[str, object]:
    """Write down a route for the statement; what is null there is met by every study."""
    return {
        "peer": route.peer,
        "object": route.object,
        "place": list(ResultObject).index(route.object),
        "needs_film": route.object.needs_film,
        "lane": deliver_lane(route.peer),
        "senders": sorted(route.senders) or None,
        "priorities": sorted(route.priorities) or None,
        "verdicts": sorted(route.verdicts) or None,
        "instead": route.instead or None,
        "patience": f"{route.patience.total_seconds()} seconds" if route.instead else None,
    }


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
            deleted_on(digest).label("deleted_on"),
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
        deleted_on=row.deleted_on or "",
    )


def _store(connection: Connection, examinations: Sequence[Examination]) -> list[int]:
    """Store findings and what was seen of their films; return the ids of those that are new."""
    # In the order in which the node locks studies: the database tells the readers' list of each, when it commits.
    examinations = sorted(examinations, key=lambda one: one.findings.films[0].study_uid)
    instance_ids = _instance_ids(
        connection, [film for examination in examinations for film in examination.findings.films]
    )
    versions = {model: model_version_id(connection, model) for model in {one.findings.model for one in examinations}}
    rows = [_row(one.findings, instance_ids, versions[one.findings.model]) for one in examinations]
    statement = (
        insert(FindingsRow).values(rows).on_conflict_do_nothing().returning(FindingsRow.id, FindingsRow.study_id)
    )
    new = {row.study_id: row.id for row in connection.execute(statement)}
    films = [
        {
            "findings_id": new[film.study_id],
            "instance_id": instance_ids[film.sop_instance_uid],
            "digest": film.digest,
            "path": film.path,
            "view": examination.films[film.sop_instance_uid].view,
            "unsuitable": examination.films[film.sop_instance_uid].unsuitable,
        }
        for examination in examinations
        for film in examination.findings.films
        if film.study_id in new
    ]
    if films:
        connection.execute(insert(FindingsInstance), films)
    return list(new.values())


def _row(findings: Findings, instance_ids: dict[str, int], model_version_id: int) -> dict[str, Any]:
    analysed = findings.analysed
    return {
        "study_id": findings.films[0].study_id,
        "model_version_id": model_version_id,
        "input_digest": findings.input_digest,
        "outcome": findings.outcome,
        "label": findings.label,
        "probabilities": None if findings.probabilities is None else findings.probabilities.as_dict(),
        "unsuitable": findings.unsuitable,
        "analysed_instance_id": None if analysed is None else instance_ids[analysed.sop_instance_uid],
    }


def _instance_ids(connection: Connection, films: Sequence[StoredFilm]) -> dict[str, int]:
    uids = [film.sop_instance_uid for film in films]
    query = select(Instance.sop_instance_uid, Instance.id).where(Instance.sop_instance_uid.in_(uids))
    return {row.sop_instance_uid: row.id for row in connection.execute(query)}


def model_version_id(connection: Connection, model: ModelVersion) -> int:
    """Return the row of a network, made now if it is new."""
    values = {
        "name": model.name,
        "version": model.version,
        "sha256": model.sha256,
        "undetermined_below": model.undetermined_below,
        "covid19_from": model.covid19_from,
    }
    known = select(ModelVersionRow.id).filter_by(**values)
    found = connection.execute(known).scalar_one_or_none()
    if found is not None:  # but for the first result of a network: an insert would wait for others that do the same
        return found
    connection.execute(insert(ModelVersionRow).values(values).on_conflict_do_nothing())
    return connection.execute(known).scalar_one()
