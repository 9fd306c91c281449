"""Which contents of films are gone on purpose, in SQL."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sqlalchemy import func, select

from db.retention_tables import FilmDeletionRow
from db.tables import Instance

if TYPE_CHECKING:
    from sqlalchemy import ScalarSelect, SQLColumnExpression

IS_GONE: Final = """EXISTS (
    SELECT FROM film_deletions AS gone
    WHERE gone.instance_id = {instance} AND gone.digest = {digest} AND gone.restored_at IS NULL
)"""
"""A condition on a content, to be filled in with an instance's number and a digest."""
CONTENTS: Final = """
    SELECT i.id AS instance_id, i.digest, i.size_bytes, i.path FROM series AS se
    JOIN instances AS i ON i.series_id = se.id WHERE se.study_id = s.id
    UNION ALL
    SELECT c.instance_id, c.digest, c.size_bytes, c.path FROM series AS se
    JOIN instances AS i ON i.series_id = se.id JOIN conflicts AS c ON c.instance_id = i.id
    WHERE se.study_id = s.id AND c.path IS NOT NULL
"""
"""All files of a study `s`."""
_IS_CONTENT_GONE = IS_GONE.format(instance="content.instance_id", digest="content.digest")
HAS_FILES: Final = f"""EXISTS (
    SELECT FROM ({CONTENTS}) AS content WHERE NOT {_IS_CONTENT_GONE}
)"""
"""Whether there is a file of a study `s` in the store."""


def deleted_on(digest: SQLColumnExpression[str] = Instance.digest) -> ScalarSelect[str]:
    """Return the date on which a content of an instance was deleted, as YYYY-MM-DD; null: it is here."""
    return (
        select(func.to_char(FilmDeletionRow.deleted_at, "YYYY-MM-DD"))
        .where(
            FilmDeletionRow.instance_id == Instance.id,
            FilmDeletionRow.digest == digest,
            FilmDeletionRow.restored_at.is_(None),
        )
        .scalar_subquery()
    )
