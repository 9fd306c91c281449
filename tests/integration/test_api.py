"""The API: what programs are told and do, in whose name, and what is recorded of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import httpx2 as httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import Engine, inspect, text
from starlette.testclient import TestClient

from db.audit import PostgresAuditTrail
from db.engine import transaction
from db.intake import PostgresIntake
from db.job_desk import JobDesk
from db.study_view import PostgresStudyViews
from dicom_node.arrivals import Storage
from dicom_node.spool import Spool
from domain.accounts import Permission, Role
from domain.study_view import StudyRoom
from hilum.control_room import control_room
from hilum.peer_settings import Peer
from hilum.settings import Settings
from hilum.uploads import ProcessUploadDoor
from tests.api_client import add_token, bearer
from tests.conftest import migrated
from tests.contract.test_job_desk import held, state
from tests.fakes import MODEL, RecordedEvents
from tests.page_visitor import house_of, no_films
from tests.peers import free_port
from tests.reading import POSITIVE, ReadingRoom
from tests.uploading import jpeg, upload_room
from web.pages.house import add_pages

Program = Callable[..., "Asking"]
UID = "2.25.1"


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


class OneReport:
    """A library with one report of one line, for whatever is asked."""

    def metadata(self, _: object) -> Sequence[dict[str, Any]]:
        """Return the report."""
        name = {"vr": "SQ", "Value": [{"00080104": {"vr": "LO", "Value": ["Imaging Report"]}}]}
        return [{"0040A043": name, "0040A160": {"vr": "UT", "Value": ["seen"]}}]


@pytest.fixture(scope="module")
def database(embedded_url: str) -> Iterator[Engine]:
    """One database for the tests of this module."""
    with migrated(embedded_url) as engine:
        yield engine


@pytest.fixture
def engine(database: Engine) -> Engine:
    """The database without a row; with the server's keys even the audit trail can be emptied."""
    tables = [name for name in inspect(database).get_table_names() if name != "alembic_version"]
    with transaction(database) as connection:
        connection.execute(text("ALTER TABLE audit_events DISABLE TRIGGER USER"))
        connection.execute(text(f"TRUNCATE {', '.join(tables)} RESTART IDENTITY"))
        connection.execute(text("ALTER TABLE audit_events ENABLE TRIGGER USER"))
    return database


@pytest.fixture
def room(engine: Engine) -> ReadingRoom:
    """The hospital."""
    return ReadingRoom(engine)


@pytest.fixture(scope="module")
def door(database: Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ProcessUploadDoor]:
    """A door that takes films into a spool."""
    intake = PostgresIntake(database, quiet=timedelta(hours=1), max_attempts=3)
    place = Storage(store=Spool(tmp_path_factory.mktemp("api") / "spool"), intake=intake, events=RecordedEvents())
    yield ProcessUploadDoor(beside=place, to_read=place, megabytes=2048)
    intake.close()


@pytest.fixture
def program(engine: Engine, door: ProcessUploadDoor) -> Iterator[Program]:
    """Opens the API to a program of a role."""
    peer = Peer(name="pacs", ae_title="PACS", host="127.0.0.1", port=free_port())
    studies = StudyRoom(
        views=PostgresStudyViews(engine),
        films=no_films(engine).films,
        reports=OneReport(),  # type: ignore[arg-type]  # of the library only this is asked here
        knowledge=no_films(engine).knowledge,
    )
    house = house_of(
        engine,
        studies=studies,
        uploads=upload_room(engine, door, a_minute=2),
        operations=control_room(Settings.model_construct(peers=(peer,)), engine),
    )
    app = FastAPI()
    add_pages(app, house)
    with ExitStack() as opened:
        client = opened.enter_context(TestClient(app))

        def asking(role: Role, *may: Permission, **options: Any) -> Asking:  # noqa: ANN401 - of a token
            return Asking(client, add_token(engine, role, *may, **options))

        yield asking


@pytest.fixture
def reader(program: Program) -> Asking:
    """A program of a radiologist."""
    return program(Role.RADIOLOGIST)


def recorded(engine: Engine) -> list[tuple[str, str, str, str]]:
    events = [record.event for record in PostgresAuditTrail(engine).records()]
    return [(one.actor, one.action, one.object, one.outcome) for one in events]


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


# --- assessments ----------------------------------------------------------------------------------------------------


def assessed(reader: Asking, **given: object) -> httpx.Response:
    seen = reader.get("/studies/1").json()["results"]
    values = {"result": seen[0]["made_at"] if seen else None, **given}
    return reader.post("/studies/1/assessment", json=values)


def test_an_assessment_is_kept_under_login_and_program(reader: Asking, room: ReadingRoom, engine: Engine) -> None:
    """Who reads it sees that it did not come from the page."""
    room.receive(1)
    room.classify(POSITIVE)
    assert assessed(reader, act="agree", comment=" as seen ").status_code == 204
    (said,) = reader.get("/studies/1").json()["assessments"]
    assert (said["assessor"], said["comment"], said["statements"]["PNEUMONIA"]) == (
        "radiologist/program",
        "as seen",
        "present",
    )
    assert ("radiologist/program", "assess", UID, "success") in recorded(engine)


def test_an_assessment_is_of_the_result_that_was_seen(reader: Asking, room: ReadingRoom) -> None:
    """Another one that came meanwhile makes it void; so does an answer that contradicts itself."""
    room.receive(1)
    room.classify(POSITIVE)
    assert assessed(reader, act="agree", result=None).status_code == 409
    assert assessed(reader, act="agree", result="2026-01-01T00:00:00").status_code == 409
    both = {"COVID19": "present", "PNEUMONIA": "present"}
    for wrong in ({"act": "answer", "statements": both}, {"act": "answer"}, {"act": "agree", "statements": both}):
        assert assessed(reader, **wrong).status_code == 400
    assert reader.get("/studies/1").json()["assessments"] == []


def test_there_is_nothing_to_agree_with_before_a_result(reader: Asking, room: ReadingRoom) -> None:
    """But one may answer."""
    room.receive(1)
    assert assessed(reader, act="agree").status_code == 400
    assert assessed(reader, act="answer", statements={"NORMAL": "present"}).status_code == 204


def test_a_token_that_was_not_made_for_it_assesses_nothing(program: Program, room: ReadingRoom) -> None:
    """Whatever its account may."""
    room.receive(1)
    answer = assessed(program(Role.RADIOLOGIST, Permission.READ), act="answer", comment="x")
    assert (answer.status_code, "'assess'" in answer.json()["detail"]) == (403, True)


# --- uploads --------------------------------------------------------------------------------------------------------


def test_a_film_goes_in_and_its_result_comes_out(program: Program, room: ReadingRoom, engine: Engine) -> None:
    """In words, and as pages to print, which is recorded; how far it is may be asked often, and is not."""
    portal = program(Role.CLINICIAN)
    taken = portal.upload(jpeg())
    assert (taken.status_code, taken.json()["state"], taken.json()["kind"]) == (201, "waiting", "JPEG")
    number = taken.json()["id"]
    assert portal.get(f"/uploads/{number}/result").status_code == 404
    room.classify(POSITIVE)
    state_now, result = portal.get(f"/uploads/{number}").json(), portal.get(f"/uploads/{number}/result").json()
    assert (state_now["is_open"], state_now["label"]) == (False, "PNEUMONIA")
    assert result["headline"] == "Positive: the network names pneumonia."
    assert (len(result["classes"]), result["network"]["version"]) == (3, MODEL.version)
    pages = portal.get(f"/uploads/{number}/report.pdf")
    assert (pages.headers["content-type"], pages.content[:5]) == ("application/pdf", b"%PDF-")
    assert [action for _, action, _, _ in recorded(engine)] == ["upload", "view", "export"]
    assert {actor for actor, *_ in recorded(engine)} == {"clinician/program"}


def test_somebody_elses_upload_is_as_one_that_never_was(program: Program, room: ReadingRoom) -> None:
    """But to a token that may see every study."""
    number = program(Role.CLINICIAN).upload(jpeg()).json()["id"]
    room.classify(POSITIVE)
    ends = ("", "/result", "/report.pdf")
    others = [
        program(Role.CLINICIAN, login="dora"),
        program(Role.OPERATOR),
        program(Role.RADIOLOGIST, Permission.UPLOAD, name="narrow"),
    ]
    foreign = [one.get(f"/uploads/{number}{end}") for one in others for end in ends]
    never = [one.get(f"/uploads/999{end}") for one in others for end in ends]
    assert {one.status_code for one in foreign} == {404}
    assert [one.text for one in foreign] == [one.text for one in never]
    assert others[0].get("/uploads").json() == {"uploads": []}
    assert program(Role.RADIOLOGIST, Permission.READ).get(f"/uploads/{number}/result").status_code == 200


def test_an_account_uploads_so_many_files_a_minute_by_all_its_tokens(program: Program) -> None:
    """The answer says when it may go on; what is no film counts, too."""
    one, other = program(Role.CLINICIAN), program(Role.CLINICIAN, name="other")
    answers = [one.upload(b"no film"), other.upload(b"no film"), one.upload(jpeg())]
    assert [answer.status_code for answer in answers] == [422, 422, 429]
    assert "neither DICOM nor JPEG" in answers[0].json()["detail"]
    assert 1 <= int(answers[2].headers["retry-after"]) <= 60
    assert one.post("/uploads", json={}).status_code == 415


# --- operations and quality -----------------------------------------------------------------------------------------


def test_the_state_of_the_work_is_told(program: Program, engine: Engine) -> None:
    """Queues, held jobs with their reason, peers, disk, duties and alarms."""
    job = held(engine)
    work = program(Role.OPERATOR).get("/operations").json()
    assert [(one["id"], bool(one["reason"])) for one in work["held"]] == [(job, True)]
    assert [(one["name"], one["last_success"]) for one in work["peers"]] == [("pacs", None)]
    assert (work["held_count"], work["urgent_results_undelivered"]["count"]) == (1, 0)
    assert {"lanes", "workers", "networks", "disk", "conflicts"} <= set(work)


def test_an_act_is_done_and_recorded_in_the_programs_name(program: Program, engine: Engine) -> None:
    """Also one that was in vain."""
    job, operator = held(engine), program(Role.OPERATOR, name="pager")
    answer = operator.post(f"/operations/jobs/{job}/requeue", json={"note": " disk  is\nmounted "})
    assert (answer.status_code, state(JobDesk(engine, actor="test"), job)) == (204, "waiting")
    assert operator.post(f"/operations/jobs/{job}/cancel").status_code == 204
    assert operator.post(f"/operations/jobs/{job}/requeue").status_code == 409
    who = "operator/pager"
    assert recorded(engine) == [
        (who, "operate", f"requeue job {job} disk is mounted", "success"),
        (who, "operate", f"cancel job {job}", "success"),
        (who, "operate", f"requeue job {job}", "failed"),
    ]


def test_lanes_are_paused_and_go_on(program: Program) -> None:
    """Once each."""
    operator = program(Role.OPERATOR)
    acts = ("pause", "pause", "resume", "resume")
    answers = [operator.post(f"/operations/lanes/{act}", json={"lane": "classify"}).status_code for act in acts]
    assert answers == [204, 409, 204, 409]


@pytest.mark.filterwarnings(
    "ignore::pytest.PytestUnraisableExceptionWarning"
)  # pynetdicom drops the unconnected socket
def test_a_test_of_a_peer_says_what_was_tried(program: Program, engine: Engine) -> None:
    """One that does not answer fails; one that there is not is not found."""
    operator = program(Role.OPERATOR)
    told = operator.post("/operations/peers/pacs/test").json()
    assert (told["is_good"], told["checks"][0]["is_good"]) == (False, False)
    assert recorded(engine) == [("operator/program", "operate", "test peer pacs", "failed")]
    assert operator.post("/operations/peers/none/test").status_code == 404


def test_figures_of_quality_are_told(reader: Asking, room: ReadingRoom) -> None:
    """Of a window that there is."""
    room.receive(1)
    room.classify(POSITIVE)
    room.assess(1)
    figures = reader.get("/quality?weeks=4&by=both").json()
    assert figures["groups"][-1]["targets"]["PNEUMONIA"]["false_positive"] == 1
    assert [(one["studies"], one["films"]) for one in figures["volumes"]] == [(1, 1)]
    assert reader.get("/quality?weeks=5").status_code == 422
