"""Deleting all rows of studies: what is left of them is nowhere in the database but in the audit trail."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection

_DELIVERIES = (
    "SELECT d.id FROM deliveries AS d JOIN findings AS f ON f.id = d.findings_id WHERE f.study_id = ANY(:studies)"
)
_INSTANCES = (
    "SELECT i.id FROM instances AS i JOIN series AS se ON se.id = i.series_id WHERE se.study_id = ANY(:studies)"
)
_ITS_JOBS = f"""(kind = 'classify' AND subject_id = ANY(:studies))
    OR (kind = 'deliver' AND subject_id IN ({_DELIVERIES}))
    OR (kind = 'shadow' AND subject_id IN (SELECT id FROM findings WHERE study_id = ANY(:studies)))
"""  # noqa: S608 - constants
# Requests for storage commitment name films of several patients: what names these studies' films is taken out of them.
_COMMITMENTS = f"""
WITH mine AS MATERIALIZED (
    SELECT jsonb_build_array(i.sop_class_uid, i.sop_instance_uid) AS one FROM instances AS i
    WHERE i.id IN ({_INSTANCES})
)
UPDATE commitments AS c SET referenced = (
    SELECT coalesce(jsonb_agg(element), '[]'::jsonb) FROM jsonb_array_elements(c.referenced) AS element
    WHERE element->>1 NOT IN (SELECT one->>1 FROM mine)
)
WHERE EXISTS (SELECT FROM mine WHERE c.referenced @> jsonb_build_array(one))
"""  # noqa: S608 - constants
_STATEMENTS = tuple(
    text(statement)
    for statement in (
        f"DELETE FROM jobs WHERE {_ITS_JOBS}",  # noqa: S608 - a constant; its history goes with it
        f"DELETE FROM jobs_archive WHERE {_ITS_JOBS}",  # noqa: S608 - the same
        _COMMITMENTS,
        f"DELETE FROM deliveries WHERE id IN ({_DELIVERIES})",  # noqa: S608 - constants
        "DELETE FROM findings_instances WHERE findings_id IN (SELECT id FROM findings WHERE study_id = ANY(:studies))",
        "DELETE FROM findings WHERE study_id = ANY(:studies)",
        f"DELETE FROM conflicts WHERE instance_id IN ({_INSTANCES})",  # noqa: S608 - constants
        """DELETE FROM gaps AS g USING studies AS s
        WHERE g.study_instance_uid = s.study_instance_uid AND s.id = ANY(:studies)""",
        f"DELETE FROM instances WHERE id IN ({_INSTANCES})",  # noqa: S608 - constants
        "DELETE FROM series WHERE study_id = ANY(:studies)",
        """WITH said AS (DELETE FROM assessments WHERE study_id = ANY(:studies) RETURNING message_id)
        DELETE FROM report_messages AS m WHERE m.id IN (SELECT message_id FROM said)
        AND NOT EXISTS (SELECT FROM assessments WHERE message_id = m.id AND NOT study_id = ANY(:studies))""",
        "DELETE FROM studies WHERE id = ANY(:studies)",  # the rest goes with them
    )
)
_EMPTY = (
    text("""
    WITH empty AS (
        DELETE FROM commitments AS c WHERE c.referenced = '[]'::jsonb AND NOT EXISTS (
            SELECT FROM jobs WHERE kind = 'commit' AND subject_id = c.id AND state IN ('waiting', 'leased')
        )
        RETURNING id
    )
    DELETE FROM jobs WHERE kind = 'commit' AND subject_id IN (SELECT id FROM empty)
    """),
    text("""
    DELETE FROM confirmations AS c
    WHERE c.answered_at IS NOT NULL AND NOT EXISTS (SELECT FROM deliveries WHERE confirmation_id = c.id)
    """),
)
"""Of requests of both kinds, those in which nothing is left."""


def delete_studies(connection: Connection, studies: Sequence[int]) -> None:
    """Delete all rows of studies, whose files are gone; they are locked, and no job of theirs is at work."""
    for statement in _STATEMENTS:
        connection.execute(statement, {"studies": list(studies)})
    for statement in _EMPTY:
        connection.execute(statement)
