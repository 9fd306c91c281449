"""A program that asks the API, with a token of an account."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from db.accounts import PostgresAccounts
from db.api_tokens import PostgresTokens
from domain.tokens import grantable
from tests.page_visitor import add_account
from web.api.secret import new_token

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from domain.accounts import Permission, Role


def add_token(
    engine: Engine, role: Role, *may: Permission, login: str = "", name: str = "program", days: float = 1
) -> str:
    """Return a token of an account, which is made if there is none; it may what is named, or all that it can."""
    login = login or role.value
    accounts = PostgresAccounts(engine)
    if login not in [one.login for one in accounts.all()]:
        add_account(engine, login, role)
    account = next(one for one in accounts.all() if one.login == login)
    secret, digest = new_token()
    PostgresTokens(engine).make(
        account,
        name=name,
        token_sha256=digest,
        permissions=frozenset(may or grantable(role)),
        lasting=timedelta(days=days),
    )
    return secret


def bearer(token: str) -> dict[str, str]:
    """Return the header that shows a token."""
    return {"Authorization": f"Bearer {token}"}
