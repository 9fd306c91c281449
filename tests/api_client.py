"""A program that asks the API, with a token of an account."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import httpx2 as httpx
from starlette.testclient import TestClient

from db.accounts import PostgresAccounts
from db.api_tokens import PostgresTokens
from db.audit import PostgresAuditTrail
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


@dataclass
class Asking:
    """A program that asks."""

    client: TestClient
    token: str

    def get(self, path: str, **options: Any) -> httpx.Response:  # noqa: ANN401 - of a request
        return self.client.get(f"/api/v1{path}", headers=bearer(self.token), **options)

    def post(self, path: str, **options: Any) -> httpx.Response:  # noqa: ANN401 - the same
        headers = {**bearer(self.token), **options.pop("headers", {})}
        return self.client.post(f"/api/v1{path}", headers=headers, **options)

    def upload(self, content: bytes) -> httpx.Response:
        return self.post("/uploads", content=content, headers={"Content-Type": "application/octet-stream"})


Program = Callable[..., Asking]
"""Opens the API to a program of a role."""


class OneReport:
    """A library with one report of one line, for whatever is asked."""

    def metadata(self, _: object) -> Sequence[dict[str, Any]]:
        """Return the report."""
        name = {"vr": "SQ", "Value": [{"00080104": {"vr": "LO", "Value": ["Imaging Report"]}}]}
        return [{"0040A043": name, "0040A160": {"vr": "UT", "Value": ["seen"]}}]


def recorded(engine: Engine) -> list[tuple[str, str, str, str]]:
    """Return the audit trail: who, what, on what, and how it ended."""
    events = [record.event for record in PostgresAuditTrail(engine).records()]
    return [(one.actor, one.action, one.object, one.outcome) for one in events]
