"""Studies that people keep from being deleted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import text

from db.engine import transaction
from domain.ids import StudyUid
from domain.retention import KeptStudy

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Engine

_KEEP = text("""
INSERT INTO kept_studies (study_id, actor, reason)
SELECT id, :actor, :reason FROM studies WHERE study_instance_uid = ANY(:studies) ORDER BY id FOR UPDATE
ON CONFLICT (study_id) DO UPDATE SET actor = excluded.actor, reason = excluded.reason
RETURNING (SELECT study_instance_uid FROM studies WHERE id = study_id)
""")
_LET_GO = text("""
DELETE FROM kept_studies AS k USING studies AS s WHERE s.id = k.study_id AND s.study_instance_uid = ANY(:studies)
RETURNING s.study_instance_uid
""")
_ALL = text("""
SELECT study_instance_uid AS study_uid, since, actor, reason
FROM kept_studies JOIN studies ON studies.id = study_id ORDER BY since, study_id
""")


class KeptStudies:
    """The list of them; each method raises `Transient` while the database is away."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def keep(self, studies: Sequence[str], *, actor: str, reason: str) -> frozenset[StudyUid]:
        """Keep studies from being deleted from now on; return those that are here."""
        with transaction(self._engine) as connection:
            values = {"studies": list(studies), "actor": actor, "reason": reason}
            return frozenset(map(StudyUid, connection.execute(_KEEP, values).scalars()))

    def let_go(self, studies: Sequence[str]) -> frozenset[StudyUid]:
        """Let studies be deleted again; return those that were kept."""
        with transaction(self._engine) as connection:
            return frozenset(map(StudyUid, connection.execute(_LET_GO, {"studies": list(studies)}).scalars()))

    def all(self) -> tuple[KeptStudy, ...]:
        """Return all of them, the one that is kept for longest first."""
        with transaction(self._engine) as connection:
            rows = connection.execute(_ALL).mappings().all()
        return tuple(KeptStudy(**row) for row in rows)
