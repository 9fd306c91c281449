"""Logging in by the hospital's identity provider."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from fastapi import FastAPI
from joserfc.jwk import RSAKey
from sqlalchemy import Engine
from starlette.testclient import TestClient

from db.accounts import PostgresAccounts
from db.audit import PostgresAuditTrail
from domain.accounts import Role
from tests.browser import serving
from tests.conftest import migrated
from tests.identity_provider import CLIENT, SECRET, IdentityProvider
from tests.page_visitor import Visitor, add_account, house_of
from web.pages.house import add_pages
from web.pages.single_sign_on import Provider


@pytest.fixture
def engine(embedded_url: str) -> Iterator[Engine]:
    """A database without accounts."""
    with migrated(embedded_url) as engine:
        yield engine


@pytest.fixture
def provider() -> Iterator[IdentityProvider]:
    """A provider that vouches for Maria, a radiologist."""
    made = IdentityProvider()
    made.claims["groups"] = ["staff", "readers"]
    with serving(made.application()) as address:
        made.issuer = address
        yield made


@pytest.fixture
def come(engine: Engine, provider: IdentityProvider) -> Iterator[Callable[..., Any]]:
    """Goes the whole way, with a browser of its own, and returns the page at its end."""
    own = Provider(
        issuer=provider.issuer,
        client_id=CLIENT,
        client_secret=SECRET,
        roles={Role.RADIOLOGIST: frozenset({"readers"}), Role.ADMIN: frozenset({"admins"})},
    )
    with ExitStack() as opened:

        def arrive(**changed: str) -> Any:  # noqa: ANN401 - a response
            app = FastAPI()
            add_pages(app, house_of(engine, provider=own))
            visitor = Visitor(opened.enter_context(TestClient(app)))
            away = visitor.get("/login/sso?next=/welcome", follow_redirects=False)
            assert away.headers["location"].startswith(f"{provider.issuer}/authorize?")
            back = serve_redirect(away.headers["location"])
            for name, value in changed.items():
                back = back.replace(f"{name}=", f"{name}={value}")
            return visitor.get(back)

        yield arrive


def serve_redirect(address: str) -> str:
    """Be at the provider, and return the path that it sends the browser back to."""
    import requests

    answer = requests.get(address, allow_redirects=False, timeout=10)
    return "/" + answer.headers["location"].split("/", 3)[3]


def test_whoever_the_provider_vouches_for_is_in(come: Callable[..., Any], engine: Engine) -> None:
    """With name and role as it says, on the page that was wanted; the login is recorded."""
    page = come()
    assert (page.status_code, page.url.path) == (200, "/welcome")
    assert "Maria M." in page.text
    (account,) = PostgresAccounts(engine).all()
    assert (account.login, account.role) == ("maria", Role.RADIOLOGIST)
    event = next(PostgresAuditTrail(engine).records()).event
    assert (event.actor, event.action, event.outcome) == ("maria", "login", "success")


def test_a_role_follows_the_provider(come: Callable[..., Any], provider: IdentityProvider, engine: Engine) -> None:
    """At each login; of several the one that may most."""
    come()
    provider.claims["groups"] = ["readers", "admins"]
    come()
    (account,) = PostgresAccounts(engine).all()
    assert account.role is Role.ADMIN


@pytest.mark.parametrize(
    "claims",
    [
        {"nonce": "of another login"},
        {"aud": "another application"},
        {"iss": "https://elsewhere.example"},
        {"exp": int(time.time()) - 3600},
        {"groups": ["visitors"]},
        {"groups": None},
        {"preferred_username": "no login at all!"},
    ],
)
def test_a_token_that_is_not_right_lets_nobody_in(
    come: Callable[..., Any], provider: IdentityProvider, engine: Engine, claims: dict[str, Any]
) -> None:
    """Of another login, for others, from others, over, without a role: it is said, and recorded."""
    provider.claims.update(claims)
    page = come()
    assert (page.status_code, "Not logged in" in page.text) == (403, True)
    assert PostgresAccounts(engine).all() == []
    assert next(PostgresAuditTrail(engine).records()).event.outcome == "denied"


def test_a_token_that_somebody_else_signed_lets_nobody_in(come: Callable[..., Any], provider: IdentityProvider) -> None:
    """Whatever it says."""
    provider.published = RSAKey.generate_key(2048, {"kid": "one"})
    assert come().status_code == 403


@pytest.mark.parametrize("changed", [{"state": "other-"}, {"code": "other-"}])
def test_an_answer_for_another_browser_lets_nobody_in(come: Callable[..., Any], changed: dict[str, str]) -> None:
    """A link that somebody made logs nobody in as somebody else."""
    assert come(**changed).status_code == 403


def test_a_local_account_is_not_taken_over(come: Callable[..., Any], engine: Engine) -> None:
    """The provider's Maria may be another one."""
    add_account(engine, "maria", Role.OPERATOR)
    page = come()
    assert (page.status_code, "password of its own" in page.text) == (403, True)


def test_an_account_that_was_disabled_stays_out(come: Callable[..., Any], engine: Engine) -> None:
    """Whatever the provider says."""
    come()
    PostgresAccounts(engine).change("maria", is_disabled=True)
    page = come()
    assert (page.status_code, "disabled" in page.text) == (403, True)


def test_a_provider_that_is_away_is_said_so(engine: Engine) -> None:
    """One may try again, or log in by a password."""
    app = FastAPI()
    own = Provider(issuer="http://127.0.0.1:9", client_id=CLIENT, client_secret=SECRET)
    add_pages(app, house_of(engine, provider=own))
    with TestClient(app) as client:
        assert "hospital's account" in client.get("/login").text.replace("&#39;", "'")
        assert client.get("/login/sso", follow_redirects=False).status_code == 503
