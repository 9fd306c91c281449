"""The radiologists' list in a browser: kept up to date, and moved through by keys."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from fastapi import FastAPI
from playwright.sync_api import Browser, Page, expect
from sqlalchemy import Engine

from db.reading_news import PostgresReadingNews
from domain.accounts import Role
from tests.browser import Person, person, serving
from tests.conftest import migrated
from tests.page_visitor import add_account, house_of
from tests.reading import NEGATIVE, POSITIVE, ReadingRoom
from web.pages.house import add_pages

pytestmark = pytest.mark.peers


@pytest.fixture
def room(embedded_url: str) -> Iterator[ReadingRoom]:
    """A hospital with one radiologist and three studies."""
    with migrated(embedded_url) as engine:
        add_account(engine, "radiologist", Role.RADIOLOGIST)
        room = ReadingRoom(engine)
        for study in (1, 2, 3):
            room.receive(study)
        yield room


@pytest.fixture
def reader(browser: Browser, room: ReadingRoom) -> Iterator[Person]:
    """A radiologist who looks at the list, which is live."""
    with house(room.engine) as base, person(browser, base) as reader:
        reader.log_in("radiologist")
        expect(reader.page.locator("#live")).to_have_text("live")
        yield reader


@contextmanager
def house(engine: Engine) -> Iterator[str]:
    """Serve the pages of a database, and listen to it as long."""
    whole = house_of(engine)
    app = FastAPI()
    add_pages(app, whole)
    with serving(app) as address:
        yield address
    assert isinstance(whole.reading.news, PostgresReadingNews)
    whole.reading.news.close()


def names(page: Page) -> list[str]:
    return page.locator("#rows th a").all_inner_texts()


def test_a_study_that_comes_appears_and_a_positive_result_lets_it_rise(reader: Person, room: ReadingRoom) -> None:
    """Without a reload, and said to those who do not see it."""
    page = reader.page
    page.evaluate("window.isTheSamePage = true")
    room.receive(4)
    expect(page.locator("#study-4 a")).to_have_text("DOE4, JANE")
    expect(page.locator("#said")).to_have_text("New study: DOE4, JANE.")
    for scores in (NEGATIVE, NEGATIVE, NEGATIVE, POSITIVE):
        room.classify(scores)
    expect(page.locator("#rows tr").first).to_contain_text("positive: Pneumonia")
    assert names(page) == ["DOE4, JANE", "DOE1, JANE", "DOE2, JANE", "DOE3, JANE"]
    expect(page.locator("#said")).to_contain_text("Suggested HIGH: DOE4, JANE")
    assert page.evaluate("window.isTheSamePage")


def test_the_title_flashes_for_a_study_that_is_newly_urgent(reader: Person, room: ReadingRoom) -> None:
    """Unless somebody has switched it off, which is remembered."""
    page = reader.page
    room.classify(POSITIVE)
    expect(page).to_have_title("(1) suggested HIGH")
    page.get_by_label("Flash the title").uncheck()
    page.get_by_label("Sound for new HIGH").check()
    page.reload()
    expect(page.get_by_label("Flash the title")).not_to_be_checked()
    expect(page.get_by_label("Sound for new HIGH")).to_be_checked()
    expect(page.locator("#live")).to_have_text("live")
    room.classify(POSITIVE)
    expect(page.locator("#said")).to_contain_text("Suggested HIGH")
    expect(page).to_have_title(re.compile("^Worklist"))


def test_a_change_takes_neither_the_focus_nor_the_place(reader: Person, room: ReadingRoom) -> None:
    """Whoever has chosen a study stays at it, wherever it goes."""
    page = reader.page
    page.keyboard.press("j")
    expect(page.locator("#study-1 a")).to_be_focused()
    for scores in (NEGATIVE, POSITIVE):
        room.classify(scores)
    expect(page.locator("#rows tr").first).to_contain_text("DOE2")
    expect(page.locator("#study-1 a")).to_be_focused()


def test_keys_lead_through_the_list(reader: Person) -> None:
    """Up, down, search, help, and Enter opens the study."""
    page = reader.page
    for key, study in (("j", 1), ("ArrowDown", 2), ("j", 3), ("j", 3), ("k", 2), ("ArrowUp", 1)):
        page.keyboard.press(key)
        expect(page.locator(f"#study-{study} a")).to_be_focused()
    page.keyboard.press("?")
    expect(page.locator("#help")).to_be_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("/")
    expect(page.locator("input[name=q]")).to_be_focused()
    page.keyboard.type("jrk?")
    expect(page.locator("input[name=q]")).to_have_value("jrk?")


def test_enter_opens_the_study(reader: Person) -> None:
    """As a link does."""
    reader.page.keyboard.press("j")
    with reader.page.expect_request("**/studies/1") as opened:
        reader.page.keyboard.press("Enter")
    assert opened.value.url.endswith("/studies/1")
    reader.page.wait_for_load_state()
    reader.troubles.clear()  # whether there is such a page is shown elsewhere


def test_a_search_goes_on_while_the_list_changes(reader: Person, room: ReadingRoom) -> None:
    """What does not fit does not come in; what was searched for is in no address."""
    page = reader.page
    page.keyboard.press("/")
    page.keyboard.type("doe2")
    page.keyboard.press("Enter")
    expect(page.locator("#rows tr")).to_have_count(1)
    expect(page.locator("#live")).to_have_text("live")
    room.receive(4)
    room.receive(20)
    expect(page.locator("#study-5 a")).to_have_text("DOE20, JANE")
    assert names(page) == ["DOE2, JANE", "DOE20, JANE"]
    assert "doe2" not in page.url


def test_a_filter_is_chosen_saved_and_used_again(reader: Person, room: ReadingRoom) -> None:
    """By its name."""
    page = reader.page
    room.classify(POSITIVE)
    page.locator("select[name='priority']").select_option("HIGH")
    expect(page.locator("#rows tr")).to_have_count(1)
    page.get_by_label("Name of the filter").fill("Urgent")
    page.get_by_role("button", name="Save filter").click()
    page.get_by_role("link", name="Clear").click()
    expect(page.locator("#rows tr")).to_have_count(3)
    page.get_by_role("link", name="Urgent", exact=True).click()
    expect(page.locator("#rows tr")).to_have_count(1)
    page.get_by_role("button", name="Delete the filter Urgent").click()
    expect(page.get_by_role("link", name="Urgent", exact=True)).to_have_count(0)


def test_the_address_keeps_the_filters(reader: Person, room: ReadingRoom) -> None:
    """So that a reload shows the same list, and the pages of a long one go on from there."""
    page = reader.page
    for study in range(4, 56):
        room.receive(study)
    page.get_by_label("Order by").select_option("newest")
    expect(page.locator("#rows tr").first).to_contain_text("DOE55")
    page.reload()
    expect(page.locator("#rows tr").first).to_contain_text("DOE55")
    page.get_by_role("button", name="Next page").click()
    expect(page.locator("#rows tr")).to_have_count(5)
    page.get_by_role("button", name="First page").click()
    expect(page.locator("#rows tr")).to_have_count(50)


def test_what_was_read_leaves_the_list(reader: Person, room: ReadingRoom) -> None:
    """While one looks; a claim is seen before."""
    room.claim(2, "READER7")
    expect(reader.page.locator("#study-2")).to_contain_text("being read: READER7")
    room.assess(3)
    expect(reader.page.locator("#study-3")).to_have_count(0)


def test_a_list_that_keeps_itself_up_to_date_keeps_nobody_logged_in(reader: Person, room: ReadingRoom) -> None:
    """Only what somebody does."""
    idle = "SELECT count(*) FROM web_sessions WHERE seen_at < now() - interval '40 minutes'"
    room.run("UPDATE web_sessions SET seen_at = now() - interval '50 minutes'")
    room.receive(4)
    expect(reader.page.locator("#study-4")).to_be_visible()
    assert room.count(idle) == 1
    reader.page.get_by_label("Order by").select_option("newest")
    expect(reader.page.locator("#rows tr").first).to_contain_text("DOE4")
    assert room.count(idle) == 0


@pytest.mark.parametrize(("width", "height"), [(1280, 800), (1024, 768)])
def test_the_list_fits_the_window(browser: Browser, room: ReadingRoom, width: int, height: int) -> None:
    """Nothing has to be pushed aside, and the head stays in sight."""
    for study in range(4, 40):
        room.receive(study)
    for scores in (POSITIVE, NEGATIVE) * 3:
        room.classify(scores)
    with house(room.engine) as base, person(browser, base, width=width, height=height) as reader:
        reader.log_in("radiologist")
        page = reader.page
        expect(page.locator("#rows tr")).to_have_count(39)
        for part in ("document.documentElement", "document.getElementById('list')"):
            assert page.evaluate(f"{part}.scrollWidth - {part}.clientWidth") == 0
        assert page.evaluate("document.documentElement.scrollHeight - window.innerHeight") <= 0
        page.evaluate("document.getElementById('list').scrollTop = 300")
        expect(page.get_by_role("columnheader", name="Patient")).to_be_in_viewport()
