"""People have accounts, and what they do is recorded in a trail that can only grow."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

_ROLES = "role IN ('clinician', 'radiologist', 'operator', 'admin')"
_ACTIONS = "'login', 'logout', 'register', 'account', 'search', 'view', 'upload', 'assess', 'operate', 'export'"

# One after the other: the lock lasts until the commit, so that a number is never used twice and never left out.
_CHAIN = """
CREATE FUNCTION chain_audit_event() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    last record;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('audit_events'));
    SELECT id, hash INTO last FROM audit_events ORDER BY id DESC LIMIT 1;
    NEW.id := coalesce(last.id, 0) + 1;
    NEW.at := clock_timestamp();
    NEW.previous := coalesce(last.hash, '');
    NEW.hash := audit_hash(NEW);
    RETURN NEW;
END
$$
"""
_HASH = """
CREATE FUNCTION audit_hash(given audit_events) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT encode(sha256(convert_to(jsonb_build_array(
        given.previous, given.id, extract(epoch FROM given.at)::text, given.actor, given.role, given.action,
        given.object, given.outcome, given.address
    )::text, 'UTF8')), 'hex')
$$
"""
_REFUSE = """
CREATE FUNCTION refuse_audit_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the audit trail can only grow';
END
$$
"""


def upgrade() -> None:
    moment = sa.DateTime(timezone=True)
    op.create_table(
        "accounts",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), primary_key=True),
        sa.Column("login", sa.String(), nullable=False, unique=True),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("role", sa.String(), nullable=False),
        sa.Column("password_hash", sa.String(), nullable=True),
        sa.Column("created_at", moment, server_default=sa.text("now()"), nullable=False),
        sa.Column("disabled_at", moment, nullable=True),
        sa.Column("failures", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("failures_since", moment, nullable=True),
        sa.Column("locked_until", moment, nullable=True),
        sa.CheckConstraint(_ROLES, name="role_is_known"),
        sa.CheckConstraint("login = lower(login)", name="logins_are_in_small_letters"),
    )
    op.create_table(
        "invitations",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), primary_key=True),
        sa.Column("token_sha256", sa.String(), nullable=False, unique=True),
        sa.Column("role", sa.String(), nullable=False),
        sa.Column("created_by", sa.BigInteger(), sa.ForeignKey("accounts.id"), nullable=False),
        sa.Column("created_at", moment, server_default=sa.text("now()"), nullable=False),
        sa.Column("expires_at", moment, nullable=False),
        sa.Column("used_at", moment, nullable=True),
        sa.CheckConstraint(_ROLES, name="role_is_known"),
    )
    op.create_table(
        "web_sessions",
        sa.Column("token_sha256", sa.String(), primary_key=True),
        sa.Column("account_id", sa.BigInteger(), sa.ForeignKey("accounts.id"), nullable=False, index=True),
        sa.Column("csrf_token", sa.String(), nullable=False),
        sa.Column("created_at", moment, server_default=sa.text("now()"), nullable=False),
        sa.Column("seen_at", moment, server_default=sa.text("now()"), nullable=False),
        sa.Column("expires_at", moment, nullable=False),
    )
    op.create_index("web_sessions_expired", "web_sessions", ["expires_at"])
    _create_trail(moment)


def _create_trail(moment: sa.DateTime) -> None:
    texts = ("actor", "role", "action", "object", "outcome", "address", "previous", "hash")
    op.create_table(
        "audit_events",
        sa.Column("id", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("at", moment, nullable=False),
        *[sa.Column(name, sa.String(), nullable=False) for name in texts],
        sa.CheckConstraint(f"action IN ({_ACTIONS})", name="action_is_known"),
        sa.CheckConstraint("outcome IN ('success', 'denied', 'failed')", name="outcome_is_known"),
    )
    op.create_index("audit_events_object", "audit_events", ["object", "id"])
    op.create_index("audit_events_actor", "audit_events", ["actor", "id"])
    for statement in (_HASH, _CHAIN, _REFUSE):
        op.execute(statement)
    op.execute(
        "CREATE TRIGGER audit_events_chain BEFORE INSERT ON audit_events "
        "FOR EACH ROW EXECUTE FUNCTION chain_audit_event()"
    )
    op.execute(
        "CREATE TRIGGER audit_events_refuse BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_events "
        "FOR EACH STATEMENT EXECUTE FUNCTION refuse_audit_change()"
    )


def downgrade() -> None:
    op.execute("DROP FUNCTION audit_hash(audit_events)")
    for table in ("audit_events", "web_sessions", "invitations", "accounts"):
        op.drop_table(table)
    op.execute("DROP FUNCTION chain_audit_event")
    op.execute("DROP FUNCTION refuse_audit_change")
