"""Every address of the web server, asked by each role and by nobody."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute
from sqlalchemy import Engine
from starlette.testclient import TestClient

from domain.accounts import PERMISSIONS, Permission, Role
from domain.tokens import grantable
from hilum import settings as hilum_settings
from hilum.web_process import house, services
from tests.api_client import add_token, bearer
from tests.conftest import migrated
from tests.fakes import RecordedEvents
from tests.page_visitor import Visitor, add_account
from tests.peers import settings_file
from tests.web_client import client_settings
from web.application import application

NEEDED = {
    "/accounts": Permission.ADMINISTER,
    "/studies": Permission.READ,
    "/worklist": Permission.READ,
    "/operations": Permission.OPERATE,
    "/quality": Permission.QUALITY,
    "/uploads": Permission.UPLOAD,
    "/upload": Permission.UPLOAD,
}
"""What the pages below an address need."""
FOR_ALL = {
    "/",
    "/welcome",
    "/login",
    "/logout",
    "/register",
    "/theme",
    "/health/live",
    "/health/ready",
    "/openapi.json",
}
FOR_EACH_ROLE = ("/tokens",)
"""Pages of whoever is logged in."""
API_NEEDS = {
    "/api/v1/token": None,
    "/api/v1/studies": Permission.READ,
    "/api/v1/uploads": Permission.UPLOAD,
    "/api/v1/operations": Permission.OPERATE,
    "/api/v1/quality": Permission.QUALITY,
}
"""What the API's addresses need; none: any token."""
ENDLESS = {"/worklist/events", "/api/v1/studies/events"}
"""Streams that go on as long as somebody listens."""
FOR_PROGRAMS = ("/dicom-web", "/alarms", "/metrics", "/api/v1")


@pytest.fixture(scope="module")
def engine(embedded_url: str) -> Iterator[Engine]:
    """A database with an account of each role."""
    with migrated(embedded_url) as engine:
        for role in Role:
            add_account(engine, role.value, role)
        yield engine


@pytest.fixture(scope="module")
def app(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> FastAPI:
    """The whole application."""
    folder = tmp_path_factory.mktemp("who")
    config: Path = settings_file(folder, home=str(folder / "home"), web_clients=[client_settings("read")])
    found = hilum_settings.load(config)[0]
    return application(services(found, engine, RecordedEvents()), house(found, engine, RecordedEvents()))


def addresses(app: FastAPI) -> list[tuple[str, str]]:
    """Return method and path of everything that can be asked for, with a number for what is left open."""
    found = []
    for route in app.routes:
        for one in getattr(getattr(route, "original_router", None), "routes", [route]):
            if isinstance(one, APIRoute):
                path = re.sub(r"\{[^}]*\}", "1", one.path)
                found += [(method, path) for method in sorted(one.methods or ())]
    return found


def needed(path: str) -> Permission:
    """Return what a page needs that not everybody may see."""
    return next(permission for start, permission in NEEDED.items() if path.startswith(start))


def test_no_address_is_left_out(app: FastAPI) -> None:
    """Each is for all, for programs, or needs a permission that this test knows."""
    paths = {path for _, path in addresses(app)}
    known = (*FOR_PROGRAMS, *NEEDED, *FOR_EACH_ROLE)
    assert [path for path in paths if path.startswith("/api/") and not path.startswith(tuple(API_NEEDS))] == []
    assert len(paths) > 25
    assert [path for path in paths if path not in FOR_ALL and not path.startswith(known)] == []


def test_nobody_gets_in_without_a_login_or_a_token(app: FastAPI) -> None:
    """Pages lead to the login; programs are told that a token is needed."""
    with TestClient(app, follow_redirects=False) as client:
        for method, path in addresses(app):
            if path in FOR_ALL:
                continue
            answer = client.request(method, path, headers={"Accept": "text/html"})
            is_sent_away = answer.status_code == 303 and answer.headers["location"].startswith("/login")
            assert answer.status_code in {401, 422} or is_sent_away, (method, path, answer.status_code)


@pytest.mark.parametrize("role", Role)
def test_a_role_gets_in_where_it_may_and_nowhere_else(app: FastAPI, role: Role) -> None:
    """What it may not see is forbidden, or not there; nothing is an error of ours."""
    with TestClient(app, follow_redirects=False) as client:
        Visitor(client).log_in(role.value)
        for method, path in addresses(app):
            if path in FOR_ALL or path.startswith(FOR_PROGRAMS):
                continue
            is_allowed = path.startswith(FOR_EACH_ROLE) or needed(path) in PERMISSIONS[role]
            if is_allowed and path in ENDLESS:
                continue
            answer = client.request(method, path, headers={"Accept": "text/html"})
            if is_allowed:
                assert answer.status_code not in {401, *range(500, 600)}, (method, path, answer.status_code)
            else:
                assert answer.status_code in {403, 404, 422}, (method, path, answer.status_code)


@pytest.mark.parametrize("role", Role)
def test_a_token_gets_in_where_its_account_may_and_nowhere_else(app: FastAPI, engine: Engine, role: Role) -> None:
    """Whoever has an account's token reaches of the API what the account may; no page, and nothing of DICOMweb."""
    permissions = grantable(role)
    token = bearer(add_token(engine, role, name="who"))
    with TestClient(app, follow_redirects=False) as client:
        for method, path in addresses(app):
            if path in FOR_ALL or path in ENDLESS:
                continue
            status = client.request(method, path, headers=token).status_code
            need = next((need for start, need in API_NEEDS.items() if path.startswith(start)), Permission.ADMINISTER)
            if need is None or need in permissions:
                assert status not in {401, 403, *range(500, 600)}, (method, path, status)
            else:
                assert status in {401, 403, 404, 415, 422}, (method, path, status)


@pytest.mark.parametrize("may", [Permission.QUALITY, Permission.UPLOAD, Permission.READ])
def test_a_token_may_be_narrower_than_its_account(app: FastAPI, engine: Engine, may: Permission) -> None:
    """It reaches what it was made for."""
    token = bearer(add_token(engine, Role.RADIOLOGIST, may, name=f"only-{may}"))
    with TestClient(app) as client:
        for path, need in API_NEEDS.items():
            expected = {200} if need in {None, may} else {403}
            assert {client.get(path, headers=token).status_code} == expected, path


def test_a_login_of_a_person_opens_nothing_for_programs(app: FastAPI) -> None:
    """A browser that is logged in can't be made to ask for it."""
    with TestClient(app) as client:
        Visitor(client).log_in("admin")
        asked = [path for method, path in addresses(app) if method == "GET" and path.startswith(FOR_PROGRAMS)]
        assert {client.get(path).status_code for path in asked} == {401}
