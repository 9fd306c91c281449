"""The pages of uploads: who may upload what, and who sees the result."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from sqlalchemy import Engine, text
from starlette.testclient import TestClient

from db.audit import PostgresAuditTrail
from db.engine import transaction
from db.intake import PostgresIntake
from db.queue import PostgresQueue
from db.studies import PostgresStudies
from dicom_node.arrivals import Storage
from dicom_node.spool import Spool
from domain.accounts import Role
from domain.film import Unsuitable
from domain.findings import Findings, Probabilities
from domain.ids import StudyId
from hilum.uploads import SOURCE, ProcessUploadDoor
from tests.conftest import migrated
from tests.doors import as_file
from tests.fakes import MODEL, RecordedEvents, examined
from tests.films import PATIENT, film
from tests.page_visitor import Visitor, add_account, house_of
from tests.uploading import jpeg, png_bomb, upload_room
from web.pages.house import add_pages

PNEUMONIA = Probabilities(covid19=0.05, normal=0.05, pneumonia=0.9)
CLINICIANS = ("carl", "dora")


@pytest.fixture
def engine(embedded_url: str) -> Iterator[Engine]:
    """A database with an account of each role, and two clinicians."""
    with migrated(embedded_url) as engine:
        for login in CLINICIANS:
            add_account(engine, login, Role.CLINICIAN)
        for role in (Role.RADIOLOGIST, Role.OPERATOR, Role.ADMIN):
            add_account(engine, role.value, role)
        yield engine


@pytest.fixture
def door(engine: Engine, tmp_path: Path) -> Iterator[ProcessUploadDoor]:
    """A door that takes films into a spool."""
    intake = PostgresIntake(engine, quiet=timedelta(hours=1), max_attempts=3)
    listing = PostgresIntake(engine, quiet=timedelta(hours=1), max_attempts=3, workitems_expire=timedelta(days=1))
    place = Storage(store=Spool(tmp_path / "spool"), intake=intake, events=RecordedEvents())
    yield ProcessUploadDoor(beside=place, to_read=replace(place, intake=listing), megabytes=2048)
    for one in (intake, listing):
        one.close()


@pytest.fixture
def visit(engine: Engine, door: ProcessUploadDoor) -> Iterator[Callable[..., Visitor]]:
    """Opens a browser of somebody who is logged in."""
    with ExitStack() as opened:

        def open_browser(login: str, **changes: int) -> Visitor:
            app = FastAPI()
            add_pages(app, house_of(engine, uploads=upload_room(engine, door, **changes)))
            visitor = Visitor(opened.enter_context(TestClient(app)))
            visitor.log_in(login)
            return visitor

        yield open_browser


def sent(visitor: Visitor, content: Any, **query: str) -> Any:  # noqa: ANN401 - a body, a response
    headers = {"X-CSRF-Token": visitor.csrf("/upload"), "Content-Type": "application/octet-stream"}
    return visitor.client.post("/upload/films", params=query, content=content, headers=headers)


def classify(engine: Engine, result: Probabilities | Unsuitable = PNEUMONIA) -> None:
    """Let the next study have a result."""
    (job,) = PostgresQueue(engine).claim("classify", worker="host:1", lease=timedelta(seconds=30))
    studies = PostgresStudies(engine, routes=[])
    films = studies.films([StudyId(job.subject_id)])[StudyId(job.subject_id)]
    if isinstance(result, Unsuitable):
        found = Findings(model=MODEL, films=films, unsuitable=result)
    else:
        found = Findings(model=MODEL, films=films, analysed=films[0], probabilities=result)
    studies.settle_classified([(job, examined(found))])


def asked(engine: Engine, query: str) -> Any:  # noqa: ANN401 - a value of the database
    with transaction(engine) as connection:
        return connection.execute(text(query)).scalar_one()


def recorded(engine: Engine) -> list[tuple[str, str, str, str]]:
    events = [record.event for record in PostgresAuditTrail(engine).records()]
    return [(one.actor, one.action, one.outcome, one.object) for one in events if one.action != "login"]


def test_a_picture_is_taken_and_has_its_result_at_once(visit: Callable[..., Visitor], engine: Engine) -> None:
    """It need not wait for a quiet study; it is recorded, and not on the reading worklist."""
    carl = visit("carl")
    answer = sent(carl, jpeg())
    assert (answer.status_code, answer.json()["state"], answer.json()["kind"]) == (201, "waiting", "JPEG")
    classify(engine)
    (row,) = carl.client.get("/upload/history").json()
    assert (row["result"], row["is_open"]) == ("Positive: pneumonia", False)
    uid = asked(engine, "SELECT study_instance_uid FROM studies")
    assert ("carl", "upload", "success", uid) in recorded(engine)
    assert asked(engine, "SELECT calling_ae_title FROM instances") == SOURCE
    assert asked(engine, "SELECT count(*) FROM workitems") == 0


def test_a_film_goes_on_the_worklist_when_somebody_asks_for_it(visit: Callable[..., Visitor], engine: Engine) -> None:
    """And only then."""
    assert sent(visit("carl"), as_file(film(1)), read="please").json()["is_to_read"] is True
    assert asked(engine, "SELECT count(*) FROM workitems") == 1


@pytest.mark.parametrize("names", ["out", "kept"])
def test_names_are_left_out_unless_somebody_wants_them(
    visit: Callable[..., Visitor], engine: Engine, tmp_path: Path, names: str
) -> None:
    """Before anything is stored: neither file nor row has them."""
    assert sent(visit("carl"), as_file(film(1)), names=names).status_code == 201
    expected = names == "kept"
    (file,) = (path for path in (tmp_path / "spool").rglob("*") if path.is_file())
    assert (PATIENT.encode() in file.read_bytes()) is expected
    assert (asked(engine, "SELECT patient_name FROM study_identities") == PATIENT) is expected


@pytest.mark.parametrize("role", ["operator", "admin"])
def test_who_may_not_upload_is_refused(visit: Callable[..., Visitor], role: str) -> None:
    """The page is not in their bar either."""
    visitor = visit(role)
    assert visitor.get("/upload").status_code == 403
    assert 'href="/upload"' not in visitor.get("/welcome").text
    answer = visitor.client.post("/upload/films", content=jpeg())
    assert answer.status_code == 403


def test_a_file_needs_the_sessions_token(visit: Callable[..., Visitor]) -> None:
    """And is sent by itself."""
    carl = visit("carl")
    headers = {"Content-Type": "application/octet-stream", "X-CSRF-Token": "another"}
    assert carl.client.post("/upload/films", content=jpeg(), headers=headers).status_code == 403
    form = {"Content-Type": "text/plain", "X-CSRF-Token": carl.csrf("/upload")}
    assert carl.client.post("/upload/films", content=jpeg(), headers=form).status_code == 415


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"This is a text that somebody named film.jpg.", "neither DICOM nor JPEG nor PNG"),
        (b"\xff\xd8\xff and then nothing that is a picture", "damaged"),
        (png_bomb(), "more pixels than any film"),
        (bytes(128) + b"DICM and then nothing", "damaged"),
        (b"", "empty"),
    ],
    ids=["text", "stump", "bomb", "no data set", "empty"],
)
def test_what_is_no_film_is_refused_in_a_sentence(
    visit: Callable[..., Visitor], engine: Engine, content: bytes, sentence: str
) -> None:
    """Nothing of it is kept."""
    carl = visit("carl")
    answer = sent(carl, content)
    assert (answer.status_code, sentence in answer.json()["detail"]) == (422, True)
    assert carl.client.get("/upload/history").json() == []
    assert asked(engine, "SELECT count(*) FROM studies") == 0
    failures = [outcome for _, action, outcome, _ in recorded(engine) if action == "upload"]
    assert failures == (["failed"] if content else [])


def test_a_huge_body_is_refused_before_it_is_sent(visit: Callable[..., Visitor]) -> None:
    """By its length where it says it, and while it comes where it does not."""
    carl = visit("carl", largest_bytes=1_000_000)
    pieces = (bytes(100_000) for _ in range(1_000))
    answers = [sent(carl, bytes(1_000_001)), sent(carl, pieces)]
    assert [(one.status_code, "1 MB" in one.json()["detail"]) for one in answers] == [(413, True)] * 2


def test_an_account_uploads_so_many_files_a_minute(visit: Callable[..., Visitor]) -> None:
    """The answer says when it may go on."""
    carl = visit("carl", a_minute=2)
    answers = [sent(carl, jpeg()) for _ in range(3)]
    assert [one.status_code for one in answers] == [201, 201, 429]
    assert 1 <= int(answers[2].headers["Retry-After"]) <= 60


ADDRESSES = ("", "/state", "/film.png", "/report", "/report.pdf")


def test_somebody_elses_upload_is_not_there(visit: Callable[..., Visitor], engine: Engine) -> None:
    """As one that never was; a radiologist sees it."""
    number = sent(visit("carl"), jpeg()).json()["id"]
    classify(engine)
    others = [visit(login) for login in ("dora", "operator", "admin")]
    foreign = [one.get(f"/uploads/{number}{end}") for one in others for end in ADDRESSES]
    never = [one.get(f"/uploads/999{end}") for one in others for end in ADDRESSES]
    assert {one.status_code for one in (*foreign, *never)} == {404}
    assert {one.text for one in foreign} == {one.text.replace("999", str(number)) for one in never}
    assert visit("dora").client.get("/upload/history").json() == []
    radiologist = visit("radiologist")
    assert radiologist.get(f"/uploads/{number}").status_code == 200


def test_nobody_reaches_a_study_by_naming_it(visit: Callable[..., Visitor], engine: Engine) -> None:
    """A film that claims to be of a study that came by another way becomes a study of its own."""
    real, forged = film(1), film(2)
    forged.StudyInstanceUID = real.StudyInstanceUID
    numbers = [sent(visit(login), as_file(one)).json()["id"] for login, one in (("carl", real), ("dora", forged))]
    studies = "SELECT count(DISTINCT study_id) FROM uploads"
    assert (len(set(numbers)), asked(engine, studies)) == (2, 2)
    known = f"SELECT count(*) FROM studies WHERE study_instance_uid = '{real.StudyInstanceUID}'"
    assert asked(engine, known) == 0


def test_the_result_says_all_that_is_known(visit: Callable[..., Visitor], engine: Engine) -> None:
    """Verdict, outputs, thresholds, what it means, for whom, by which network; each view is recorded."""
    carl = visit("carl")
    number = sent(carl, jpeg()).json()["id"]
    assert "waiting" in carl.get(f"/uploads/{number}").text
    classify(engine)
    page = carl.get(f"/uploads/{number}").text
    for said in (
        "Positive: the network names pneumonia.",
        "90.0 %",
        "Named from",
        "not a diagnosis",
        "Symptoms",
        "Treatment options",
        "Prevention",
        "For clinicians",
        MODEL.version,
    ):
        assert said in page
    uid = asked(engine, "SELECT study_instance_uid FROM studies")
    assert recorded(engine)[-1] == ("carl", "view", "success", uid)


def test_the_result_says_why_a_film_is_not_classified(visit: Callable[..., Visitor], engine: Engine) -> None:
    """In the words of the reason."""
    carl = visit("carl")
    number = sent(carl, jpeg()).json()["id"]
    classify(engine, Unsuitable.NO_LUNGS)
    page = carl.get(f"/uploads/{number}").text
    assert "No two lungs of plausible size and place were found in the image." in page
    assert carl.client.get("/upload/history").json()[0]["result"] == "Not classified"
    assert carl.get(f"/uploads/{number}/film.png").status_code == 404  # no pixels here


def test_a_report_is_printed_or_taken_away(visit: Callable[..., Visitor], engine: Engine) -> None:
    """As a page and as a PDF, both recorded."""
    carl = visit("carl")
    number = sent(carl, jpeg()).json()["id"]
    assert carl.get(f"/uploads/{number}/report").status_code == 404
    classify(engine)
    assert "NOT FOR DIAGNOSTIC USE" in carl.get(f"/uploads/{number}/report").text
    pages = carl.get(f"/uploads/{number}/report.pdf")
    assert (pages.headers["content-type"], pages.content[:5]) == ("application/pdf", b"%PDF-")
    assert [action for _, action, _, _ in recorded(engine)][-2:] == ["export", "export"]
