"""The tables of the pages: accounts, invitations, sessions, and the audit trail."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ARRAY, CheckConstraint, ForeignKey, Identity, Index, String, UniqueConstraint, func
from sqlalchemy.orm import Mapped, mapped_column

from db.tables import Table, one_of
from domain.accounts import Role
from domain.audit import AuditAction, AuditOutcome


class AccountRow(Table):
    """A person who may log in."""

    __tablename__ = "accounts"

    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    login: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    role: Mapped[str]
    password_hash: Mapped[str | None]
    """Argon2id; null: the person comes by another way."""
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    disabled_at: Mapped[datetime | None]
    failures: Mapped[int] = mapped_column(server_default="0")
    """Wrong passwords since the last right one, or since `failures_since`."""
    failures_since: Mapped[datetime | None]
    locked_until: Mapped[datetime | None]

    __table_args__ = (
        one_of("role", Role),
        CheckConstraint("login = lower(login)", name="logins_are_in_small_letters"),
    )


class InvitationRow(Table):
    """A right to make one account."""

    __tablename__ = "invitations"

    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    token_sha256: Mapped[str] = mapped_column(unique=True)
    role: Mapped[str]
    created_by: Mapped[int] = mapped_column(ForeignKey("accounts.id"))
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]

    __table_args__ = (one_of("role", Role),)


class SessionRow(Table):
    """Somebody who is logged in."""

    __tablename__ = "web_sessions"

    token_sha256: Mapped[str] = mapped_column(primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"), index=True)
    csrf_token: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    seen_at: Mapped[datetime] = mapped_column(server_default=func.now())
    expires_at: Mapped[datetime]

    __table_args__ = (Index("web_sessions_expired", "expires_at"),)


class ApiTokenRow(Table):
    """A right of a program to ask in the name of an account."""

    __tablename__ = "api_tokens"

    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"))
    name: Mapped[str]
    token_sha256: Mapped[str] = mapped_column(unique=True)
    permissions: Mapped[list[str]] = mapped_column(ARRAY(String))
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    expires_at: Mapped[datetime]
    last_used_at: Mapped[datetime | None]

    __table_args__ = (
        UniqueConstraint("account_id", "name"),
        CheckConstraint("cardinality(permissions) > 0", name="it_allows_something"),
    )


class AuditRow(Table):
    """Something that somebody did; the database numbers and chains the rows, and lets none be changed."""

    __tablename__ = "audit_events"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    at: Mapped[datetime]
    actor: Mapped[str]
    role: Mapped[str]
    action: Mapped[str]
    object: Mapped[str]
    outcome: Mapped[str]
    address: Mapped[str]
    previous: Mapped[str]
    hash: Mapped[str]

    __table_args__ = (
        one_of("action", AuditAction),
        one_of("outcome", AuditOutcome),
        Index("audit_events_object", "object", "id"),
        Index("audit_events_actor", "actor", "id"),
    )


class AuditAnchorRow(Table):
    """The last of the old records that were deleted from the trail; the next one holds its hash."""

    __tablename__ = "audit_anchors"

    last_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    hash: Mapped[str]
    anchored_at: Mapped[datetime] = mapped_column(server_default=func.now())


class AuditExportRow(Table):
    """How far the audit trail was sent to a repository."""

    __tablename__ = "audit_exports"

    repository: Mapped[str] = mapped_column(primary_key=True)
    """Host and port."""
    last_id: Mapped[int]
    sent_at: Mapped[datetime] = mapped_column(server_default=func.now())
