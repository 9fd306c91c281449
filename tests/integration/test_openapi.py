"""Whatever a program sends by the description of the web server, it is answered, and never by an error of ours."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import schemathesis
from fastapi import FastAPI
from hypothesis import HealthCheck, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error

from hilum import settings as hilum_settings
from hilum.web_process import house, services
from tests.conftest import migrated
from tests.fakes import RecordedEvents
from tests.peers import settings_file
from tests.web_client import TOKEN, client_settings
from web.application import application


@pytest.fixture(scope="module")
def app(embedded_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[FastAPI]:
    """The whole application, with a program that may do everything."""
    folder = tmp_path_factory.mktemp("openapi")
    with migrated(embedded_url) as engine:
        config: Path = settings_file(
            folder,
            home=str(folder / "home"),
            web_clients=[client_settings("read", "store", "worklist", "watch")],
        )
        found = hilum_settings.load(config)[0]
        yield application(services(found, engine, RecordedEvents()), house(found, engine, RecordedEvents()))


def answers_of(operation: schemathesis.APIOperation, mode: GenerationMode) -> set[int]:
    """Send requests of one kind and return the statuses; an error of the server fails the test."""
    statuses = set()

    @given(case=operation.as_strategy(generation_mode=mode))
    @settings(max_examples=20, suppress_health_check=list(HealthCheck))
    def ask(case: schemathesis.Case) -> None:
        answer = case.call(headers={"Authorization": f"Bearer {TOKEN}"})
        statuses.add(answer.status_code)
        case.validate_response(answer, checks=[not_a_server_error])

    try:
        ask()
    except Unsatisfiable:  # nothing can be wrong about a request without parameters
        assert mode is GenerationMode.NEGATIVE
    return statuses


def test_no_request_is_answered_by_an_error_of_the_server(app: FastAPI) -> None:
    """Made of the description: good ones, and ones that are wrong in one place or another."""
    operations = [one.ok() for one in schemathesis.openapi.from_asgi("/openapi.json", app).get_all_operations()]
    statuses = [answers_of(operation, mode) for operation in operations for mode in GenerationMode]
    assert len(operations) >= 18
    assert {200, 204, 400, 404} <= set().union(*statuses)
    assert 401 not in set().union(*statuses)
