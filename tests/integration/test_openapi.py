"""Whatever a program sends by the description of the web server, it is answered, and never by an error of ours."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import schemathesis
from fastapi import FastAPI
from hypothesis import HealthCheck, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from domain.accounts import Role
from hilum import settings as hilum_settings
from hilum.web_process import house, services
from tests.api_client import add_token, bearer
from tests.conftest import migrated
from tests.fakes import RecordedEvents
from tests.peers import settings_file
from tests.web_client import TOKEN, client_settings
from web.application import application

API = "/api/v1"
DESCRIBED = [
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
]
"""What is asked of the API, whose answers are described whole."""

_EXAMPLES = {"POST /api/v1/uploads": 5}
"""A file that looks like a film costs a process."""


@dataclass
class Site:
    """The application, and who may ask what."""

    app: FastAPI
    tokens: dict[Role, str]

    def headers(self, path: str) -> dict[str, str]:
        """Return what a program shows that may ask this."""
        if not path.startswith(API):
            return bearer(TOKEN)
        return bearer(self.tokens[Role.OPERATOR if "/operations" in path else Role.RADIOLOGIST])


@pytest.fixture(scope="module")
def site(embedded_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The whole application, with programs that may do everything between them."""
    folder = tmp_path_factory.mktemp("openapi")
    with migrated(embedded_url) as engine:
        config: Path = settings_file(
            folder,
            home=str(folder / "home"),
            web_clients=[client_settings("read", "store", "worklist", "watch")],
        )
        found = hilum_settings.load(config)[0]
        tokens = {role: add_token(engine, role) for role in (Role.OPERATOR, Role.RADIOLOGIST)}
        made = application(services(found, engine, RecordedEvents()), house(found, engine, RecordedEvents()))
        made.state.stopping = threading.Event()
        made.state.stopping.set()  # what goes on telling ends at once
        yield Site(app=made, tokens=tokens)


def answers_of(site: Site, operation: schemathesis.APIOperation, mode: GenerationMode) -> set[int]:
    """Send requests of one kind and return the statuses; an error of the server fails the test."""
    checks = [not_a_server_error, *(DESCRIBED if operation.path.startswith(API) else [])]
    statuses = set()

    @given(case=operation.as_strategy(generation_mode=mode))
    @settings(max_examples=_EXAMPLES.get(operation.label, 20), suppress_health_check=list(HealthCheck))
    def ask(case: schemathesis.Case) -> None:
        answer = case.call(headers=site.headers(operation.path))
        statuses.add(answer.status_code)
        case.validate_response(answer, checks=checks)

    try:
        ask()
    except Unsatisfiable:  # nothing can be wrong about a request without parameters
        assert mode is GenerationMode.NEGATIVE
    return statuses


def test_no_request_is_answered_by_an_error_of_the_server(site: Site) -> None:
    """Made of the description: good ones, and ones that are wrong in one place or another.

    What the API answers is what its description says.
    """
    operations = [one.ok() for one in schemathesis.openapi.from_asgi("/openapi.json", site.app).get_all_operations()]
    good, wrong = (
        set().union(*(answers_of(site, operation, mode) for operation in operations)) for mode in GenerationMode
    )
    assert len(operations) >= 36
    assert {200, 204, 404, 409, 415, 422} <= good
    assert 401 not in good  # wrong ones may lack the token
    assert {400, 401, 422} <= wrong
