"""A radiologist's day, in one piece: a modality sends by C-STORE, what comes is read in a browser and in the PACS."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect
from sqlalchemy import Engine, text

from db.engine import transaction
from domain.accounts import Role
from tests.browser import Person, person
from tests.conftest import migrated
from tests.films import saved
from tests.page_visitor import add_account
from tests.peers import Orthanc, free_port, hilum, orthanc, settings_file, storescu, wait_for
from tests.study_pages import bundled

pytestmark = pytest.mark.peers

_PATIENCE_MS = 60_000


@dataclass
class ReadingHospital:
    """A modality's view of Hilum, the address of its pages, and the PACS behind it."""

    folder: Path
    port: int
    base: str
    engine: Engine
    pacs: Orthanc

    def send(self, film: str, patient: str) -> str:
        """C-STORE a bundled film of an invented patient; return its Study Instance UID."""
        made = bundled(film, patient_name=patient, accession_number=f"A-{patient[:3]}")
        status, said = storescu(self.port, saved(made, self.folder, f"{patient}.dcm"))
        assert status == 0, said
        return str(made.StudyInstanceUID)

    def assessed(self) -> list[tuple[str, str, str, str]]:
        """Return who said what of the classes, and the comment."""
        query = "SELECT assessor, pneumonia, normal, comment FROM assessments"
        with transaction(self.engine) as connection:
            return [tuple(row) for row in connection.execute(text(query))]


@pytest.fixture(scope="module")
def clinic(embedded_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ReadingHospital]:
    """`hilum up` between dcmtk and Orthanc, with an account of a radiologist."""
    folder, port, web_port = tmp_path_factory.mktemp("reading"), free_port(), free_port()
    with migrated(embedded_url) as engine, orthanc(folder / "orthanc", hilum_port=port) as pacs:
        add_account(engine, "maria", Role.RADIOLOGIST)
        peer = {"name": "pacs", "ae_title": "ORTHANC", "host": "127.0.0.1", "port": pacs.dicom_port}
        config = settings_file(
            folder,
            home=str(folder / "home"),
            database={"url": engine.url.render_as_string(hide_password=False)},
            node={"port": port, "study_quiet_seconds": 0.5},
            worker={"processes": 1, "decoders": 1},
            web={"port": web_port, "time_zone": "Europe/Berlin"},
            peers=[
                {**peer, "receives_results": True},
                {"name": "xray", "ae_title": "XRAY1", "host": "127.0.0.1", "port": 1, "may_send": True},
            ],
        )
        with hilum(config, "up") as running:
            for event in ("web-ready", "worker-ready", "node-ready"):
                running.wait_until(event)
            yield ReadingHospital(folder, port, f"http://127.0.0.1:{web_port}", engine, pacs)


def seen(page: Page) -> int:
    """Return the sum of the greys of the film as it is shown."""
    page.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
    return int(
        page.locator("canvas").evaluate(
            "canvas => canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data"
            ".reduce((sum, one) => sum + one, 0)"
        )
    )


def open_first(page: Page) -> None:
    page.locator("body").press("j")
    page.keyboard.press("Enter")
    page.wait_for_url("**/studies/*")
    expect(page.locator(".viewer-state")).to_contain_text("%", timeout=_PATIENCE_MS)


def test_what_is_sent_rises_is_read_and_answered(browser: Browser, clinic: ReadingHospital) -> None:
    """From the modality's C-STORE to the disagreement, without a reload of the list; the report is in the PACS."""
    with person(browser, clinic.base) as maria:
        maria.log_in("maria")
        expect(maria.page.locator("#live")).to_have_text("live")
        maria.page.evaluate("window.isTheSamePage = true")
        clinic.send("NORMAL/IM-0256-0001.jpg", "Calm^Carl")
        rows = maria.page.locator("#rows tr")
        expect(rows.first).to_contain_text("negative", timeout=_PATIENCE_MS)
        uid = clinic.send("PNEUMONIA/person1175_bacteria_3122.jpg", "Urgent^Ute")
        expect(rows.first).to_contain_text("Urgent, Ute", timeout=_PATIENCE_MS)
        expect(rows.first).to_contain_text("positive: Pneumonia")
        expect(rows.first).to_contain_text("suggested")
        expect(rows.nth(1)).to_contain_text("Calm, Carl")
        assert maria.page.evaluate("window.isTheSamePage")
        open_first(maria.page)
        read_it(maria)
        (report,) = wait_for(lambda: clinic.pacs.reports().get(uid))
        assert clinic.pacs.file(report)
    assert clinic.assessed() == [("maria", "absent", "present", "An artefact of the cassette.")]


def read_it(maria: Person) -> None:
    """Change the window, show the map, read the report, disagree; then the list has one study less."""
    page = maria.page
    before = seen(page)
    page.keyboard.press("ArrowUp")
    assert seen(page) > before
    page.get_by_role("button", name="Heat map").click()
    expect(page.locator(".map-label")).to_contain_text("pneumonia", timeout=_PATIENCE_MS)
    expect(page.locator(".words-clinicians")).to_be_visible()
    for name in ("COVID-19: absent", "Other pneumonia: absent", "Normal film: present"):
        page.get_by_label(name).check()
    page.get_by_label("Comment").fill("An artefact of the cassette.")
    page.get_by_role("button", name="Save this answer").click()
    expect(page.locator(".said")).to_contain_text("An artefact of the cassette.")
    expect(page.locator(".said")).to_contain_text(" CE")  # the house's time: CET or CEST
    page.get_by_role("link", name="Worklist").click()
    expect(page.locator("#rows tr")).to_have_count(1)
    expect(page.locator("#rows tr")).to_contain_text("Calm, Carl")
