"""What programs do through the API, in whose name, and what is recorded of it."""

from __future__ import annotations

import httpx2 as httpx
import pytest
from sqlalchemy import Engine

from db.job_desk import JobDesk
from domain.accounts import Permission, Role
from tests.api_client import Asking, Program, recorded
from tests.contract.test_job_desk import held, state
from tests.fakes import MODEL
from tests.reading import POSITIVE, ReadingRoom
from tests.uploading import jpeg

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
