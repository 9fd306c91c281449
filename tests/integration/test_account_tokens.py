"""Tokens for programs, made and revoked: on the pages, and by `hilum users token`."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import Engine

from db.audit import PostgresAuditTrail
from domain.accounts import Role
from hilum.cli import hilum
from tests.api_client import add_token, bearer
from tests.conftest import migrated
from tests.page_visitor import Visitor, add_account, front_door, house_of

Command = Callable[..., Result]


@pytest.fixture(scope="module")
def engine(embedded_url: str) -> Iterator[Engine]:
    """A database with an account of each role."""
    with migrated(embedded_url) as engine:
        for role in Role:
            add_account(engine, role.value, role)
        yield engine


@pytest.fixture
def visit(engine: Engine) -> Iterator[Callable[[str], Visitor]]:
    """Logs somebody in, in a browser of its own."""
    with front_door(house_of(engine)) as log_in:
        yield log_in


@pytest.fixture
def command(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> Command:
    """Run `hilum users token`."""
    monkeypatch.setenv("HILUM_DATABASE__URL", engine.url.render_as_string(hide_password=False))

    def run(*arguments: str) -> Result:
        return CliRunner().invoke(hilum, ["users", "token", *arguments])

    return run


def changes(engine: Engine) -> list[tuple[str, str]]:
    events = [record.event for record in PostgresAuditTrail(engine).records()]
    return [(one.actor, one.object) for one in events if one.action == "account"]


def told(visitor: Visitor, token: str) -> tuple[int, list[str]]:
    """Return what the API says of a token."""
    answer = visitor.client.get("/api/v1/token", headers=bearer(token))
    return answer.status_code, answer.json().get("may", [])


def test_somebody_makes_a_token_and_takes_it_back(visit: Callable[[str], Visitor], engine: Engine) -> None:
    """It is shown once, counts until then, and both are recorded."""
    carl = visit("clinician")
    csrf = carl.csrf("/tokens")
    page = carl.post("/tokens", csrf=csrf, name="Script", days="7", may="upload").text
    (token,) = re.findall(r"hilum_[A-Za-z0-9_-]{43}", page)
    assert token not in carl.get("/tokens").text
    assert told(carl, token) == (200, ["upload"])
    number = re.findall(r"/tokens/(\d+)/revoke", page)[0]
    assert "There is none" in carl.post(f"/tokens/{number}/revoke", csrf=csrf).text
    assert told(carl, token)[0] == 401
    made = "clinician/script"
    assert changes(engine)[-2:] == [("clinician", f"token {made}"), ("clinician", f"revoke token {made}")]


@pytest.mark.parametrize(
    ("form", "problem"),
    [
        ({"name": "a b"}, "a program&#39;s name has"),
        ({"days": "367"}, "1 to 366 days"),
        ({"may": "read"}, "may be allowed: upload"),
        ({"may": "administer"}, "may be allowed: upload"),
    ],
)
def test_a_token_that_can_not_be_is_not_made(
    visit: Callable[[str], Visitor], form: dict[str, str], problem: str
) -> None:
    """The page says why."""
    carl = visit("clinician")
    page = carl.post("/tokens", **{"csrf": carl.csrf("/tokens"), "name": "x", "days": "7", "may": "upload", **form})
    assert (page.status_code, problem in page.text, "There is none" in page.text) == (400, True, True)


def test_tokens_are_made_and_revoked_from_ones_own_page_only(visit: Callable[[str], Visitor], engine: Engine) -> None:
    """Neither by another site nor for somebody else, but for admins, who see those of all."""
    token = add_token(engine, Role.RADIOLOGIST, name="viewer")
    carl, admin = visit("clinician"), visit("admin")
    assert carl.post("/tokens", csrf="stolen", name="x", days="7", may="upload").status_code == 403
    number = re.findall(r"/accounts/tokens/(\d+)/revoke", admin.get("/accounts").text)[0]
    assert carl.post(f"/tokens/{number}/revoke", csrf=carl.csrf("/tokens")).status_code == 404
    csrf = carl.csrf("/tokens")
    assert carl.post(f"/accounts/tokens/{number}/revoke", csrf=csrf).status_code == 403
    assert told(carl, token)[0] == 200
    page = admin.post(f"/accounts/tokens/{number}/revoke", csrf=admin.csrf("/accounts"))
    assert (page.status_code, "radiologist/viewer" in page.text) == (200, False)
    assert told(carl, token)[0] == 401
    assert changes(engine)[-1] == ("admin", "revoke token radiologist/viewer")


def test_the_command_makes_lists_and_revokes(visit: Callable[[str], Visitor], command: Command, engine: Engine) -> None:
    """By default a token may what its role allows, but for assessing."""
    made = command("create", "radiologist", "pager", "--days", "7")
    token = made.output.splitlines()[-1]
    assert told(visit("admin"), token) == (200, ["upload", "read", "quality"])
    (row,) = json.loads(command("list", "--json").output)
    assert (row["login"], row["name"], row["is_over"], row["last_used_at"] is None) == (
        "radiologist", "pager", False, False,
    )  # fmt: skip
    assert "radiologist/pager" in command("list").output
    assert (token in command("list").output, changes(engine)[-1][1]) == (False, "token radiologist/pager")
    assert command("revoke", "radiologist", "pager").exit_code == 0
    assert command("list", "--json").output == "[]\n"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("create", "nobody", "x"), "no such account"),
        (("create", "clinician", "x", "--may", "read"), "may be allowed: upload"),
        (("create", "clinician", "x", "--days", "0"), "1 to 366 days"),
        (("revoke", "clinician", "x"), "no token of this name"),
    ],
)
def test_the_command_says_what_is_wrong(command: Command, arguments: tuple[str, ...], says: str) -> None:
    """And makes nothing."""
    done = command(*arguments)
    assert (done.exit_code, says in done.output) == (1, True)
