"""The page of a study: what it shows, to whom, what is recorded, and what a person says there."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from io import BytesIO

import numpy as np
import pydicom
import pytest
from sqlalchemy import text
from starlette.testclient import TestClient

from db.engine import transaction
from dicom_node.wrap import wrap_film
from domain.accounts import Role
from domain.errors import Transient
from domain.ids import StudyId
from domain.study_view import StudyView
from tests.page_visitor import Visitor
from tests.study_pages import Ward, bundled, ward

PA = "PNEUMONIA/person1175_bacteria_3122.jpg"


class AwayViews:
    """Studies while the database is away."""

    def find(self, _: StudyId) -> StudyView:
        raise Transient("the database can't be reached or is busy")

    def assess(self, *_: object, **__: object) -> None:
        raise NotImplementedError


@pytest.fixture(scope="module")
def place(embedded_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ward]:
    """One installation for the tests of this module."""
    viewer = "https://viewer.example.org/viewer?StudyInstanceUIDs={study}"
    with ward(embedded_url, tmp_path_factory.mktemp("ward"), viewer_url=viewer) as opened:
        yield opened


@pytest.fixture(scope="module")
def study(place: Ward) -> StudyId:
    """A classified study of two films."""
    first = bundled(PA)
    second = bundled(
        "NORMAL/IM-0213-0001.jpg", view_position="LL", study_uid=str(first.StudyInstanceUID), accession_number="A-100"
    )
    found = place.receive(first, second)
    place.classify(found)
    return found


@pytest.fixture
def visit(place: Ward) -> Iterator[Callable[[Role], Visitor]]:
    """Opens a browser for somebody of a role."""
    with ExitStack() as opened:

        def open_browser(role: Role) -> Visitor:
            visitor = Visitor(opened.enter_context(TestClient(place.app())))
            visitor.log_in(role.value)
            return visitor

        yield open_browser


@pytest.fixture
def reader(visit: Callable[[Role], Visitor]) -> Visitor:
    """A radiologist."""
    return visit(Role.RADIOLOGIST)


def uid_of(place: Ward, study: StudyId) -> str:
    with transaction(place.engine) as connection:
        statement = text("SELECT study_instance_uid FROM studies WHERE id = :id")
        return str(connection.execute(statement, {"id": study}).scalar_one())


def test_a_study_is_shown_whole_and_that_is_recorded(reader: Visitor, place: Ward, study: StudyId) -> None:
    """Patient, films, result with thresholds and network, what to know, the ledger."""
    page = reader.get(f"/studies/{study}")
    assert page.status_code == 200
    for shown in (
        "Muster, Anna", "4711", "1961-02-03", "A-100", "positive", "Other pneumonia", "not a frontal",
        "analysed", place.network.model.sha256, "For patients", "Treatment options", "spooled", "decision support",
    ):  # fmt: skip
        assert shown in page.text
    assert place.recorded()[-1] == ("radiologist", "view", uid_of(place, study), "success")


def test_the_sites_viewer_is_linked_by_its_own_address(reader: Visitor, place: Ward, study: StudyId) -> None:
    """It opens beside ours and learns nothing of our page."""
    page = reader.get(f"/studies/{study}").text
    assert f"https://viewer.example.org/viewer?StudyInstanceUIDs={uid_of(place, study)}" in page
    assert 'rel="noopener noreferrer"' in page


@pytest.mark.parametrize("path", ["", "/films/1/pixels", "/films/1/map", "/report", "/report.dcm"])
@pytest.mark.parametrize("role", [Role.CLINICIAN, Role.OPERATOR, Role.ADMIN])
def test_who_may_not_read_sees_nothing(
    visit: Callable[[Role], Visitor], place: Ward, study: StudyId, role: Role, path: str
) -> None:
    """The same for a study that is there and one that is not; the try is recorded."""
    visitor = visit(role)
    answers = [visitor.client.get(f"/studies/{number}{path}") for number in (study, 999_999)]
    assert [answer.status_code for answer in answers] == [403, 403]
    assert answers[0].text == answers[1].text
    assert place.recorded()[-1][1::2] == ("view", "denied")


@pytest.mark.parametrize("number", ["999999", "0", "9" * 30, "abc", "-1"])
@pytest.mark.parametrize("path", ["", "/films/1/pixels", "/films/1/map", "/report", "/report.dcm"])
def test_a_study_that_is_not_there_is_not_found(reader: Visitor, place: Ward, number: str, path: str) -> None:
    """Whatever is asked of it, and nothing is recorded."""
    before = place.recorded()
    assert reader.get(f"/studies/{number}{path}").status_code == 404
    assert place.recorded() == before


@pytest.mark.parametrize("path", ["films/3/pixels", "films/0/pixels", "films/3/map"])
def test_a_film_that_is_not_there_is_not_found(reader: Visitor, study: StudyId, path: str) -> None:
    """Films are counted from 1."""
    assert reader.get(f"/studies/{study}/{path}").status_code == 404


def test_the_pixels_of_a_film_are_what_its_file_holds(reader: Visitor, place: Ward, study: StudyId) -> None:
    """Sixteen bits, little endian, before the window, with what they mean."""
    answer = reader.get(f"/studies/{study}/films/1/pixels")
    head = answer.headers
    stored = bundled(PA).pixel_array.astype(float)
    levels = np.frombuffer(answer.content, dtype="<u2").reshape(int(head["x-rows"]), int(head["x-columns"]))
    assert levels.shape == stored.shape == (int(head["x-film-rows"]), int(head["x-film-columns"]))
    black, white = float(head["x-black"]), float(head["x-white"])
    assert np.abs(black + levels / 65535 * (white - black) - stored).max() < 0.1
    assert float(head["x-window-width"]) > 0
    assert head["cache-control"] == "private, no-store"
    assert place.recorded()[-1][1:3] == ("view", f"{uid_of(place, study)} film 1")


def test_a_large_film_is_made_smaller_and_says_so(reader: Visitor, place: Ward) -> None:
    """A screen shows no more; the page names both sizes."""
    pixels = np.tile(np.arange(2600, dtype=np.uint16), (300, 1)).T.copy()
    study = place.receive(wrap_film(pixels, patient_id="4714", patient_name="Muster^Max", accession_number="A-4"))
    head = reader.get(f"/studies/{study}/films/1/pixels").headers
    assert (head["x-film-rows"], head["x-rows"]) == ("2600", "2500")


def test_the_map_is_of_the_analysed_film_and_its_proportions(reader: Visitor, place: Ward, study: StudyId) -> None:
    """Its strongest place is 255; who saw it is recorded."""
    answer = reader.get(f"/studies/{study}/films/1/map")
    rows, columns = int(answer.headers["x-rows"]), int(answer.headers["x-columns"])
    stored = bundled(PA).pixel_array
    assert abs(rows / columns - stored.shape[0] / stored.shape[1]) < 0.01
    assert (len(answer.content), max(answer.content), answer.headers["x-label"]) == (
        rows * columns,
        255,
        "Other pneumonia",
    )
    assert place.recorded()[-1][1:3] == ("view", f"{uid_of(place, study)} film 1 map")


def test_there_is_no_map_of_a_film_that_was_not_analysed(reader: Visitor, study: StudyId) -> None:
    """The answer says why."""
    answer = reader.client.get(f"/studies/{study}/films/2/map")
    assert (answer.status_code, "does not rest on this film" in answer.json()["detail"]) == (409, True)


def test_there_is_no_map_by_another_network(reader: Visitor, place: Ward) -> None:
    """It would have other reasons."""
    study = place.receive(bundled("NORMAL/IM-0256-0001.jpg", patient_id="4712", accession_number="A-2"))
    place.classify(study)
    with transaction(place.engine) as connection:
        connection.execute(
            text("""
            WITH other AS (
                INSERT INTO model_versions (name, version, sha256, undetermined_below)
                VALUES ('other', '1.0.0', 'cd', 0.5) RETURNING id
            )
            UPDATE findings SET model_version_id = other.id FROM other WHERE study_id = :study
            """),
            {"study": study},
        )
    answer = reader.client.get(f"/studies/{study}/films/1/map")
    assert (answer.status_code, "Another network" in answer.json()["detail"]) == (409, True)


def test_a_film_that_can_not_be_decoded_says_so_and_harms_nobody(reader: Visitor, place: Ward, study: StudyId) -> None:
    """The next film is shown as before."""
    broken = bundled("COVID19/cxnet_091.jpg", patient_id="4713", accession_number="A-3")
    broken.PixelData = broken.PixelData[:100]
    found = place.receive(broken)
    assert "There is no result yet" in reader.get(f"/studies/{found}").text
    answer = reader.client.get(f"/studies/{found}/films/1/pixels")
    assert (answer.status_code, "can't be shown" in answer.json()["detail"]) == (422, True)
    assert reader.get(f"/studies/{study}/films/1/pixels").status_code == 200


def test_the_report_is_read_and_taken_out(reader: Visitor, place: Ward, study: StudyId) -> None:
    """As lines, and as the DICOM file that a PACS gets; both are recorded."""
    lines = reader.get(f"/studies/{study}/report").text
    assert "Pneumonia" in lines
    assert place.recorded()[-1][1:3] == ("view", f"{uid_of(place, study)} report")
    answer = reader.get(f"/studies/{study}/report.dcm")
    report = pydicom.dcmread(BytesIO(answer.content))
    assert (report.Modality, report.StudyInstanceUID) == ("SR", uid_of(place, study))
    assert f'filename="report-{study}.dcm"' in answer.headers["content-disposition"]
    assert place.recorded()[-1][1:3] == ("export", f"{uid_of(place, study)} report")


def form_of(visitor: Visitor, study: StudyId) -> dict[str, str]:
    page = visitor.get(f"/studies/{study}").text
    mark = page.partition('name="mark" value="')[2].partition('"')[0]
    return {"csrf": visitor.csrf(f"/studies/{study}"), "mark": mark}


def test_who_disagrees_says_why_and_sees_it_again(reader: Visitor, place: Ward, study: StudyId) -> None:
    """The answer is recorded; a later one takes its place."""
    path, form = f"/studies/{study}/assessment", form_of(reader, study)
    said = {"covid19": "absent", "pneumonia": "absent", "normal": "present", "comment": "rotated\r\nfilm <b>"}
    page = reader.post(path, **form, **said, act="answer").text
    assert "rotated\nfilm &lt;b&gt;" in page
    assert "Normal film: present" in page
    assert ("radiologist", "assess", uid_of(place, study), "success") in place.recorded()
    page = reader.post(path, **form, act="agree").text
    assert "Other pneumonia: present" in page
    assert "rotated" not in page


@pytest.mark.parametrize(
    ("fields", "status", "says"),
    [
        ({"act": "answer"}, 400, "Nothing is said"),
        ({"act": "answer", "covid19": "present", "normal": "present", "comment": "kept"}, 400, "exclude each other"),
        ({"act": "answer", "covid19": "maybe"}, 400, "no such answer"),
        ({"act": "answer", "covid19": "absent", "mark": "older", "comment": "kept"}, 409, "Another result"),
        ({"act": "answer", "covid19": "absent", "csrf": "older", "comment": "kept"}, 403, "anew meanwhile"),
    ],
)
def test_an_answer_that_can_not_be_taken_is_explained(
    reader: Visitor, study: StudyId, fields: dict[str, str], status: int, says: str
) -> None:
    """What was written stays in the form."""
    page = reader.post(f"/studies/{study}/assessment", **{**form_of(reader, study), **fields})
    assert (page.status_code, says in page.text) == (status, True)
    assert fields.get("comment", "") in page.text


def test_who_was_logged_out_meanwhile_gets_back_what_was_written(reader: Visitor, place: Ward, study: StudyId) -> None:
    """Nothing is saved, and nothing typed is lost: it stands there to be copied, beside the way back to the study."""
    form, before = form_of(reader, study), place.recorded()
    reader.client.cookies.clear()
    said = {"act": "answer", "covid19": "absent", "pneumonia": "maybe", "comment": "rotated\r\nfilm <b>"}
    page = reader.post(f"/studies/{study}/assessment", **form, **said)
    assert (page.status_code, place.recorded()) == (401, before)
    for shown in ("nothing was saved", "rotated\nfilm &lt;b&gt;", "COVID-19: absent", f"/login?next=/studies/{study}"):
        assert shown in page.text
    assert "A-100" not in page.text


def test_an_answer_while_the_database_is_away_comes_back_too(place: Ward, reader: Visitor) -> None:
    """To be sent again by loading the page again."""
    away = TestClient(place.app(views=AwayViews()), cookies=reader.client.cookies)
    visitor, fields = Visitor(away), {"csrf": reader.csrf("/tokens"), "act": "answer", "comment": "rotated"}
    page = visitor.post("/studies/1/assessment", **fields)
    assert (page.status_code, page.headers["retry-after"]) == (503, "10")
    assert all(shown in page.text for shown in ("may not have been saved", "rotated"))


def test_an_answer_that_another_site_sent_is_not_shown_again(reader: Visitor, study: StudyId) -> None:
    """Whether somebody is logged in or not."""
    for _ in range(2):
        path, fields = f"/studies/{study}/assessment", {"csrf": "x", "act": "answer", "comment": "call this number"}
        answer = reader.client.post(
            path, data=fields, headers={"Accept": "text/html", "Origin": "https://evil.example"}
        )
        assert (answer.status_code, "call this number" in answer.text) == (403, False)
        reader.client.cookies.clear()


def test_priors_lead_to_the_patients_other_studies(reader: Visitor, place: Ward, study: StudyId) -> None:
    """And back."""
    film = bundled("NORMAL/IM-0640-0001-0001.jpg", accession_number="A-9")
    other = place.receive(film)
    assert f'href="/studies/{other}"' in reader.get(f"/studies/{study}").text
    assert f'href="/studies/{study}"' in reader.get(f"/studies/{other}").text


def test_no_name_is_in_an_address_or_a_title(reader: Visitor, study: StudyId) -> None:
    """Browsers keep both."""
    page = reader.get(f"/studies/{study}")
    title = page.text.partition("<title>")[2].partition("</title>")[0]
    assert "Muster" not in title
    assert "style=" not in page.text
    assert "<script>" not in page.text
