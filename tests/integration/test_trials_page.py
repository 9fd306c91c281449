"""Networks on trial, on the page of quality and in the API's answer."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from fastapi import FastAPI
from sqlalchemy import Engine
from starlette.testclient import TestClient

from db.trials import record
from domain.accounts import Role
from domain.trial import judged
from tests.api_client import Asking, add_token
from tests.conftest import migrated
from tests.fakes import MODEL
from tests.made_studies import MadeStudies
from tests.page_visitor import Visitor, add_account, house_of
from web.pages.house import add_pages

HEADING = "Networks on trial"
NOW = datetime.now(UTC) - timedelta(hours=2)


@pytest.fixture
def engine(embedded_url: str) -> Iterator[Engine]:
    """An engine for a database with an account of a radiologist."""
    with migrated(embedded_url) as engine:
        add_account(engine, "radiologist", Role.RADIOLOGIST)
        yield engine


@pytest.fixture
def client(engine: Engine) -> Iterator[TestClient]:
    """The pages and the API."""
    app = FastAPI()
    add_pages(app, house_of(engine))
    with TestClient(app) as client:
        yield client


@pytest.fixture
def page(client: TestClient) -> Visitor:
    """The radiologist, logged in."""
    visitor = Visitor(client)
    visitor.log_in("radiologist")
    return visitor


def fill(engine: Engine) -> None:
    """Let a shadow disagree about three of four studies with COVID-19, and skip one more."""
    made = MadeStudies(engine)
    for label, score, outcome in (
        ("COVID19", (0.9, 0.06, 0.04), "classified"),
        ("COVID19", (0.9, 0.06, 0.04), "classified"),
        ("COVID19", (0.9, 0.06, 0.04), "classified"),
        ("NORMAL", (0.1, 0.8, 0.1), "classified"),
        ("NORMAL", (0.1, 0.8, 0.1), "skipped"),
    ):
        study = made.study(NOW)
        made.shadow(made.result(study, NOW, label=label, scores=score), outcome)
        made.report(study[0], NOW, covid19="present")
    made.run("UPDATE study_identities SET patient_name = 'DOE^JANE'")


def test_without_a_trial_the_page_says_nothing_of_it(page: Visitor, engine: Engine) -> None:
    """Not even a heading."""
    made = MadeStudies(engine)
    made.result(made.study(NOW), NOW)
    assert HEADING not in page.get("/quality").text


def test_a_shadow_is_shown_beside_the_active_network(page: Visitor, engine: Engine) -> None:
    """By source, with what was skipped, plots and what reports say; but no patient and no UID."""
    fill(engine)
    text = page.get("/quality").text
    section = text[text.index(HEADING) : text.index("Volumes and times")]
    for shown in (
        "Shadow chest-2.0.0",
        "<b>1</b> skipped: chest-2.0.0",
        'id="shadow-agreement-title"',
        'id="shadow-scores-normal-title"',
        "<b>0.25</b>",  # agreement
        "<b>-0.600</b>",  # mean difference of COVID19
        "<b>0.75</b>",  # sensitivity of the active network
        '<td class="number">0.250</td>',  # McNemar's p
    ):
        assert shown in section
    assert "The last replays" not in section
    assert not any(secret in text for secret in ("DOE", "2.25."))


def test_a_replay_is_shown_also_without_a_shadow(page: Visitor, engine: Engine) -> None:
    """With its verdict."""
    record(engine, (MODEL, MODEL), judged([], MODEL), window=(NOW, NOW), actor="me")
    text = page.get("/quality").text
    assert "No shadow has looked at a study" in text
    assert 'class="tag low">NOT ENOUGH<' in text


def test_programs_are_told_the_same_figures(client: TestClient, engine: Engine) -> None:
    """Of the window; without a trial there is an empty board."""
    program = Asking(client, add_token(engine, Role.RADIOLOGIST))
    before = program.get("/quality").json()["trials"]
    assert before == {"networks": None, "sources": [], "work": [], "replays": []}
    fill(engine)
    record(engine, (MODEL, MODEL), judged([], MODEL), window=(NOW, NOW), actor="me")
    told = program.get("/quality?weeks=4").json()["trials"]
    everything = told["sources"][-1]
    covid19 = everything["targets"]["COVID19"]
    assert (told["networks"]["shadow"], everything["studies"], everything["skipped"]) == ("chest-2.0.0", 4, 1)
    assert (everything["agreement"]["count"], everything["kappa"]) == (1, 0)
    assert (covid19["active"]["sensitivity"]["count"], covid19["p_sensitivity"]) == (3, 0.25)
    assert [one["decision"] for one in told["replays"]] == ["not-enough"]
