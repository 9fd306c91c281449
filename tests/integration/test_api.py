"""The API: who gets in, what programs are told of studies, and what is recorded of it."""

from __future__ import annotations

import pytest
from fastapi import FastAPI
from sqlalchemy import Engine

from domain.accounts import Permission, Role
from tests.api_client import Asking, Program, add_token, recorded
from tests.fakes import MODEL
from tests.reading import POSITIVE, ReadingRoom

UID = "2.25.1"
"""Of the first study that the hospital receives."""


@pytest.fixture
def engine(api_engine: Engine) -> Engine:
    """A database without a row."""
    return api_engine


@pytest.fixture
def room(engine: Engine) -> ReadingRoom:
    """The hospital."""
    return ReadingRoom(engine)


@pytest.fixture
def reader(program: Program) -> Asking:
    """A program of a radiologist."""
    return program(Role.RADIOLOGIST)


# --- who asks -------------------------------------------------------------------------------------------------------


def test_a_token_says_whose_it_is_and_what_it_may(program: Program) -> None:
    """As of today."""
    told = program(Role.RADIOLOGIST, Permission.READ, name="viewer").get("/token").json()
    del told["expires_at"]
    assert told == {"login": "radiologist", "name": "viewer", "role": "radiologist", "may": ["read"]}


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer x", "Basic eDp4"])
def test_who_shows_no_token_that_counts_is_asked_for_one(program: Program, engine: Engine, header: str) -> None:
    """An unknown one is recorded."""
    answer = program(Role.ADMIN).client.get("/api/v1/token", headers={"Authorization": header, "Accept": "text/html"})
    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
    assert "token" in answer.json()["detail"]
    assert recorded(engine) == ([("unknown token", "login", "", "denied")] if header == "Bearer x" else [])


def test_who_guesses_tokens_does_not_get_far(program: Program) -> None:
    """Who has a good one gets in all the same."""
    good = program(Role.RADIOLOGIST)
    guesses = [Asking(good.client, f"guess {number}").get("/token") for number in range(21)]
    assert [one.status_code for one in guesses] == [*[401] * 20, 429]
    assert guesses[-1].headers["retry-after"] == "60"
    assert good.get("/token").status_code == 200


def test_what_a_token_may_not_is_refused_and_recorded(program: Program, engine: Engine) -> None:
    """The same for a study that is there and one that is not."""
    answers = [program(Role.RADIOLOGIST, Permission.QUALITY).get("/studies/1")]
    answers += [program(Role.OPERATOR).get("/studies/999")]
    assert [(one.status_code, one.json()["detail"]) for one in answers] == [
        (403, "the token does not allow this: it needs 'read'")
    ] * 2
    assert recorded(engine)[0] == ("radiologist/program", "view", "/api/v1/studies/1", "denied")


def test_what_is_refused_is_recorded_whatever_the_address_holds(program: Program, engine: Engine) -> None:
    """A database takes no NUL; an address may have one, and be long."""
    answer = program(Role.RADIOLOGIST).post(f"/operations/peers/a%00{'b' * 2000}/test")
    assert answer.status_code == 403
    (event,) = recorded(engine)
    assert event[3] == "denied"
    assert event[2].startswith("/api/v1/operations/peers/a")
    assert len(event[2]) < 300


def test_a_request_that_does_not_fit_is_not_shown_again(reader: Asking) -> None:
    """Only where it does not: what was sent may be a name; half a character in it harms nobody."""
    for body in (b'{"q": ["SECRET"]}', b'{"q": "SECRET\\ud800"}', b'{"SECR\\ud800": 1}'):
        answer = reader.post("/studies/search", content=body, headers={"Content-Type": "application/json"})
        assert (answer.status_code, "SECRET" in answer.text) == (422, False)
        assert answer.json()["detail"][0]["loc"][0] == "body"


# --- studies --------------------------------------------------------------------------------------------------------


def test_a_study_of_the_list_says_what_is_suggested_and_why(reader: Asking, room: ReadingRoom) -> None:
    """With outputs, thresholds and the network."""
    room.receive(1)
    room.classify(POSITIVE)
    (study,) = reader.get("/studies").json()["studies"]
    assert study["patient"]["patient_name"] == "DOE1^JANE"
    assert (study["verdict"], study["label"], study["state"]) == ("positive", "PNEUMONIA", "done")
    assert (study["ordered_priority"], study["suggested_priority"]) == ("MEDIUM", "HIGH")
    assert study["outputs"][2] == {"label": "PNEUMONIA", "probability": 0.92, "threshold": 0.5, "is_named": True}
    assert study["network"]["sha256"] == MODEL.sha256


def test_the_list_goes_on_behind_the_last_study(reader: Asking, room: ReadingRoom) -> None:
    """As many at a time as are asked for."""
    for study in range(1, 4):
        room.receive(study)
    first = reader.get("/studies?limit=2").json()
    second = reader.get(f"/studies?limit=2&behind={first['next']}").json()
    assert [[one["id"] for one in page["studies"]] for page in (first, second)] == [[1, 2], [3]]
    assert second["next"] is None


def test_filters_are_those_of_the_page(reader: Asking, room: ReadingRoom) -> None:
    """One that there is not is refused."""
    room.receive(1)
    room.receive(2, sender="XRAY2")
    room.hold()
    found = {query: reader.get(f"/studies?{query}").json()["studies"] for query in ("state=failed", "place=XRAY2")}
    assert {query: [one["id"] for one in studies] for query, studies in found.items()} == {
        "state=failed": [1],
        "place=XRAY2": [2],
    }
    assert [reader.get(f"/studies?{query}").status_code for query in ("state=x", "since=x", "limit=0")] == [422] * 3


def test_a_search_is_sent_in_a_body_and_recorded_without_its_words(
    reader: Asking, room: ReadingRoom, engine: Engine
) -> None:
    """In an address it is refused."""
    room.receive(1)
    room.receive(2)
    found = reader.post("/studies/search", json={"q": "doe2"}).json()
    assert [one["patient"]["patient_id"] for one in found["studies"]] == ["P2"]
    assert recorded(engine) == [("radiologist/program", "search", "worklist: search", "success")]
    assert reader.get("/studies?q=doe2").status_code == 422


def test_news_of_the_list_are_a_stream(reader: Asking, engine: Engine) -> None:
    """It ends when the server does; nobody without the right listens."""
    app = reader.client.app
    assert isinstance(app, FastAPI)
    app.state.stopping = type("Stopped", (), {"is_set": lambda _: True})()
    answer = reader.get("/studies/events")
    assert (answer.headers["content-type"].partition(";")[0], answer.text) == ("text/event-stream", "retry: 1000\n\n")
    narrow = Asking(reader.client, add_token(engine, Role.RADIOLOGIST, Permission.UPLOAD, name="narrow"))
    assert narrow.get("/studies/events").status_code == 403


def test_a_study_is_told_whole_and_that_is_recorded(reader: Asking, room: ReadingRoom, engine: Engine) -> None:
    """Films, results, deliveries, assessments and the ledger."""
    room.receive(1)
    room.classify(POSITIVE)
    study = reader.get("/studies/1").json()
    assert study["study_instance_uid"] == UID
    assert [(film["number"], film["view"], film["not_eligible"]) for film in study["films"]] == [(1, "PA", None)]
    assert (study["results"][0]["verdict"], study["results"][0]["film"]) == ("positive", 1)
    assert {"spooled", "classified"} & {step["event"] for step in study["ledger"]}
    assert recorded(engine) == [("radiologist/program", "view", UID, "success")]


def test_a_report_is_told_in_words(reader: Asking, room: ReadingRoom, engine: Engine) -> None:
    """Those of the structured report, those for patients, those for clinicians."""
    room.receive(1)
    room.classify(POSITIVE)
    report = reader.get("/studies/1/report").json()
    assert report["lines"] == [{"depth": 0, "name": "Imaging Report", "value": "seen"}]
    assert "not a diagnosis" in report["disclaimer"]
    assert report["words"]["patients"][0]["heading"] == report["words"]["clinicians"][0]["heading"]
    assert recorded(engine)[-1] == ("radiologist/program", "view", f"{UID} report", "success")


@pytest.mark.parametrize("path", ["/studies/9", "/studies/9/report", "/uploads/9", "/uploads/9/result"])
def test_what_is_not_there_is_not_found(reader: Asking, engine: Engine, path: str) -> None:
    """And nothing is recorded."""
    assert reader.get(path).status_code == 404
    assert recorded(engine) == []
