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
