"""A study whose films were deleted, as people and programs meet it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import text
from starlette.testclient import TestClient

from db.engine import transaction
from domain.accounts import Role
from domain.dicomweb import Place
from domain.duties import DutyName
from domain.errors import Deleted
from domain.ids import StudyId
from hilum import retention_duties
from hilum.retention_settings import Retention
from tests.fakes import RecordedEvents
from tests.page_visitor import Visitor
from tests.study_pages import Ward, bundled, ward


@pytest.fixture(scope="module")
def place(embedded_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ward]:
    """One installation for the tests of this module."""
    with ward(embedded_url, tmp_path_factory.mktemp("ward")) as opened:
        yield opened


@pytest.fixture(scope="module")
def study(place: Ward) -> StudyId:
    """A classified study, sixty days old, after the duty."""
    import threading

    found = place.receive(bundled("PNEUMONIA/person1175_bacteria_3122.jpg"))
    place.classify(found)
    with transaction(place.engine) as connection:
        connection.execute(text("UPDATE studies SET last_received_at = now() - interval '60 days'"))
    settings = place.settings.model_copy(update={"retention": Retention(films_days=30)})
    acts = retention_duties.acts(settings, place.engine, RecordedEvents(), threading.Event())
    assert acts[DutyName.OLD_FILMS]() == 1
    return found


@pytest.fixture
def reader(place: Ward) -> Iterator[Visitor]:
    """A radiologist."""
    with TestClient(place.app()) as client:
        visitor = Visitor(client)
        visitor.log_in(Role.RADIOLOGIST.value)
        yield visitor


def test_the_page_shows_the_result_and_says_that_the_film_is_deleted(reader: Visitor, study: StudyId) -> None:
    """With the date, and with the step in the ledger."""
    page = reader.get(f"/studies/{study}")
    assert page.status_code == 200
    for shown in ("Other pneumonia", ">deleted</span> here on 20", "<strong>deleted</strong>", "retention"):
        assert shown in page.text


@pytest.mark.parametrize("path", ["films/1/pixels", "films/1/map", "report", "report.dcm"])
def test_what_needs_the_film_is_gone(reader: Visitor, study: StudyId, path: str) -> None:
    """Status 410, in words."""
    answer = reader.client.get(f"/studies/{study}/{path}")
    assert (answer.status_code, "deleted" in answer.json()["detail"]) == (410, True)


def test_a_report_is_not_made_again_with_less_in_it(place: Ward, study: StudyId) -> None:
    """It would have the UID of the one that peers have, and no patient."""
    with transaction(place.engine) as connection:
        uid = connection.execute(text("SELECT study_instance_uid FROM studies WHERE id = :id"), {"id": study})
        asked = Place(study_uid=str(uid.scalar_one()))
    with pytest.raises(Deleted, match="its reports are where they were sent"):
        place.room.reports.metadata(asked)
