"""Accounts, invitations and sessions in the database."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from db.engine import transaction
from domain.accounts import Account, BadAccount, Credentials, Role, Session
from domain.ids import AccountId

if TYPE_CHECKING:
    from datetime import timedelta

    from sqlalchemy import Connection, Engine, Row

_SEEN_EVERY_SECONDS = 30
"""Somebody who clicks from page to page costs a write this often only."""
_COLUMNS = "accounts.id, login, name, role, disabled_at"
_CREATE = text(f"""
INSERT INTO accounts (login, name, role, password_hash) VALUES (:login, :name, :role, :password_hash)
RETURNING {_COLUMNS}
""")  # noqa: S608 - constants
_ALL = text(f"SELECT {_COLUMNS} FROM accounts ORDER BY login")  # noqa: S608 - constants
_CHANGE = text(f"""
UPDATE accounts SET role = coalesce(:role, role), disabled_at = CASE
    WHEN CAST(:is_disabled AS boolean) IS NULL THEN disabled_at
    WHEN CAST(:is_disabled AS boolean) THEN coalesce(disabled_at, now())
END
WHERE login = :login RETURNING {_COLUMNS}
""")  # noqa: S608 - constants
_SET_PASSWORD = text("""
UPDATE accounts SET password_hash = :password_hash, failures = 0, failures_since = NULL, locked_until = NULL
WHERE login = :login RETURNING id
""")
_CREDENTIALS = text(f"""
SELECT {_COLUMNS}, password_hash, coalesce(locked_until > now(), false) AS is_locked
FROM accounts WHERE login = :login AND disabled_at IS NULL
""")  # noqa: S608 - constants
_FAILED = text("""
UPDATE accounts SET
    failures = CASE WHEN failures_since > now() - CAST(:within AS interval) THEN failures + 1 ELSE 1 END,
    failures_since = CASE WHEN failures_since > now() - CAST(:within AS interval) THEN failures_since ELSE now() END,
    locked_until = CASE
        WHEN failures_since > now() - CAST(:within AS interval) AND failures + 1 >= :most
        THEN now() + CAST(:lock AS interval) ELSE locked_until
    END
WHERE login = :login
""")
_ENTER = text(f"""
INSERT INTO accounts (login, name, role) VALUES (:login, :name, :role)
ON CONFLICT (login) DO UPDATE SET name = excluded.name, role = excluded.role WHERE accounts.password_hash IS NULL
RETURNING {_COLUMNS}
""")  # noqa: S608 - constants
_INVITE = text("""
INSERT INTO invitations (token_sha256, role, created_by, expires_at)
VALUES (:token_sha256, :role, :by, now() + CAST(:lasting AS interval))
""")
_ACCEPT = text("""
UPDATE invitations SET used_at = now() WHERE token_sha256 = :token_sha256 AND used_at IS NULL AND expires_at > now()
RETURNING role
""")
_END_SESSIONS = text("DELETE FROM web_sessions WHERE account_id = :account")
_BEGIN = text("""
INSERT INTO web_sessions (token_sha256, account_id, csrf_token, expires_at)
VALUES (:token_sha256, :account, :csrf_token, now() + CAST(:lasting AS interval))
""")
_RIGHT_PASSWORD = text("UPDATE accounts SET failures = 0, failures_since = NULL WHERE id = :account")
_FORGET = text("DELETE FROM web_sessions WHERE expires_at < now()")
_FIND = text(f"""
SELECT {_COLUMNS}, csrf_token, expires_at, seen_at < now() - interval '{_SEEN_EVERY_SECONDS} s' AS is_to_be_seen
FROM web_sessions JOIN accounts ON accounts.id = account_id
WHERE token_sha256 = :token_sha256 AND disabled_at IS NULL
AND expires_at > now() AND seen_at > now() - CAST(:idle AS interval)
""")  # noqa: S608 - constants
_SEE = text("UPDATE web_sessions SET seen_at = now() WHERE token_sha256 = :token_sha256")
_END = text("DELETE FROM web_sessions WHERE token_sha256 = :token_sha256")


class PostgresAccounts:
    """Implements `domain.accounts.Accounts`."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def create(self, *, login: str, name: str, role: Role, password_hash: str | None) -> Account:
        """Make an account."""
        with transaction(self._engine) as connection:
            return _created(connection, login=login, name=name, role=role, password_hash=password_hash)

    def all(self) -> list[Account]:
        """Return all accounts by login."""
        with transaction(self._engine) as connection:
            return [_account(row) for row in connection.execute(_ALL)]

    def change(self, login: str, *, role: Role | None = None, is_disabled: bool | None = None) -> Account:
        """Change an account, and end its sessions."""
        with transaction(self._engine) as connection:
            values = {"login": login, "role": role, "is_disabled": is_disabled}
            row = connection.execute(_CHANGE, values).one_or_none()
            if row is None:
                raise BadAccount("there is no such account")
            connection.execute(_END_SESSIONS, {"account": row.id})
        return _account(row)

    def set_password(self, login: str, password_hash: str) -> None:
        """Set a password, lift a lock, and end the sessions of an account."""
        with transaction(self._engine) as connection:
            values = {"login": login, "password_hash": password_hash}
            account = connection.execute(_SET_PASSWORD, values).scalar_one_or_none()
            if account is None:
                raise BadAccount("there is no such account")
            connection.execute(_END_SESSIONS, {"account": account})

    def credentials(self, login: str) -> Credentials | None:
        """Return what a login is checked against; None where there is no such account, or it is disabled."""
        with transaction(self._engine) as connection:
            row = connection.execute(_CREDENTIALS, {"login": login}).one_or_none()
        if row is None:
            return None
        return Credentials(account=_account(row), password_hash=row.password_hash, is_locked=row.is_locked)

    def failed(self, login: str, *, most: int, within: timedelta, lock: timedelta) -> None:
        """Record a wrong password; lock the account where that is one too many."""
        with transaction(self._engine) as connection:
            connection.execute(_FAILED, {"login": login, "most": most, "within": within, "lock": lock})

    def enter(self, *, login: str, name: str, role: Role) -> Account:
        """Return the account of somebody for whom another vouches, made or brought up to date."""
        with transaction(self._engine) as connection:
            row = connection.execute(_ENTER, {"login": login, "name": name, "role": role}).one_or_none()
        if row is None:
            raise BadAccount("there is an account of this login with a password of its own; log in by that")
        return _account(row)

    def invite(self, *, role: Role, token_sha256: str, by: Account, lasting: timedelta) -> None:
        """Record an invitation to make an account."""
        with transaction(self._engine) as connection:
            values = {"role": role, "token_sha256": token_sha256, "by": by.id, "lasting": lasting}
            connection.execute(_INVITE, values)

    def accept(self, token_sha256: str, *, login: str, name: str, password_hash: str) -> Account:
        """Make the account of an invitation, once."""
        with transaction(self._engine) as connection:
            role = connection.execute(_ACCEPT, {"token_sha256": token_sha256}).scalar_one_or_none()
            if role is None:
                raise BadAccount("the invitation is over, or was used")
            return _created(connection, login=login, name=name, role=Role(role), password_hash=password_hash)


class PostgresSessions:
    """Implements `domain.accounts.Sessions`."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def begin(self, account: Account, *, token_sha256: str, csrf_token: str, lasting: timedelta) -> None:
        """Record that somebody has logged in; forget who was."""
        values = {
            "account": account.id,
            "token_sha256": token_sha256,
            "csrf_token": csrf_token,
            "lasting": lasting,
        }
        with transaction(self._engine) as connection:
            connection.execute(_BEGIN, values)
            connection.execute(_RIGHT_PASSWORD, {"account": account.id})
            connection.execute(_FORGET)

    def find(self, token_sha256: str, *, idle: timedelta, is_active: bool = True) -> Session | None:
        """Return a session that goes on, and keep it from becoming idle where somebody is active."""
        with transaction(self._engine) as connection:
            row = connection.execute(_FIND, {"token_sha256": token_sha256, "idle": idle}).one_or_none()
            if row is not None and is_active and row.is_to_be_seen:
                connection.execute(_SEE, {"token_sha256": token_sha256})
        if row is None:
            return None
        return Session(account=_account(row), csrf_token=row.csrf_token, expires_at=row.expires_at)

    def end(self, token_sha256: str) -> None:
        """Log somebody out."""
        with transaction(self._engine) as connection:
            connection.execute(_END, {"token_sha256": token_sha256})


def _created(connection: Connection, **values: Any) -> Account:  # noqa: ANN401 - columns
    try:
        return _account(connection.execute(_CREATE, values).one())
    except IntegrityError as error:
        raise BadAccount("there is an account with this login already") from error


def _account(row: Row[*tuple[Any, ...]]) -> Account:
    return Account(
        id=AccountId(row.id),
        login=row.login,
        name=row.name,
        role=Role(row.role),
        is_disabled=row.disabled_at is not None,
    )
