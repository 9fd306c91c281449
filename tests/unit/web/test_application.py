"""The application, with rooms that fail."""

from __future__ import annotations

import hashlib
import re
import threading
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import IO, Any, TypeVar

import httpx2 as httpx
import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from domain.alarm import Overdue
from domain.dicomweb import DicomJson, Page, Place, StepReply, Taken
from domain.errors import Permanent, Transient
from domain.ids import AeTitle
from tests.fakes import RecordedEvents
from web.access import Client, Right
from web.application import Services, application
from web.services import offered

T = TypeVar("T")
TOKEN = "secret"
THREADS = 40
"""That a server answers in."""
WATCHED = ("/health", "/alarms", "/metrics")
STUDY: DicomJson = {"0020000D": {"vr": "UI", "Value": ["1.2.3"]}}


@dataclass
class FakeRooms:
    """A library, a door and a desk in one, which raise a problem if they have one."""

    problem: Exception | None = None
    pages: list[Page] = field(default_factory=list)

    def studies(self, parameters: Sequence[tuple[str, str]], page: Page) -> list[DicomJson]:
        del parameters
        self.pages.append(page)
        return self._answer([STUDY] * min(page.limit, 3))

    def series(self, study_uid: str, parameters: Sequence[tuple[str, str]], page: Page) -> list[DicomJson]:
        del study_uid, parameters, page
        return self._answer([])

    def instances(self, place: Place, parameters: Sequence[tuple[str, str]], page: Page) -> list[DicomJson]:
        del place, parameters, page
        return self._answer([])

    def metadata(self, place: Place) -> list[DicomJson]:
        del place
        return self._answer([])

    def files(self, place: Place) -> Iterator[bytes]:
        del place
        return iter(self._answer([b"one", b"two"]))

    def take(self, file: IO[bytes], size_bytes: int, *, source: AeTitle, study_uid: str) -> Taken:
        del file, size_bytes, source
        return Taken(sop_class_uid="1.2", sop_instance_uid="1.3", study_uid=study_uid, failure=None)

    def find(self, parameters: Sequence[tuple[str, str]], page: Page) -> list[DicomJson]:
        del parameters, page
        return self._answer([])

    def get(self, uid: str) -> DicomJson | None:
        del uid
        return None

    def change_state(self, uid: str, wanted: Mapping[str, Any], *, performer: str) -> StepReply:
        del uid, wanted, performer
        return StepReply(status=0xB306, name="ALREADY_COMPLETED", is_done=True)

    def modify(self, uid: str, modifications: Mapping[str, Any], *, transaction_uid: str) -> StepReply:
        del uid, modifications, transaction_uid
        return StepReply(status=0x0213, name="RESOURCE_LIMITATION", is_done=False)

    def overdue(self) -> Overdue:
        return self._answer(Overdue(untold=(), count=2, peers=(), waiting_for=("pacs",), oldest_seconds=700.4))

    def _answer(self, answer: T) -> T:
        if self.problem is not None:
            raise self.problem
        return answer


@dataclass
class BusyRooms(FakeRooms):
    """Rooms in which all who work wait, as for a database that is away."""

    begun: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    go_on: threading.Event = field(default_factory=threading.Event)

    def overdue(self) -> Overdue:
        self.begun.release()
        self.go_on.wait(60)
        return super().overdue()


@dataclass
class Web:
    """An application, asked."""

    rooms: FakeRooms
    events: RecordedEvents = field(default_factory=RecordedEvents)
    rights: frozenset[Right] = frozenset(Right)

    def app(self) -> FastAPI:
        digest = hashlib.sha256(TOKEN.encode()).hexdigest()
        client = Client(name=AeTitle("PORTAL"), token_sha256=digest, rights=self.rights)
        services = Services(
            library=self.rooms,
            door=self.rooms,
            desk=self.rooms,
            overdue=self.rooms.overdue,
            clients=[client],
            largest_bytes=1000,
            events=self.events,
        )
        return application(services)

    def ask(self, method: str, path: str, **options: Any) -> httpx.Response:  # noqa: ANN401 - of a request
        headers = {"Authorization": f"Bearer {TOKEN}", **options.pop("headers", {})}
        with TestClient(self.app(), raise_server_exceptions=False) as opened:
            return opened.request(
                method, path if path.startswith(WATCHED) else f"/dicom-web{path}", headers=headers, **options
            )


@pytest.mark.parametrize(
    ("problem", "status"),
    [(Transient("the database can't be reached"), 503), (Permanent("it can't be encoded"), 500)],
)
def test_a_failure_of_a_room_is_told(problem: Exception, status: int) -> None:
    """In its own words, which name nobody; what passes says when to come again."""
    answer = Web(FakeRooms(problem)).ask("GET", "/studies")
    assert (answer.status_code, answer.json()) == (status, {"detail": str(problem)})
    assert ("retry-after" in answer.headers) is (status == 503)


def test_a_server_lives_whose_hands_are_full() -> None:
    """To start it again would take from people the page that says what they wait for."""
    rooms = BusyRooms()
    with TestClient(Web(rooms).app()) as opened, ThreadPoolExecutor(THREADS + 1) as asking:
        waiting = [asking.submit(opened.get, "/health/ready") for _ in range(THREADS)]
        try:
            assert all(rooms.begun.acquire(timeout=30) for _ in range(THREADS))
            assert asking.submit(opened.get, "/health/live").result(30).status_code == 200
        finally:
            rooms.go_on.set()
    assert {one.result().status_code for one in waiting} == {200}


def test_an_unforeseen_failure_shows_nothing_of_itself() -> None:
    """Neither to the program nor to the log: its text may name a patient."""
    web = Web(FakeRooms(RuntimeError("Sekret^Maria")))
    answer = web.ask("GET", "/studies")
    assert (answer.status_code, "Sekret" in answer.text) == (500, False)
    assert web.events.told[0] == (
        "error",
        "web-request-failed",
        {"place": "GET /dicom-web/studies", "error": "RuntimeError"},
    )


def test_who_only_asks_whether_we_live_leaves_no_line_in_the_log() -> None:
    """It is asked every few seconds; other requests are told."""
    web = Web(FakeRooms())
    assert web.ask("GET", "/health/live").status_code == 200
    assert web.ask("GET", "/health/ready").status_code == 200
    assert [fields["place"] for _, _, fields in web.events.told] == ["GET /health/ready"]


def test_every_answer_says_that_nobody_keeps_it() -> None:
    """Nor guesses what it is, nor runs anything in it."""
    headers = Web(FakeRooms()).ask("GET", "/studies").headers
    assert (headers["cache-control"], headers["x-content-type-options"]) == ("no-store", "nosniff")
    assert headers["content-security-policy"].startswith("default-src 'none'")


def test_a_page_that_is_full_says_that_there_is_more() -> None:
    """The next one is asked for by offset; no page is longer than a thousand."""
    web = Web(FakeRooms())
    full, last = web.ask("GET", "/studies?limit=2&offset=4"), web.ask("GET", "/studies?limit=5000")
    assert ("warning" in full.headers, "warning" in last.headers) == (True, False)
    assert web.rooms.pages == [Page(limit=2, offset=4), Page(limit=1000)]
    assert full.json()[0]["00081190"]["Value"] == ["http://testserver/dicom-web/studies/1.2.3"]


def test_several_files_do_not_fit_into_one() -> None:
    """Who wants one body gets one instance, or is told."""
    answer = Web(FakeRooms()).ask("GET", "/studies/1.2.3", headers={"Accept": "application/dicom"})
    assert answer.status_code == 406


def test_a_body_that_was_cut_off_is_not_taken_for_whole() -> None:
    """What came is taken; the status says that it is not all."""
    body = b"--x\r\n\r\nfilm\r\n--x\r\n\r\nhalf a fi"
    headers = {"Content-Type": 'multipart/related; type="application/dicom"; boundary=x'}
    assert Web(FakeRooms()).ask("POST", "/studies", content=body, headers=headers).status_code == 202


@pytest.mark.parametrize(
    ("method", "path", "status"), [("PUT", "/workitems/1.2/state", 200), ("POST", "/workitems/1.2", 413)]
)
def test_what_became_of_a_change_is_told(method: str, path: str, status: int) -> None:
    """With the status of the network in a warning."""
    answer = Web(FakeRooms()).ask(method, path, json=[{}])
    assert answer.status_code == status
    assert answer.headers["warning"].startswith("299 hilum")


@pytest.mark.parametrize("body", [[], [1], "text", [{}, {}]])
def test_a_change_is_one_data_set(body: object) -> None:
    """Nothing else is guessed."""
    assert Web(FakeRooms()).ask("PUT", "/workitems/1.2/state", json=body).status_code == 400


def test_an_alarm_is_there_for_programs_and_for_prometheus() -> None:
    """How many urgent results reach nobody, of which peers, since when."""
    web = Web(FakeRooms())
    told = {"count": 2, "peers": ["pacs"], "oldest_seconds": 700}
    assert web.ask("GET", "/alarms").json() == {"urgent_results_undelivered": told}
    lines = web.ask("GET", "/metrics").text.splitlines()
    assert {"hilum_urgent_results_undelivered 2.0", "hilum_urgent_result_oldest_seconds 700.4"} <= set(lines)


@pytest.mark.parametrize(("problem", "statuses"), [(None, [200, 200]), (Transient("the database is away"), [200, 503])])
def test_a_server_without_its_database_is_alive_and_not_ready(problem: Exception | None, statuses: list[int]) -> None:
    """Whoever asks needs no token."""
    web = Web(FakeRooms(problem))
    anybody = {"Authorization": ""}
    answers = [web.ask("GET", f"/health/{what}", headers=anybody).status_code for what in ("live", "ready")]
    assert (answers, web.ask("GET", "/alarms", headers=anybody).status_code) == (statuses, 401)


@pytest.mark.parametrize("row", offered().rows, ids=lambda row: f"{row[0]} {row[1]}")
def test_a_service_needs_the_right_that_papers_say(row: Sequence[str]) -> None:
    """With every other right it is forbidden; with its own, or where it needs none, it is not."""
    method, address, _, right = row
    path = re.sub(r"\{[^}]*\}", "1", address.removeprefix("/dicom-web"))
    others = frozenset(one for one in Right if one.value != right)
    assert (Web(FakeRooms(), rights=others).ask(method, path).status_code == 403) is (right != "none")
    assert Web(FakeRooms()).ask(method, path).status_code != 403
