"""The radiologists' list as a page: who sees it, what it says, what is recorded, what is kept."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from fastapi import FastAPI
from sqlalchemy import Engine
from starlette.testclient import TestClient

from db.audit import PostgresAuditTrail
from domain.accounts import Role
from domain.film import Unsuitable
from tests.conftest import migrated
from tests.page_visitor import Visitor, add_account, front_door, house_of
from tests.reading import POSITIVE, ReadingRoom
from web.pages.house import add_pages

Visit = Callable[[str], Visitor]


@pytest.fixture
def engine(embedded_url: str) -> Iterator[Engine]:
    """A database with an account of each role."""
    with migrated(embedded_url) as engine:
        for role in Role:
            add_account(engine, role.value, role)
        yield engine


@pytest.fixture
def visit(engine: Engine) -> Iterator[Visit]:
    """Logs somebody in, in a browser of its own."""
    with front_door(house_of(engine)) as log_in:
        yield log_in


@pytest.fixture
def room(engine: Engine) -> ReadingRoom:
    """The hospital."""
    return ReadingRoom(engine)


def recorded(engine: Engine) -> list[tuple[str, str, str]]:
    events = [record.event for record in PostgresAuditTrail(engine).records()]
    return [(event.action, event.object, event.outcome) for event in events if event.action != "login"]


@pytest.mark.parametrize("role", list(Role))
@pytest.mark.parametrize("path", ["/worklist", "/worklist/events"])
def test_only_radiologists_see_the_list(visit: Visit, room: ReadingRoom, role: Role, path: str) -> None:
    """Others are refused, and see no patient; so are those who are not logged in."""
    room.receive(1)
    visitor = visit(role.value)
    if role is not Role.RADIOLOGIST:
        page = visitor.get(path)
        assert (page.status_code, "DOE1" in page.text) == (403, False)
        assert recorded(room.engine)[-1] == ("view", path, "denied")
        assert '<a href="/worklist"' not in page.text
    elif path == "/worklist":
        page = visitor.get(path)
        assert (page.status_code, "DOE1, JANE" in page.text) == (200, True)
        assert str(visitor.get("/").url).endswith("/worklist")


def test_a_stranger_is_led_to_the_login(engine: Engine) -> None:
    """As from every page."""
    app = FastAPI()
    add_pages(app, house_of(engine))
    with TestClient(app) as client:
        assert "/login" in str(Visitor(client).get("/worklist").url)
        assert client.post("/worklist/rows", data={"csrf": ""}).status_code == 401


def test_a_row_says_what_is_suggested_and_why(visit: Visit, room: ReadingRoom) -> None:
    """With the probabilities, the thresholds and who reads it; a link without a name or a UID."""
    room.receive(1)
    room.classify(POSITIVE)
    room.claim(1, "READER7")
    page = visit("radiologist").get("/worklist").text
    for text in (
        "suggested by AI",
        "positive: Pneumonia",
        "92.0 %",
        "threshold 60.0 %",
        "being read: READER7",
        "P1",
        "A1",
    ):
        assert text in page
    assert 'href="/studies/1"' in page
    assert "2.25." not in page


def test_a_row_says_why_there_is_no_result(visit: Visit, room: ReadingRoom) -> None:
    """In a sentence."""
    room.receive(1)
    room.classify(Unsuitable.NOT_FRONTAL)
    assert Unsuitable.NOT_FRONTAL.sentence in visit("radiologist").get("/worklist").text


def test_a_list_that_was_shown_is_recorded_without_what_was_searched_for(visit: Visit, engine: Engine) -> None:
    """Once; not each time its rows are fetched anew."""
    visitor = visit("radiologist")
    known = len(recorded(engine))
    csrf = visitor.csrf("/worklist?priority=HIGH")
    visitor.post("/worklist/rows", csrf=csrf, priority="HIGH")
    assert recorded(engine)[known:] == [("search", "worklist: priority", "success")]
    for _ in range(2):
        visitor.post("/worklist/rows", csrf=csrf, q="doe")
    assert recorded(engine)[known + 1 :] == [("search", "worklist: search", "success")]


def test_a_search_is_never_in_an_address(visit: Visit, room: ReadingRoom) -> None:
    """It is sent in the body; what an address says of it counts for nothing."""
    room.receive(1)
    room.receive(2)
    visitor = visit("radiologist")
    assert "DOE2" in visitor.get("/worklist?q=doe1").text
    page = visitor.post("/worklist", csrf=visitor.csrf("/worklist"), q="doe1")
    assert ("DOE1" in page.text, "DOE2" in page.text) == (True, False)
    assert 'method="post" action="/worklist"' in page.text


def test_forms_of_other_sessions_are_refused(visit: Visit) -> None:
    """Each of them."""
    visitor = visit("radiologist")
    for path in ("/worklist", "/worklist/rows", "/worklist/filters", "/worklist/filters/1/delete"):
        assert visitor.post(path, csrf="stolen", name="x").status_code == 403


def test_more_than_a_page_goes_on(visit: Visit, room: ReadingRoom) -> None:
    """Behind the last study of the page before."""
    for study in range(1, 53):
        room.receive(study)
    visitor = visit("radiologist")
    first = visitor.get("/worklist").text
    assert (first.count("<tr id="), "Next page" in first) == (50, True)
    second = visitor.post("/worklist", csrf=visitor.csrf("/worklist"), behind="50").text
    assert (second.count("<tr id="), "Next page" in second, "First page" in second) == (2, False, True)


def test_a_filter_is_kept_without_what_was_searched_for(visit: Visit) -> None:
    """It leads back to the same list, until it is deleted."""
    visitor = visit("radiologist")
    csrf = visitor.csrf("/worklist")
    page = visitor.post("/worklist/filters", csrf=csrf, name="Night shift", priority="HIGH", state="failed", q="doe")
    assert str(page.url).endswith("/worklist?state=failed&priority=HIGH")
    assert 'href="/worklist?state=failed&amp;priority=HIGH">Night shift</a>' in page.text
    assert "doe" not in page.text
    assert "Night shift" not in visitor.post("/worklist/filters/1/delete", csrf=csrf).text


def test_a_filter_without_a_name_is_not_kept(visit: Visit) -> None:
    """The page says so."""
    visitor = visit("radiologist")
    page = visitor.post("/worklist/filters", csrf=visitor.csrf("/worklist"), name=" ")
    assert (page.status_code, "it needs a name" in page.text) == (400, True)


@pytest.mark.parametrize("address", ["state=nothing", "since=yesterday", "priority=URGENT"])
def test_filters_that_there_are_not_are_refused(visit: Visit, address: str) -> None:
    """Rather than left out silently."""
    assert visit("radiologist").get(f"/worklist?{address}").status_code == 422


def test_an_empty_list_says_so(visit: Visit) -> None:
    """Instead of showing nothing."""
    page = visit("radiologist").get("/worklist").text
    assert '<p id="empty" class="empty">No study meets these filters.' in page
