"""The pages of operations and of quality: who sees them, what is done on them, and what is recorded of it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import pytest
from sqlalchemy import Engine

from db.audit import PostgresAuditTrail
from db.job_desk import JobDesk
from domain.accounts import Role
from domain.jobs import JobState
from domain.operations import PeerCheck
from hilum import peers
from hilum.control_room import HostSurroundings, control_room
from hilum.peer_settings import Peer
from hilum.settings import Settings
from tests.conftest import migrated
from tests.contract.test_job_desk import held, state
from tests.made_studies import MadeStudies
from tests.page_visitor import Visitor, add_account, front_door, house_of
from tests.peers import free_port, wait_for

NAME, UID = "DOE^JANE", "2.25.1"


@pytest.fixture
def engine(embedded_url: str) -> Iterator[Engine]:
    """A database with an account of each role."""
    with migrated(embedded_url) as engine:
        for role in Role:
            add_account(engine, role.value, role)
        yield engine


@pytest.fixture
def visit(engine: Engine) -> Iterator[Callable[[str], Visitor]]:
    """Opens the pages for an account, in a browser of its own."""
    peer = Peer(name="pacs", ae_title="PACS", host="127.0.0.1", port=free_port())
    room = control_room(Settings.model_construct(peers=(peer,)), engine)
    with front_door(house_of(engine, operations=room)) as log_in:
        yield log_in


def acts(engine: Engine) -> list[tuple[str, str, str]]:
    events = [record.event for record in PostgresAuditTrail(engine).records()]
    return [(event.actor, event.object, event.outcome) for event in events if event.action == "operate"]


@pytest.mark.parametrize("role", list(Role))
def test_each_role_sees_what_is_its_own(visit: Callable[[str], Visitor], role: Role) -> None:
    """Operations are for operators and admins, quality for radiologists as well."""
    visitor = visit(role.value)
    operates = role in {Role.OPERATOR, Role.ADMIN}
    for path in ("/operations", "/operations/board"):
        assert visitor.get(path).status_code == (200 if operates else 403)
    assert visitor.get("/quality").status_code == (200 if operates or role is Role.RADIOLOGIST else 403)


def test_operators_start_at_operations(visit: Callable[[str], Visitor]) -> None:
    """It is the first page that they may see."""
    assert str(visit("operator").get("/").url).endswith("/operations")


def test_an_act_is_done_and_recorded_in_the_name_of_who_did_it(visit: Callable[[str], Visitor], engine: Engine) -> None:
    """Also one that was in vain, and the note."""
    job, visitor = held(engine), visit("operator")
    csrf = visitor.csrf("/operations")
    page = visitor.post(f"/operations/jobs/{job}", act="requeue", csrf=csrf, note=" disk  is\nmounted ")
    assert "waits again" in page.text
    again = visitor.post(f"/operations/jobs/{job}", act="requeue", csrf=csrf)
    assert again.status_code == 200  # a waiting job is due now, as by the command
    missing = visitor.post("/operations/jobs/404", act="requeue", csrf=csrf)
    assert (missing.status_code, "there is no such job" in missing.text) == (409, True)
    assert acts(engine) == [
        ("operator", f"requeue job {job} disk is mounted", "success"),
        ("operator", f"requeue job {job}", "success"),
        ("operator", "requeue job 404", "failed"),
    ]


def test_a_job_is_cancelled_only_after_a_second_yes(visit: Callable[[str], Visitor], engine: Engine) -> None:
    """Its history has the reason and the login."""
    job, visitor, desk = held(engine), visit("operator"), JobDesk(engine, actor="test")
    csrf = visitor.csrf("/operations")
    assert visitor.post(f"/operations/jobs/{job}", act="cancel", csrf=csrf).status_code == 400
    assert state(desk, job) == JobState.HELD
    visitor.post(f"/operations/jobs/{job}", act="cancel", csrf=csrf, confirmed="yes", note="sent by hand")
    found = desk.show(job)
    assert found is not None
    assert (found[0].state, found[1][-1].actor, found[1][-1].reason) == ("cancelled", "operator", "sent by hand")


def test_lanes_are_paused_and_resumed(visit: Callable[[str], Visitor], engine: Engine) -> None:
    """One, or every one; twice is said."""
    visitor = visit("operator")
    csrf = visitor.csrf("/operations")
    for lane in ("classify", ""):
        assert "Paused" in visitor.post("/operations/lanes", act="pause", lane=lane, csrf=csrf, note="n").text
    assert visitor.post("/operations/lanes", act="pause", lane="", csrf=csrf).status_code == 409
    assert [one.lane for one in JobDesk(engine, actor="test").pauses()] == ["", "classify"]
    visitor.post("/operations/lanes", act="resume", lane="", csrf=csrf)
    assert JobDesk(engine, actor="test").pauses() == []
    assert [act for _, act, _ in acts(engine)] == [
        "pause classify n", "pause every lane n", "pause every lane", "resume every lane",
    ]  # fmt: skip


@pytest.mark.parametrize("path", ["/operations/jobs/1", "/operations/lanes", "/operations/peers/pacs/test"])
def test_nothing_is_done_for_who_may_not_or_by_a_form_that_is_not_ours(
    visit: Callable[[str], Visitor], engine: Engine, path: str
) -> None:
    """A radiologist, and a page of elsewhere."""
    radiologist, operator = visit("radiologist"), visit("operator")
    assert radiologist.post(path, act="pause", csrf=operator.csrf("/operations")).status_code == 403
    assert operator.post(path, act="pause", csrf="stolen").status_code == 403
    assert (JobDesk(engine, actor="test").pauses(), acts(engine)) == ([], [])


@pytest.mark.parametrize(
    ("path", "fields", "status"),
    [
        ("/operations/jobs/1", {"act": "hold"}, 400),
        ("/operations/jobs/0", {"act": "requeue"}, 422),
        ("/operations/jobs/99999999999999999999", {"act": "requeue"}, 422),
        ("/operations/lanes", {"act": "pause", "lane": "<b>"}, 400),
        ("/operations/lanes", {"act": "burn", "lane": "classify"}, 400),
        ("/operations/peers/nobody/test", {}, 404),
    ],
)
def test_what_there_is_not_is_refused(
    visit: Callable[[str], Visitor], path: str, fields: dict[str, str], status: int
) -> None:
    """Without a trace."""
    visitor = visit("operator")
    assert visitor.post(path, csrf=visitor.csrf("/operations"), **fields).status_code == status


@pytest.mark.filterwarnings(
    "ignore::pytest.PytestUnraisableExceptionWarning"
)  # pynetdicom drops the unconnected socket
def test_a_test_of_a_peer_is_recorded(visit: Callable[[str], Visitor], engine: Engine) -> None:
    """One that does not answer, as failed."""
    visitor = visit("operator")
    page = visitor.post("/operations/peers/pacs/test", csrf=visitor.csrf("/operations"))
    assert "does not work" in page.text
    assert acts(engine) == [("operator", "test peer pacs", "failed")]


def test_a_peer_that_keeps_silent_costs_a_limited_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was answered before is shown; meanwhile no other is tested."""
    answers = threading.Event()

    def checks(*_: object, **__: object) -> Iterator[PeerCheck]:
        yield PeerCheck(what="C-ECHO", is_good=True, says="answers")
        answers.wait(30)
        yield PeerCheck(what="report", is_good=True, says="accepts it")

    monkeypatch.setattr(peers, "checks", checks)
    here = HostSurroundings(settings=Settings.model_construct(), whole_seconds=0.2)
    assert [one.what for one in here.check("pacs")] == ["C-ECHO", "time limit"]
    assert "another test" in here.check("pacs")[0].says
    answers.set()
    wait_for(lambda: [one.what for one in here.check("pacs")] == ["C-ECHO", "report"])


@pytest.mark.parametrize("path", ["/operations", "/quality", "/quality?weeks=26&by=both"])
def test_the_pages_show_nothing_of_a_patient(visit: Callable[[str], Visitor], engine: Engine, path: str) -> None:
    """Neither names nor UIDs, whatever a peer said."""
    made, now = MadeStudies(engine), datetime.now(UTC)
    study = made.result_of("XRAY1", now, seconds=0)
    made.report(study, now, covid19="present")
    made.run("UPDATE study_identities SET patient_name = :name", name=NAME)
    job = held(engine)
    made.run("UPDATE jobs SET reason = :reason WHERE id = :job", job=job, reason=f"no {UID}.3.4.5; it said: {NAME}")
    page = visit("operator").get(path)
    assert page.status_code == 200
    assert NAME.split("^", maxsplit=1)[0] not in page.text
    assert UID not in page.text


@pytest.mark.parametrize("query", ["weeks=5", "by=colour", "weeks=x"])
def test_a_window_that_there_is_not_is_refused(visit: Callable[[str], Visitor], query: str) -> None:
    """Whoever made the address."""
    assert visit("operator").get(f"/quality?{query}").status_code in {400, 422}


def test_an_empty_page_says_what_is_missing(visit: Callable[[str], Visitor]) -> None:
    """And where to read how to get it."""
    page = visit("radiologist").get("/quality").text
    assert "final-reports.md" in page
    assert "No film came in these weeks" in page
    assert "No job is held" in visit("operator").get("/operations").text
