"""Tokens of accounts in the database."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from db.engine import transaction
from domain.accounts import Account, Permission, Role
from domain.ids import AccountId, TokenId
from domain.tokens import MOST, ApiToken, BadToken

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import timedelta

    from sqlalchemy import Engine, Row

_COLUMNS = """t.id, t.name, t.permissions, t.created_at, t.expires_at, t.last_used_at, t.expires_at <= now() AS is_over,
    a.id AS account, a.login, a.name AS person, a.role, a.disabled_at"""
_LOCK = text("SELECT FROM accounts WHERE id = :account FOR UPDATE")
_COUNT = text("SELECT count(*) FROM api_tokens WHERE account_id = :account")
_MAKE = text(f"""
WITH t AS (
    INSERT INTO api_tokens (account_id, name, token_sha256, permissions, expires_at)
    VALUES (:account, :name, :token_sha256, :permissions, now() + CAST(:lasting AS interval)) RETURNING *
)
SELECT {_COLUMNS} FROM t JOIN accounts AS a ON a.id = t.account_id
""")  # noqa: S608 - constants
# A program that asks often writes once a minute only.
_FIND = text(f"""
WITH t AS (
    SELECT * FROM api_tokens WHERE token_sha256 = :token_sha256 AND expires_at > now()
),
used AS (
    UPDATE api_tokens SET last_used_at = now() FROM t
    WHERE api_tokens.id = t.id AND coalesce(t.last_used_at, '-infinity') < now() - interval '1 minute'
)
SELECT {_COLUMNS} FROM t JOIN accounts AS a ON a.id = t.account_id WHERE a.disabled_at IS NULL
""")  # noqa: S608 - constants
_ALL = text(f"""
SELECT {_COLUMNS} FROM api_tokens AS t JOIN accounts AS a ON a.id = t.account_id
WHERE CAST(:account AS bigint) IS NULL OR a.id = :account ORDER BY a.login, t.name
""")  # noqa: S608 - constants
_REVOKE = text(f"""
WITH t AS (
    DELETE FROM api_tokens
    WHERE id = :token AND (CAST(:account AS bigint) IS NULL OR account_id = :account) RETURNING *
)
SELECT {_COLUMNS} FROM t JOIN accounts AS a ON a.id = t.account_id
""")  # noqa: S608 - constants


class PostgresTokens:
    """Implements `domain.tokens.Tokens`."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def make(
        self,
        account: Account,
        *,
        name: str,
        token_sha256: str,
        permissions: frozenset[Permission],
        lasting: timedelta,
    ) -> ApiToken:
        """Record a token."""
        values = {
            "account": account.id,
            "name": name,
            "token_sha256": token_sha256,
            "permissions": sorted(permissions),
            "lasting": lasting,
        }
        try:
            with transaction(self._engine) as connection:
                connection.execute(_LOCK, {"account": account.id})
                if connection.execute(_COUNT, {"account": account.id}).scalar_one() >= MOST:
                    raise BadToken(f"an account has {MOST} tokens at most; revoke one first")
                return _token(connection.execute(_MAKE, values).one())
        except IntegrityError as error:
            raise BadToken("the account has a token of this name; revoke it first, or choose another name") from error

    def find(self, token_sha256: str) -> ApiToken | None:
        """Return a token that counts, and note that it was used; None where it is over or its account is disabled."""
        with transaction(self._engine) as connection:
            row = connection.execute(_FIND, {"token_sha256": token_sha256}).one_or_none()
        return None if row is None else _token(row)

    def all(self, account: AccountId | None = None) -> Sequence[ApiToken]:
        """Return the tokens of an account, None: of all, by login and name; those that are over as well."""
        with transaction(self._engine) as connection:
            return [_token(row) for row in connection.execute(_ALL, {"account": account})]

    def revoke(self, token: TokenId, *, of: AccountId | None = None) -> ApiToken:
        """Forget a token; at once nobody gets in by it."""
        with transaction(self._engine) as connection:
            row = connection.execute(_REVOKE, {"token": token, "account": of}).one_or_none()
        if row is None:
            raise BadToken("there is no such token")
        return _token(row)


def _token(row: Row[*tuple[Any, ...]]) -> ApiToken:
    return ApiToken(
        id=TokenId(row.id),
        account=Account(
            id=AccountId(row.account),
            login=row.login,
            name=row.person,
            role=Role(row.role),
            is_disabled=row.disabled_at is not None,
        ),
        name=row.name,
        permissions=frozenset(Permission(one) for one in row.permissions),
        created_at=row.created_at,
        expires_at=row.expires_at,
        last_used_at=row.last_used_at,
        is_over=row.is_over,
    )
