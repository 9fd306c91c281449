"""A clinician's day, in a browser, with the shipped network: from an account to a printed report.

`SCREENS_FOLDER=FOLDER` keeps pictures of the pages.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, expect

from tests.browser import Person, person
from tests.conftest import migrated
from tests.films import PATIENT, film, saved
from tests.page_visitor import PASSWORD
from tests.peers import free_port, hilum, settings_file
from tests.uploading import FILMS

pytestmark = pytest.mark.peers

_PATIENCE_MS = 60_000
PNEUMONIA = FILMS / "PNEUMONIA" / "person1175_bacteria_3122.jpg"


@pytest.fixture(scope="module")
def base(embedded_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of an installation that everybody may make an account at."""
    folder, port = tmp_path_factory.mktemp("clinic"), free_port()
    with migrated(embedded_url) as engine:
        config = settings_file(
            folder,
            home=str(folder / "home"),
            database={"url": engine.url.render_as_string(hide_password=False)},
            node={"port": free_port()},
            worker={"processes": 1, "decoders": 1},
            web={"port": port, "registration": "open", "upload_megabytes": 5},
        )
        with hilum(config, "up") as running:
            running.wait_until("web-ready")
            running.wait_until("worker-ready")
            yield f"http://127.0.0.1:{port}"


def register(somebody: Person, login: str, name: str = "Carla C.") -> None:
    page = somebody.page
    page.goto(f"{somebody.base}/register")
    page.get_by_label("Login").fill(login)
    page.get_by_label("Your name").fill(name)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Make the account").click()
    expect(page.get_by_role("heading", name="Upload films")).to_be_visible()
    expect(page.get_by_text("Nothing yet.")).to_be_visible()  # by the script


def choose(page: Page, *files: Path) -> None:
    page.locator("#files").set_input_files(list(files))


def keep_picture(page: Page, name: str) -> None:
    """Keep pictures of a page, dark and light, where somebody wants them."""
    folder = os.environ.get("SCREENS_FOLDER")
    if not folder:
        return
    for theme in ("dark", "light"):
        set_theme(page, theme)
        shot = Image.open(BytesIO(page.screenshot(animations="disabled"))).convert("RGB")
        shot.quantize(256, method=Image.Quantize.MAXCOVERAGE).save(Path(folder) / f"{name}-{theme}.png", optimize=True)
    set_theme(page, "dark")


def set_theme(page: Page, theme: str) -> None:
    """Change the theme as it is, without loading the page again, which would forget the names of files."""
    page.locator("html").evaluate("(html, theme) => { html.dataset.theme = theme; }", theme)
    page.locator("meta[name=color-scheme]").evaluate("(meta, theme) => { meta.content = theme; }", theme)


def test_a_page_that_waits_for_results_keeps_nobody_logged_in(browser: Browser, base: str) -> None:
    """What it asks by itself says so."""
    asked: list[bool] = []
    with person(browser, base) as carlo:
        carlo.page.on(
            "request",
            lambda one: asked.append("hilum-automatic" in one.headers) if one.url.endswith("/upload/history") else None,
        )
        register(carlo, "carlo")
    assert asked
    assert all(asked)


def test_a_clinician_uploads_a_film_reads_the_result_and_prints_it(browser: Browser, base: str) -> None:
    """From an account of one's own to paper."""
    with person(browser, base) as carla:
        register(carla, "carla")
        page = carla.page
        choose(page, PNEUMONIA, FILMS / "NORMAL" / "IM-0256-0001.jpg")
        expect(page.locator("#going progress").first).to_be_visible()
        rows = page.locator("#history tr")
        expect(rows).to_have_count(2, timeout=_PATIENCE_MS)
        expect(rows.nth(1)).to_contain_text(PNEUMONIA.name)
        expect(page.locator("#history .tag.good")).to_have_count(2, timeout=_PATIENCE_MS)
        expect(page.locator("#going li")).to_have_count(0, timeout=_PATIENCE_MS)
        keep_picture(page, "upload")
        rows.nth(1).get_by_role("link", name="Positive: pneumonia").click()
        expect(page.get_by_text("Positive: the network names pneumonia.")).to_be_visible()
        film_shown = page.get_by_role("img", name="The uploaded film")
        expect(film_shown).to_have_js_property(name="complete", value=True, timeout=_PATIENCE_MS)
        assert film_shown.evaluate("image => image.naturalWidth") > 300
        keep_picture(page, "upload-result")
        page.get_by_role("link", name="Printable report").click()
        expect(page.get_by_text("NOT FOR DIAGNOSTIC USE")).to_be_visible()
        expect(page.get_by_role("img", name="The uploaded film")).to_have_js_property(name="complete", value=True)
        keep_picture(page, "upload-report")
        page.emulate_media(media="print")
        expect(page.get_by_role("button", name="Print")).to_be_hidden()
        assert page.pdf(prefer_css_page_size=True)[:5] == b"%PDF-"
        page.emulate_media(media="screen")
        with page.expect_download() as download:
            page.get_by_role("link", name="PDF").click()
        assert Path(download.value.path()).read_bytes()[:5] == b"%PDF-"


def test_what_can_not_be_taken_is_said_before_it_is_sent(browser: Browser, base: str, tmp_path: Path) -> None:
    """A text under the name of a picture, a file that is too long, an empty one; the good one among them is taken."""
    text, huge, empty = tmp_path / "a.jpg", tmp_path / "b.png", tmp_path / "c.dcm"
    text.write_text("no picture")
    huge.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(5_000_000))
    empty.touch()
    with person(browser, base) as dora:
        register(dora, "dora")
        choose(dora.page, text, huge, empty, saved(film(7), tmp_path, "d.dcm"))
        wrong = dora.page.locator("#going .wrong:not(:empty)")
        expect(wrong).to_have_text(
            [
                "This is neither DICOM nor JPEG nor PNG, whatever its name says.",
                "A file may have 5 MB; this one has 6.",
                "The file is empty.",
            ]
        )
        expect(dora.page.locator("#history tr")).to_have_count(1, timeout=_PATIENCE_MS)
        assert PATIENT not in dora.page.content()


def test_a_file_that_is_dropped_is_taken_as_a_chosen_one(browser: Browser, base: str) -> None:
    """Here one that is no film."""
    with person(browser, base) as fritz:
        register(fritz, "fritz")
        files = fritz.page.evaluate_handle(
            "() => { const all = new DataTransfer(); all.items.add(new File(['text'], 'a.jpg')); return all; }"
        )
        fritz.page.locator("#drop").dispatch_event("drop", {"dataTransfer": files})
        expect(fritz.page.locator("#going .wrong")).to_contain_text("neither DICOM nor JPEG nor PNG")


def test_the_keyboard_is_enough(browser: Browser, base: str) -> None:
    """The chooser opens by a key; a page of a result waits by itself until there is one."""
    with person(browser, base, width=820, height=1180) as emil:
        register(emil, "emil")
        page = emil.page
        page.locator("#files").evaluate("files => files.addEventListener('click', () => { files.title = 'asked'; })")
        page.keyboard.press("u")
        expect(page.locator("#files")).to_have_attribute("title", "asked")
        choose(page, FILMS / "COVID19" / "cxnet_107.jpg")
        link = page.locator("#history a").first
        expect(link).to_be_visible(timeout=_PATIENCE_MS)
        link.focus()
        page.keyboard.press("Enter")
        expect(page.locator(".verdict")).to_be_visible(timeout=_PATIENCE_MS)
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
