"""Films of this installation that somebody reported, with what was said, for training and judging networks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import text

from db.engine import transaction
from db.studies import film_from_row
from domain.findings import Label

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import date

    from sqlalchemy import Engine

    from domain.film import StoredFilm

_PAGE = 500
# The film that was analysed, of the last result; a final report counts more than what was said on a page.
_REPORTED = text("""
SELECT DISTINCT ON (s.id) s.id AS study_id, s.study_instance_uid, se.series_instance_uid, i.sop_instance_uid,
    i.sop_class_uid, i.digest, i.path, NULL AS deleted_on, a.covid19, a.pneumonia, a.normal
FROM studies AS s JOIN assessments AS a ON a.study_id = s.id
JOIN findings AS f ON f.study_id = s.id AND f.id = (SELECT max(id) FROM findings WHERE study_id = s.id)
JOIN instances AS i ON i.id = f.analysed_instance_id JOIN series AS se ON se.id = i.series_id
WHERE s.id > :behind AND (CAST(:since AS date) IS NULL OR s.received_at >= :since)
AND (cardinality(CAST(:studies AS text[])) = 0 OR s.study_instance_uid = ANY(:studies))
AND NOT EXISTS (
    SELECT FROM film_deletions AS gone
    WHERE gone.instance_id = i.id AND gone.digest = i.digest AND gone.restored_at IS NULL
)
ORDER BY s.id, a.source <> 'ris' LIMIT :page
""")


def reported_films(
    engine: Engine, *, since: date | None, studies: Sequence[str]
) -> Iterator[tuple[StoredFilm, Label | None]]:
    """Yield the analysed film of each study that somebody reported, and the one class that was said to be present.

    Args:
        engine: the database.
        since: the first day of reception; None: all.
        studies: Study Instance UIDs; empty: all.

    Raises:
        Transient: the database is away.
    """
    behind = 0
    while True:
        values = {"behind": behind, "since": since, "studies": list(studies), "page": _PAGE}
        with transaction(engine) as connection:
            rows = connection.execute(_REPORTED, values).all()
        for row in rows:
            present = [label for label in Label if getattr(row, label.lower()) == "present"]
            yield film_from_row(row), present[0] if len(present) == 1 else None
        if len(rows) < _PAGE:
            return
        behind = rows[-1].study_id
