"""Operations and quality, in a browser."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from fastapi import FastAPI
from playwright.sync_api import Browser, expect
from pynetdicom import AE
from pynetdicom.sop_class import EnhancedSRStorage, Verification
from sqlalchemy import Engine

from db.audit import PostgresAuditTrail
from db.job_desk import JobDesk
from domain.accounts import Role
from hilum.control_room import control_room
from hilum.peer_settings import Peer
from hilum.settings import Settings
from tests.browser import person, serving
from tests.conftest import migrated
from tests.contract.test_job_desk import add, held, state
from tests.made_studies import MadeStudies
from tests.page_visitor import add_account, house_of
from tests.peers import free_port
from web.pages.house import add_pages

pytestmark = pytest.mark.peers


@dataclass
class Site:
    """Pages, and the database behind them."""

    base: str
    engine: Engine


@pytest.fixture
def pacs_port() -> Iterator[int]:
    """Where a peer answers that takes reports."""
    entity = AE(ae_title="PACS")
    for sop_class in (Verification, EnhancedSRStorage):
        entity.add_supported_context(sop_class)
    server = entity.start_server(("127.0.0.1", 0), block=False)
    assert server is not None
    yield server.socket.getsockname()[1]
    server.shutdown()


@pytest.fixture
def site(embedded_url: str, pacs_port: int) -> Iterator[Site]:
    """An operator and a radiologist, a peer that answers, and one that does not."""
    peers = (
        Peer(name="pacs", ae_title="PACS", host="127.0.0.1", port=pacs_port, receives_results=True),
        Peer(name="gone", ae_title="GONE", host="127.0.0.1", port=free_port()),
    )
    with migrated(embedded_url) as engine:
        for role in (Role.OPERATOR, Role.RADIOLOGIST):
            add_account(engine, role.value, role)
        app = FastAPI()
        add_pages(app, house_of(engine, operations=control_room(Settings.model_construct(peers=peers), engine)))
        with serving(app) as address:
            yield Site(address, engine)


def acts(site: Site) -> list[str]:
    events = [record.event for record in PostgresAuditTrail(site.engine).records()]
    return [f"{event.object}: {event.outcome}" for event in events if event.action == "operate"]


def test_an_operator_requeues_a_held_job_and_sees_it_go(browser: Browser, site: Site) -> None:
    """After a note; it waits again."""
    job = held(site.engine)
    with person(browser, site.base) as operator:
        operator.log_in("operator")
        operator.page.get_by_role("button", name=f"Requeue job {job}").click()
        dialog = operator.page.get_by_role("dialog")
        dialog.get_by_label("Note").fill("disk is mounted again")
        dialog.get_by_role("button", name="Requeue").click()
        expect(operator.page.get_by_role("status").first).to_contain_text("The job waits again")
        expect(operator.page.get_by_text("No job is held.")).to_be_visible()
    assert state(JobDesk(site.engine, actor="test"), job) == "waiting"
    assert acts(site) == [f"requeue job {job} disk is mounted again: success"]


def test_going_back_from_a_question_changes_nothing(browser: Browser, site: Site) -> None:
    """By the key as well; the button has the focus again."""
    job = held(site.engine)
    with person(browser, site.base) as operator:
        operator.log_in("operator")
        button = operator.page.get_by_role("button", name=f"Cancel job {job}")
        button.press("Enter")
        expect(operator.page.get_by_role("dialog")).to_contain_text("for good")
        operator.page.keyboard.press("Escape")
        expect(button).to_be_focused()
        button.press("Enter")
        operator.page.get_by_role("button", name="Back").click()
        expect(operator.page.get_by_role("dialog")).to_be_hidden()
    assert (state(JobDesk(site.engine, actor="test"), job), acts(site)) == ("held", [])


def test_an_operator_cancels_a_job(browser: Browser, site: Site) -> None:
    """After a second yes."""
    job = held(site.engine)
    with person(browser, site.base) as operator:
        operator.log_in("operator")
        operator.page.get_by_role("button", name=f"Cancel job {job}").click()
        operator.page.get_by_role("dialog").get_by_role("button", name="Cancel").click()
        expect(operator.page.get_by_text("The job was cancelled.")).to_be_visible()
    assert state(JobDesk(site.engine, actor="test"), job) == "cancelled"


def test_an_operator_pauses_and_resumes_a_lane(browser: Browser, site: Site) -> None:
    """Who did it and why stands in its row."""
    with person(browser, site.base) as operator:
        operator.log_in("operator")
        operator.page.get_by_role("button", name="Pause classify").click()
        dialog = operator.page.get_by_role("dialog")
        dialog.get_by_label("Note").fill("new network")
        dialog.get_by_role("button", name="Pause").click()
        row = operator.page.get_by_role("row", name="classify")
        expect(row).to_contain_text("operator")
        expect(row).to_contain_text("new network")
        operator.page.get_by_role("button", name="Resume classify").click()
        expect(operator.page.get_by_role("row", name="classify")).to_contain_text("open")
    assert acts(site) == ["pause classify new network: success", "resume classify: success"]


@pytest.mark.filterwarnings(
    "ignore::pytest.PytestUnraisableExceptionWarning"
)  # pynetdicom drops the unconnected socket
@pytest.mark.parametrize(
    ("peer", "says", "outcome"), [("pacs", "works", "success"), ("gone", "does not work", "failed")]
)
def test_an_operator_tests_a_peer(browser: Browser, site: Site, peer: str, says: str, outcome: str) -> None:
    """One that answers, and one that does not."""
    with person(browser, site.base) as operator:
        operator.log_in("operator")
        operator.page.get_by_role("button", name=f"Test {peer}").click()
        tested = operator.page.locator("#tested")
        expect(tested).to_contain_text(f"Test of {peer}", timeout=30_000)
        expect(tested.locator("h2 .tag")).to_have_text(says)
        expect(tested).to_contain_text("C-ECHO")
    assert acts(site) == [f"test peer {peer}: {outcome}"]


def test_the_page_brings_itself_up_to_date_and_keeps_the_focus(browser: Browser, site: Site) -> None:
    """But not while it is paused."""
    with person(browser, site.base) as operator:
        operator.log_in("operator")
        button = operator.page.get_by_role("button", name="Pause classify")
        button.focus()
        add(site.engine)
        cell = operator.page.get_by_role("row", name="classify").get_by_role("cell").first
        expect(cell).to_have_text("1", timeout=15_000)
        expect(button).to_be_focused()
        operator.page.get_by_role("button", name="Pause refresh").click()
        add(site.engine, subject=2)
        with operator.page.expect_request("**/operations/board", timeout=15_000):
            expect(cell).to_have_text("1")
            operator.page.get_by_role("button", name="Go on refreshing").click()
        expect(cell).to_have_text("2", timeout=15_000)


@pytest.mark.parametrize("width", [1280, 800])
def test_the_pages_fit_into_the_window(browser: Browser, site: Site, width: int) -> None:
    """Only tables scroll sideways."""
    held(site.engine)
    with person(browser, site.base, width=width) as operator:
        operator.log_in("operator")
        for path in ("/operations", "/quality"):
            operator.page.goto(site.base + path)
            assert operator.page.evaluate("document.documentElement.scrollWidth") <= width


def test_the_page_of_quality_shows_the_numbers(browser: Browser, site: Site) -> None:
    """Of the assessments that there are, by the grouping that is chosen."""
    made, now = MadeStudies(site.engine), datetime.now(UTC) - timedelta(hours=1)
    for said in ("present", "present", "absent"):
        study = made.result_of("XRAY1", now)
        made.report(study, now + timedelta(minutes=1), covid19=said)
    with person(browser, site.base) as radiologist:
        radiologist.log_in("radiologist")
        radiologist.page.goto(f"{site.base}/quality")
        radiologist.page.get_by_label("Agreement by").select_option("scanner")
        radiologist.page.get_by_role("button", name="Show").click()
        row = radiologist.page.get_by_role("row", name="XRAY1 ROOM1").last
        expect(row).to_contain_text("1.00 0.34-1.00, 2/2")
        expect(row).to_contain_text("0.67 0.21-0.94, 2/3")
        expect(radiologist.page.get_by_role("img", name="Sensitivity, COVID19")).to_be_visible()
        expect(radiologist.page.get_by_role("row", name="XRAY1 3 0")).to_contain_text("too few results")
        radiologist.page.get_by_label("Window").select_option("4")
        radiologist.page.get_by_role("button", name="Show").click()
        expect(radiologist.page).to_have_url(f"{site.base}/quality?weeks=4&by=scanner&sender=")
