"""Old records of the audit trail may go, up to an anchor that the trail itself names; erasures are recorded as such."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None

_ACTIONS = "'login', 'logout', 'register', 'account', 'search', 'view', 'upload', 'assess', 'operate', 'export'"
_REFUSE_DELETION = """
CREATE FUNCTION refuse_audit_deletion() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.id > coalesce((SELECT max(last_id) FROM audit_anchors), 0) THEN
        RAISE EXCEPTION 'the audit trail can only grow';
    END IF;
    RETURN OLD;
END
$$
"""


_REFUSE_ALL = """
CREATE TRIGGER {0}_refuse BEFORE UPDATE OR DELETE OR TRUNCATE ON {0}
FOR EACH STATEMENT EXECUTE FUNCTION refuse_audit_change()
"""
_REFUSE_CHANGE = """
CREATE TRIGGER audit_events_refuse BEFORE UPDATE OR TRUNCATE ON audit_events
FOR EACH STATEMENT EXECUTE FUNCTION refuse_audit_change()
"""
_REFUSE_YOUNG = """
CREATE TRIGGER audit_events_refuse_deletion BEFORE DELETE ON audit_events
FOR EACH ROW EXECUTE FUNCTION refuse_audit_deletion()
"""


def upgrade() -> None:
    op.create_table(
        "audit_anchors",
        sa.Column("last_id", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("hash", sa.String(), nullable=False),
        sa.Column("anchored_at", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False),
    )
    op.execute(_REFUSE_DELETION)
    op.execute("DROP TRIGGER audit_events_refuse ON audit_events")
    for statement in (_REFUSE_CHANGE, _REFUSE_YOUNG, _REFUSE_ALL.format("audit_anchors")):
        op.execute(statement)
    op.drop_constraint("action_is_known", "audit_events")
    op.create_check_constraint("action_is_known", "audit_events", f"action IN ({_ACTIONS}, 'erase')")


def downgrade() -> None:
    op.drop_constraint("action_is_known", "audit_events")
    # Records of erasures stay what they are.
    op.execute(f"ALTER TABLE audit_events ADD CONSTRAINT action_is_known CHECK (action IN ({_ACTIONS})) NOT VALID")
    for name in ("audit_events_refuse_deletion", "audit_events_refuse"):
        op.execute(f"DROP TRIGGER {name} ON audit_events")
    op.execute(_REFUSE_ALL.format("audit_events"))
    op.drop_table("audit_anchors")
    op.execute("DROP FUNCTION refuse_audit_deletion")
