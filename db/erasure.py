"""Erasing all rows about a patient, and the record of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import text

from db.audit import record
from db.deletions import CONTENTS, HAS_FILES
from db.engine import transaction
from db.removal import delete_studies
from db.tables import Table
from domain.audit import AuditAction, AuditEvent
from domain.erasure import Elsewhere, Erased, Holdings
from domain.errors import Transient
from domain.ids import StudyId, StudyUid

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection, Engine

    from domain.erasure import Whom

_STUDIES = text("""
SELECT s.id, s.study_instance_uid AS uid, coalesce(w.issuer_of_patient_id, '') AS issuer,
    coalesce(w.patient_id, '') AS patient
FROM studies AS s LEFT JOIN study_identities AS w ON w.study_id = s.id
WHERE (
    w.patient_id = :patient AND :patient <> ''
    AND w.issuer_of_patient_id = coalesce(CAST(:issuer AS text), w.issuer_of_patient_id)
)
OR s.study_instance_uid = ANY(:uids)
ORDER BY s.study_instance_uid
""")
_DELIVERIES = (
    "SELECT d.* FROM deliveries AS d JOIN findings AS f ON f.id = d.findings_id WHERE f.study_id = ANY(:studies)"
)
_INSTANCES = "SELECT i.* FROM instances AS i JOIN series AS se ON se.id = i.series_id WHERE se.study_id = ANY(:studies)"
_CONFLICTS = f"SELECT c.id FROM conflicts AS c JOIN ({_INSTANCES}) AS i ON i.id = c.instance_id"  # noqa: S608 - constants
# Of requests for storage commitment those that name no other patient's film: others are answered without these films.
_ITS_JOBS = f"""(
    (kind = 'classify' AND subject_id = ANY(:studies))
    OR (kind = 'deliver' AND subject_id IN (SELECT id FROM ({_DELIVERIES}) AS d))
    OR (kind = 'shadow' AND subject_id IN (SELECT id FROM findings WHERE study_id = ANY(:studies)))
    OR (kind = 'commit' AND subject_id IN (
        SELECT c.id FROM commitments AS c JOIN ({_INSTANCES}) AS i
        ON c.referenced @> jsonb_build_array(jsonb_build_array(i.sop_class_uid, i.sop_instance_uid))
        WHERE NOT EXISTS (
            SELECT FROM jsonb_array_elements(c.referenced) AS one
            WHERE one->>1 NOT IN (SELECT sop_instance_uid FROM ({_INSTANCES}) AS i)
        )
    ))
)"""  # noqa: S608 - constants
_COUNTED = {
    "films": _INSTANCES,
    "conflicts": _CONFLICTS,
    "results": "SELECT FROM findings WHERE study_id = ANY(:studies)",
    "deliveries": _DELIVERIES,
    "worklist_items": "SELECT FROM workitems WHERE study_id = ANY(:studies)",
    "assessments": "SELECT FROM assessments WHERE study_id = ANY(:studies)",
    "uploads": "SELECT FROM uploads WHERE study_id = ANY(:studies)",
    "jobs": f"SELECT id FROM jobs WHERE {_ITS_JOBS} UNION ALL SELECT id FROM jobs_archive WHERE {_ITS_JOBS}",  # noqa: S608 - constants
}
_COUNTS = text(
    "SELECT " + ", ".join(f"(SELECT count(*) FROM ({query}) AS q) AS {what}" for what, query in _COUNTED.items())  # noqa: S608 - constants
)
_KEPT = text("""
SELECT study_instance_uid FROM kept_studies JOIN studies ON studies.id = study_id WHERE study_id = ANY(:studies)
""")
_AT_WORK = text(f"SELECT count(*) FROM jobs WHERE state = 'leased' AND {_ITS_JOBS}")  # noqa: S608 - constants
_UNDELIVERED = text(f"""
SELECT count(*) FROM ({_DELIVERIES}) AS d WHERE d.accepted_at IS NULL
AND EXISTS (SELECT FROM jobs WHERE kind = 'deliver' AND subject_id = d.id AND state IN ('waiting', 'leased', 'held'))
""")  # noqa: S608 - constants
_ELSEWHERE = text(f"""
SELECT d.peer, d.object, count(*) AS count, max(d.accepted_at) AS last FROM ({_DELIVERIES}) AS d
WHERE d.accepted_at IS NOT NULL GROUP BY d.peer, d.object ORDER BY d.peer, d.object
""")  # noqa: S608 - constants
_RECORDS = text("SELECT count(*) FROM audit_events WHERE object ~ ANY(:patterns)")

_LOCK = text("SELECT id FROM studies WHERE id = ANY(:studies) ORDER BY study_instance_uid FOR UPDATE")
_CANCEL = text(f"""
UPDATE jobs SET state = 'cancelled', settled_at = now(), reason = 'its patient is erased', reason_class = 'operator'
WHERE state IN ('waiting', 'held') AND {_ITS_JOBS}
""")  # noqa: S608 - constants
_MARK = text(f"""
INSERT INTO film_deletions (instance_id, digest, size_bytes, path, cause)
SELECT content.instance_id, content.digest, content.size_bytes, content.path, 'erasure'
FROM studies AS s CROSS JOIN LATERAL ({CONTENTS}) AS content WHERE s.id = ANY(:studies)
ON CONFLICT (instance_id, digest) WHERE restored_at IS NULL DO NOTHING
""")  # noqa: S608 - constants
_LEFT = text(f"""
SELECT count(*) FROM studies AS s WHERE s.id = ANY(:studies) AND ({HAS_FILES} OR EXISTS (
    SELECT FROM series AS se JOIN instances AS i ON i.series_id = se.id JOIN film_deletions AS d ON d.instance_id = i.id
    WHERE se.study_id = s.id AND d.removed_at IS NULL AND d.restored_at IS NULL
) OR EXISTS (SELECT FROM jobs WHERE state IN ('waiting', 'leased', 'held') AND {_ITS_JOBS}))
""")  # noqa: S608 - constants
_BUSY = "a worker has a study of the patient in hand; try again in a minute"


class PostgresErasure:
    """Implements `domain.erasure.Erasure`."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def find(self, whom: Whom) -> Holdings:
        """Return what there is."""
        values = {"patient": whom.patient_id, "issuer": whom.issuer, "uids": list(whom.study_uids)}
        with transaction(self._engine) as connection:
            rows = connection.execute(_STUDIES, values).all()
            own = {"studies": [row.id for row in rows]}
            patterns = [f"(^|[^0-9.]){row.uid.replace('.', '[.]')}($|[^0-9.])" for row in rows]
            return Holdings(
                studies={StudyId(row.id): StudyUid(row.uid) for row in rows},
                issuers=frozenset(row.issuer for row in rows if row.patient == whom.patient_id),
                counts=dict(connection.execute(_COUNTS, own).mappings().one()),
                kept=frozenset(map(StudyUid, connection.execute(_KEPT, own).scalars())),
                at_work=connection.execute(_AT_WORK, own).scalar_one(),
                undelivered=connection.execute(_UNDELIVERED, own).scalar_one(),
                elsewhere=tuple(Elsewhere(**row) for row in connection.execute(_ELSEWHERE, own).mappings()),
                audit_records=connection.execute(_RECORDS, {"patterns": patterns}).scalar_one(),
            )

    def mark(self, studies: Sequence[StudyId]) -> None:
        """Cancel what is to be done for studies, and mark their films as deleted, in one transaction."""
        with transaction(self._engine) as connection:
            own = _locked(connection, studies)
            connection.execute(_CANCEL, own)
            if connection.execute(_AT_WORK, own).scalar_one():
                raise Transient(_BUSY)
            connection.execute(_MARK, own)

    def finish(self, studies: Sequence[StudyId], *, actor: str, told: str) -> Erased:
        """Delete all rows of studies whose files are gone, and record that, in one transaction."""
        with transaction(self._engine) as connection:
            own = _locked(connection, studies)
            if connection.execute(_LEFT, own).scalar_one():
                raise Transient("a film of the patient came meanwhile, or a backup is being made; erase again")
            delete_studies(connection, own["studies"])
            event = AuditEvent(actor=actor, role="host", action=AuditAction.ERASE, object=told)
            number, digest = record(connection, event)
        return Erased(record=number, hash=digest)

    def sweep(self) -> None:
        """Let the server overwrite what deleted rows have left in its tables' files."""
        with self._engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            for table in Table.metadata.tables:
                connection.execute(text(f"VACUUM {table}"))


def _locked(connection: Connection, studies: Sequence[StudyId]) -> dict[str, list[int]]:
    """Lock studies: whoever brings a film of them waits."""
    return {"studies": list(connection.execute(_LOCK, {"studies": list(studies)}).scalars())}
