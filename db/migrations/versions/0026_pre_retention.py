"""Films may be deleted when their time is over: what was deleted is remembered, and studies can be kept from that."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None

# A film that comes again after it was deleted is here again, wherever its file is put this time. The study's row is
# locked first, as by whoever deletes.
_RESTORE_FILM = """
CREATE FUNCTION restore_film(its_id bigint, its_study bigint, given jsonb) RETURNS boolean
LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (
        SELECT FROM film_deletions AS d
        WHERE d.instance_id = its_id AND d.digest = given->>'digest' AND d.restored_at IS NULL
    ) THEN
        RETURN false;
    END IF;
    PERFORM FROM studies AS st WHERE st.id = its_study FOR UPDATE;
    UPDATE film_deletions AS d SET restored_at = now()
    WHERE d.instance_id = its_id AND d.digest = given->>'digest' AND d.restored_at IS NULL;
    IF NOT FOUND THEN  -- another sender of the same was faster
        RETURN true;
    END IF;
    UPDATE instances AS i SET path = given->>'path' WHERE i.id = its_id AND i.digest = given->>'digest';
    UPDATE conflicts AS c SET path = given->>'path'
    WHERE c.instance_id = its_id AND c.digest = given->>'digest' AND c.path IS NOT NULL;
    RETURN true;
END
$$
"""

_KNOWN_CONTENT = "            IF known.digest = given->>'digest' THEN\n"
_RESTORE_KNOWN = """\
                IF restore_film(known.id, known.study_id, given) THEN
                    known.path := given->>'path';
                END IF;
"""
_OTHER_CONTENT = "FROM settle_conflict(known.id, known.study_id, given) AS settled;\n"
_RESTORE_OTHER = """\
                PERFORM restore_film(known.id, known.study_id, given) WHERE EXISTS (
                    SELECT FROM instances AS i WHERE i.id = known.id AND i.digest = given->>'digest'
                    UNION ALL
                    SELECT FROM conflicts AS c
                    WHERE c.instance_id = known.id AND c.digest = given->>'digest' AND c.path IS NOT NULL
                );
"""

_LAST_ENTRY = "    FROM sent WHERE sent.committed_at IS NOT NULL\n"
_LEDGER_ENTRIES = """    UNION ALL
    SELECT se.study_id, d.deleted_at, 11, 'deleted', d.cause, 'film ' || i.sop_instance_uid, 'sha256 ' || d.digest
    FROM film_deletions AS d JOIN instances AS i ON i.id = d.instance_id JOIN series AS se ON se.id = i.series_id
    UNION ALL
    SELECT se.study_id, d.restored_at, 1, 'restored', 'node', 'film ' || i.sop_instance_uid, 'it came again'
    FROM film_deletions AS d JOIN instances AS i ON i.id = d.instance_id JOIN series AS se ON se.id = i.series_id
    WHERE d.restored_at IS NOT NULL
"""


_SENT = (
    "id",
    "findings_id",
    "peer",
    "object",
    "created_at",
    "accepted_at",
    "dimse_status",
    "comment",
    "sop_instance_uid",
    "confirmation_id",
    "committed_at",
)


def upgrade() -> None:
    moment = sa.DateTime(timezone=True)
    op.create_table(
        "film_deletions",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), primary_key=True),
        sa.Column("instance_id", sa.BigInteger(), sa.ForeignKey("instances.id", ondelete="CASCADE"), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("path", sa.String(), nullable=False),
        sa.Column("cause", sa.String(), nullable=False),
        sa.Column("deleted_at", moment, server_default=sa.func.now(), nullable=False),
        sa.Column("removed_at", moment, nullable=True),
        sa.Column("restored_at", moment, nullable=True),
        sa.CheckConstraint("cause IN ('retention', 'make-room', 'erasure')", name="cause_is_known"),
    )
    op.create_index(
        "film_deletions_gone",
        "film_deletions",
        ["instance_id", "digest"],
        unique=True,
        postgresql_where=sa.text("restored_at IS NULL"),
    )
    op.create_index("film_deletions_instance", "film_deletions", ["instance_id"])
    op.create_index(
        "film_deletions_pending",
        "film_deletions",
        ["id"],
        postgresql_where=sa.text("removed_at IS NULL AND restored_at IS NULL"),
    )
    op.create_table(
        "kept_studies",
        sa.Column(
            "study_id",
            sa.BigInteger(),
            sa.ForeignKey("studies.id", ondelete="CASCADE"),
            primary_key=True,
            autoincrement=False,
        ),
        sa.Column("since", moment, server_default=sa.func.now(), nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
    )
    op.execute(_RESTORE_FILM)
    op.execute(_take_instances_and_restore())
    op.execute(_ledger(_LEDGER_ENTRIES))


def downgrade() -> None:
    op.execute(_ledger(""))
    op.execute(_take_instances())
    op.execute("DROP FUNCTION restore_film")
    op.drop_table("kept_studies")
    op.drop_table("film_deletions")


def _take_instances() -> str:
    """Return the function that records films, as it was before."""
    return str(_module("0020")._take_instances_and_tell())  # noqa: SLF001 - a migration is no module for others


def _take_instances_and_restore() -> str:
    """Return the same, with films that come again after their deletion taken as what they are."""
    text = _take_instances()
    for after, added in ((_KNOWN_CONTENT, _RESTORE_KNOWN), (_OTHER_CONTENT, _RESTORE_OTHER)):
        assert text.count(after) == 1, after  # noqa: S101 - the function is the one that this was written for
        text = text.replace(after, after + added)
    return text


def _ledger(entries: str) -> str:
    """Return the view of all steps, with more of them."""
    view = str(_module("0012")._LEDGER)  # noqa: SLF001 - a migration is no module for others
    text = view.replace("CREATE VIEW", "CREATE OR REPLACE VIEW", 1)
    # By name: columns that came later must not depend on the view when they are taken back.
    columns = ", ".join(f"d.{name}" for name in _SENT)
    for before, after in (
        ("SELECT d.*, f.study_id", f"SELECT {columns}, f.study_id"),
        (_LAST_ENTRY, f"{_LAST_ENTRY}{entries}"),
    ):
        assert text.count(before) == 1, before  # noqa: S101 - the view is the one that this was written for
        text = text.replace(before, after)
    return text


def _module(before: str) -> Any:  # noqa: ANN401 - a module
    """Return a migration."""
    scripts = op.get_context().script
    assert scripts is not None  # noqa: S101 - it is these scripts that are running
    return scripts.get_revision(before).module
