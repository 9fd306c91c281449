"""The entrance of the pages: who gets in, who does not, and what is recorded of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from fastapi import FastAPI
from sqlalchemy import Engine
from starlette.testclient import TestClient

from db.audit import PostgresAuditTrail
from domain.accounts import Role
from tests.conftest import migrated
from tests.page_visitor import PASSWORD, Visitor, add_account, house_of
from web.pages.house import add_pages


@pytest.fixture
def engine(embedded_url: str) -> Iterator[Engine]:
    """A database with an account of each role."""
    with migrated(embedded_url) as engine:
        for role in Role:
            add_account(engine, role.value, role)
        yield engine


@pytest.fixture
def visit(engine: Engine) -> Iterator[Callable[..., Visitor]]:
    """Opens a browser of its own on the pages."""
    with ExitStack() as opened:

        def open_browser(**changes: Any) -> Visitor:  # noqa: ANN401 - fields of a house
            app = FastAPI()
            add_pages(app, house_of(engine, **changes))
            return Visitor(opened.enter_context(TestClient(app)))

        yield open_browser


def recorded(engine: Engine) -> list[tuple[str, str, str]]:
    events = [record.event for record in PostgresAuditTrail(engine).records()]
    return [(event.actor, event.action, event.outcome) for event in events]


def test_nobody_sees_anything_without_logging_in(visit: Callable[..., Visitor]) -> None:
    """Every page leads to the login, and back from there."""
    visitor = visit()
    assert str(visitor.get("/accounts").url).endswith("/login?next=/accounts")
    assert visitor.client.get("/accounts", headers={"Accept": "application/json"}).status_code == 401


def test_who_logs_in_is_in_until_logging_out(visit: Callable[..., Visitor], engine: Engine) -> None:
    """Both are recorded."""
    visitor = visit()
    assert visitor.log_in("admin").status_code == 200
    page = visitor.get("/accounts")
    assert "Who may log in" in page.text
    visitor.post("/logout", csrf=visitor.csrf("/accounts"))
    assert "/login" in str(visitor.get("/accounts").url)
    assert recorded(engine) == [("admin", "login", "success"), ("admin", "logout", "success")]


@pytest.mark.parametrize(("login", "password"), [("admin", "wrong"), ("nobody", PASSWORD), ("", ""), ("x" * 500, "y")])
def test_a_wrong_login_tells_nothing(visit: Callable[..., Visitor], engine: Engine, login: str, password: str) -> None:
    """The same words whether there is such a login or not; it is recorded."""
    page = visit().log_in(login, password)
    if login:
        assert (page.status_code, "Login or password is wrong" in page.text) == (401, True)
        assert recorded(engine) == [(login[:64], "login", "denied")]
    else:
        assert page.status_code == 422


def test_five_wrong_passwords_lock_even_the_right_one_out(visit: Callable[..., Visitor]) -> None:
    """The page says how long."""
    visitor = visit()
    for _ in range(5):
        visitor.log_in("admin", "wrong")
    page = visitor.log_in("admin")
    assert (page.status_code, "15 minutes" in page.text) == (401, True)


def test_who_tries_too_often_waits(visit: Callable[..., Visitor]) -> None:
    """Whatever logins it tries."""
    visitor = visit()
    answers = [visitor.log_in(f"guess{number}", "wrong").status_code for number in range(21)]
    assert answers == [401] * 20 + [429]


@pytest.mark.parametrize("wanted", ["https://elsewhere.example", "//elsewhere.example", "/\\elsewhere.example"])
def test_a_login_leads_to_our_own_pages_only(visit: Callable[..., Visitor], wanted: str) -> None:
    """A link that somebody made can't lead away."""
    visitor = visit()
    answer = visitor.client.post(
        "/login", data={"login": "admin", "password": PASSWORD, "next": wanted}, follow_redirects=False
    )
    assert (answer.status_code, answer.headers["location"]) == (303, "/")


@pytest.mark.parametrize("headers", [{"Origin": "https://elsewhere.example"}, {"Sec-Fetch-Site": "cross-site"}])
def test_a_form_of_another_site_is_refused(visit: Callable[..., Visitor], headers: dict[str, str]) -> None:
    """By what the browser says of it."""
    fields = {"login": "admin", "password": PASSWORD}
    assert visit().client.post("/login", data=fields, headers=headers).status_code == 403


def test_a_form_needs_the_sessions_own_token(visit: Callable[..., Visitor]) -> None:
    """One of another session does nothing."""
    visitor, other = visit(), visit()
    visitor.log_in("admin")
    other.log_in("admin")
    stolen = other.csrf("/accounts")
    assert visitor.post("/accounts/invitations", role="admin", csrf=stolen).status_code == 403
    assert visitor.post("/logout", csrf="").status_code == 403


def test_the_cookie_is_kept_from_scripts_and_plain_connections(visit: Callable[..., Visitor]) -> None:
    """Where browsers reach us by TLS it has a name that they take over TLS only."""
    for is_secure, begins in ((False, "hilum_session="), (True, "__Host-hilum_session=")):
        fields = {"login": "admin", "password": PASSWORD}
        answer = visit(is_secure=is_secure).client.post("/login", data=fields, follow_redirects=False)
        cookie = answer.headers["set-cookie"]
        assert cookie.startswith(begins)
        assert "HttpOnly" in cookie
        assert "SameSite=lax" in cookie
        assert ("Secure" in cookie) is is_secure


@pytest.mark.parametrize("role", [role for role in Role if role is not Role.ADMIN])
def test_a_role_sees_its_own_pages_only(visit: Callable[..., Visitor], engine: Engine, role: Role) -> None:
    """Others are refused, which is recorded."""
    visitor = visit()
    visitor.log_in(role.value)
    page = visitor.get("/accounts")
    assert (page.status_code, "your role does not allow this" in page.text) == (403, True)
    assert recorded(engine)[-1] == (role.value, "view", "denied")


def test_an_invitation_leads_to_an_account(visit: Callable[..., Visitor]) -> None:
    """With the role that the admin chose."""
    admin, guest = visit(registration="invitation"), visit(registration="invitation")
    admin.log_in("admin")
    page = admin.post("/accounts/invitations", role="radiologist", csrf=admin.csrf("/accounts"))
    token = page.text.partition("/register?invitation=")[2].partition("<")[0]
    assert "Make an account" in guest.get(f"/register?invitation={token}").text
    guest.post("/register", invitation=token, login="tom", name="Tom", password=PASSWORD)
    assert "tom" in admin.get("/accounts").text
    assert guest.post("/register", invitation=token, login="tim", name="", password=PASSWORD).status_code == 400


@pytest.mark.parametrize(("registration", "status"), [("off", 404), ("invitation", 404), ("open", 200)])
def test_the_site_says_who_may_register(visit: Callable[..., Visitor], registration: str, status: int) -> None:
    """Who invites itself is a clinician."""
    visitor = visit(registration=registration)
    assert visitor.get("/register").status_code == status
    answer = visitor.post("/register", login="tom", name="", password=PASSWORD)
    assert answer.status_code == status or registration == "open"
    assert ("clinician" in answer.text) is (registration == "open")


@pytest.mark.parametrize(
    ("login", "password"), [("a", PASSWORD), ("tom", "short"), ("tom", "tom" * 10), ("a b", PASSWORD)]
)
def test_a_bad_choice_is_explained(visit: Callable[..., Visitor], login: str, password: str) -> None:
    """And what was right of it stays in the form."""
    page = visit(registration="open").post("/register", login=login, name="Tom Tailor", password=password)
    assert (page.status_code, "Tom Tailor" in page.text, password in page.text) == (400, True, False)


def test_an_account_that_is_disabled_is_out_at_once(visit: Callable[..., Visitor]) -> None:
    """Not at its next login only."""
    admin, other = visit(), visit()
    admin.log_in("admin")
    other.log_in("operator")
    admin.post("/accounts/operator", act="disable", csrf=admin.csrf("/accounts"))
    assert "/login" in str(other.get("/").url)
    assert other.log_in("operator").status_code == 401


def test_admins_do_not_lock_themselves_out(visit: Callable[..., Visitor]) -> None:
    """Another admin may."""
    visitor = visit()
    visitor.log_in("admin")
    page = visitor.post("/accounts/admin", act="disable", csrf=visitor.csrf("/accounts"))
    assert (page.status_code, "your own account" in page.text) == (400, True)


def test_a_page_lets_browsers_say_that_its_forms_are_our_own(visit: Callable[..., Visitor]) -> None:
    """Without a referrer they would send the origin `null` with each form."""
    assert visit().get("/login").headers["referrer-policy"] == "same-origin"


def test_nothing_on_a_page_may_come_from_elsewhere(visit: Callable[..., Visitor]) -> None:
    """Neither scripts nor styles, not even in the page itself."""
    page = visit().get("/login")
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "<script>" not in page.text
    assert "style=" not in page.text


@pytest.mark.parametrize(
    ("path", "fields"),
    [
        ("/login", {"login": "ad\0min", "password": PASSWORD}),
        ("/login", {"login": "admin", "password": "\0"}),
        ("/register", {"login": "tom", "name": "T\0m", "password": PASSWORD}),
        ("/accounts/ad%00min", {"act": "disable", "csrf": "x"}),
        ("/worklist/rows", {"q": "\0", "csrf": "x"}),
        ("/studies/1/assessment", {"act": "save", "comment": "\0", "csrf": "x"}),
    ],
)
def test_what_a_database_can_not_hold_is_refused(
    visit: Callable[..., Visitor], path: str, fields: dict[str, str]
) -> None:
    """As a mistake of whoever sent it, not of ours."""
    assert visit(registration="open").post(path, **fields).status_code == 422
