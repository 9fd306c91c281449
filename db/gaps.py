"""What archives have of the last days that never came here, or that has no result."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import text

from db.engine import transaction
from domain.archive import GapKind

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from sqlalchemy import Engine

    from domain.archive import RemoteStudy

_FORGET = text("DELETE FROM gaps WHERE peer = :peer")
_FIND = text(f"""
WITH there AS (
    SELECT * FROM jsonb_to_recordset(CAST(:studies AS jsonb)) AS one (study text, date text, films text[])
),
compared AS (
    SELECT there.*, studies.id,
        (
            SELECT count(*) FROM unnest(films) AS film (uid)
            WHERE NOT EXISTS (SELECT FROM instances WHERE sop_instance_uid = film.uid)
        ) AS missing,
        EXISTS (SELECT FROM findings WHERE study_id = studies.id) AS has_result,
        EXISTS (
            SELECT FROM jobs WHERE kind = 'classify' AND subject_id = studies.id AND state = 'waiting'
            UNION ALL SELECT FROM jobs WHERE kind = 'classify' AND subject_id = studies.id AND state = 'leased'
        ) AS is_at_work
    FROM there LEFT JOIN studies ON studies.study_instance_uid = there.study
)
INSERT INTO gaps (peer, study_instance_uid, study_date, films, missing, kind)
SELECT :peer, study, date, cardinality(films), missing,
    CASE
        WHEN missing > 0 THEN '{GapKind.MISSING}' WHEN is_at_work THEN '{GapKind.AT_WORK}' ELSE '{GapKind.NO_RESULT}'
    END
FROM compared WHERE missing > 0 OR NOT has_result
""")  # noqa: S608 - constants
_COUNT = text(f"SELECT count(*) FROM gaps WHERE peer = :peer AND kind <> '{GapKind.AT_WORK}'")  # noqa: S608 - the same
_ALL = text("""
SELECT peer, study_instance_uid, study_date, films, missing, kind, found_at FROM gaps
ORDER BY peer, study_date, study_instance_uid
""")


@dataclass(frozen=True, kw_only=True, slots=True)
class Gap:
    """A study of an archive of which something is not here."""

    peer: str
    study_instance_uid: str
    study_date: str
    films: int
    """That the archive has."""
    missing: int
    """That are not here."""
    kind: GapKind
    found_at: datetime


def compare(engine: Engine, peer: str, studies: Iterable[RemoteStudy]) -> int:
    """Write down the gaps of an archive in the place of those before; say how many there are that nobody works on.

    Raises:
        Transient: the database is away.
    """
    there = [{"study": one.study_uid, "date": one.date, "films": list(one.films)} for one in studies]
    with transaction(engine) as connection:
        connection.execute(_FORGET, {"peer": peer})
        connection.execute(_FIND, {"peer": peer, "studies": json.dumps(there)})
        return int(connection.execute(_COUNT, {"peer": peer}).scalar_one())


def gaps(engine: Engine) -> tuple[Gap, ...]:
    """Return what the last comparisons found.

    Raises:
        Transient: the database is away.
    """
    with transaction(engine) as connection:
        rows = connection.execute(_ALL).mappings().all()
    return tuple(Gap(**{**row, "kind": GapKind(row["kind"])}) for row in rows)
