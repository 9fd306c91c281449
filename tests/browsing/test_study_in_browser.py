"""The page of a study, in a browser: a film to look at, a map over it, and an answer to the network."""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import pydicom
import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from domain.ids import StudyId
from tests.browser import Person, person, serving
from tests.study_pages import Ward, bundled, ward

pytestmark = pytest.mark.peers

_SUM = """canvas => {
    const all = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
    let sum = 0, coloured = 0;
    for (let place = 0; place < all.length; place += 4) {
        sum += all[place];
        coloured += all[place] !== all[place + 2] ? 1 : 0;
    }
    return [sum, coloured];
}"""


@pytest.fixture(scope="module")
def place(embedded_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ward]:
    """One installation for the tests of this module."""
    viewer = "https://viewer.example.org/viewer?StudyInstanceUIDs={study}"
    with ward(embedded_url, tmp_path_factory.mktemp("ward"), viewer_url=viewer) as opened:
        yield opened


@pytest.fixture(scope="module")
def study(place: Ward) -> StudyId:
    """A classified study of two films, and an earlier one."""
    place.classify(place.receive(bundled("NORMAL/IM-0256-0001.jpg", accession_number="A-099")))
    first = bundled("PNEUMONIA/person1175_bacteria_3122.jpg")
    uid = str(first.StudyInstanceUID)
    found = place.receive(first, bundled("NORMAL/IM-0213-0001.jpg", view_position="LL", study_uid=uid))
    place.classify(found)
    return found


@pytest.fixture(scope="module")
def base(place: Ward) -> Iterator[str]:
    """The address of the pages."""
    with serving(place.app()) as address:
        yield address


@pytest.fixture
def reader(browser: Browser, base: str, study: StudyId) -> Iterator[Person]:
    """A radiologist who looks at the study."""
    with person(browser, base) as somebody:
        somebody.log_in("radiologist")
        somebody.page.goto(f"{base}/studies/{study}")
        expect(state(somebody.page)).to_contain_text("%")
        yield somebody


def state(page: Page) -> Locator:
    return page.locator(".viewer-state")


def seen(page: Page) -> tuple[int, int]:
    """Return the sum of all greys, and how many pixels have a colour."""
    page.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
    grey, coloured = page.locator("canvas").evaluate(_SUM)
    return grey, coloured


def drag(page: Page, across: int, down: int, button: str = "left") -> None:
    box = page.locator("canvas").bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down(button=button)  # type: ignore[arg-type]  # left, middle or right
    page.mouse.move(x + across, y + down, steps=5)
    page.mouse.up(button=button)  # type: ignore[arg-type]


def test_a_drag_changes_the_window(reader: Person) -> None:
    """Up makes the film brighter."""
    before, shown = seen(reader.page), state(reader.page).inner_text()
    assert before[0] > 0
    drag(reader.page, 0, -80)
    assert seen(reader.page)[0] > 1.05 * before[0]
    assert state(reader.page).inner_text() != shown
    expect(reader.page.locator("[data-do=preset]")).to_have_value("other")


@pytest.mark.parametrize(
    ("key", "expected"),
    [("ArrowUp", "brighter"), ("ArrowDown", "darker"), ("Brighter", "brighter"), ("Darker", "darker")],
)
def test_keys_and_buttons_change_the_window(reader: Person, key: str, expected: str) -> None:
    """And 0 brings back what the film asks for."""
    page, before = reader.page, seen(reader.page)
    if key.startswith("Arrow"):
        page.keyboard.press(key)
    else:
        page.get_by_role("button", name="Keys").click()
        page.get_by_role("button", name=key).click()
    after = seen(page)
    assert after[0] > before[0] if expected == "brighter" else after[0] < before[0]
    page.locator("canvas").focus()
    page.keyboard.press("0")
    assert seen(page) == before


def test_inverting_twice_changes_nothing(reader: Person) -> None:
    """By the button, which says whether it is pressed."""
    before, button = seen(reader.page), reader.page.get_by_role("button", name="Invert")
    button.click()
    expect(button).to_have_attribute("aria-pressed", "true")
    assert seen(reader.page) != before
    button.click()
    assert seen(reader.page) == before


def test_zoom_and_move_end_with_fit(reader: Person) -> None:
    """By wheel, right drag and key."""
    page, before, fitted = reader.page, seen(reader.page), state(reader.page).inner_text()
    page.locator("canvas").hover()
    page.mouse.wheel(0, -600)
    expect(state(page)).not_to_have_text(fitted)
    zoomed = seen(page)
    drag(page, 120, 60, "right")
    assert seen(page) != zoomed != before
    page.keyboard.press("f")
    assert (seen(page), state(page).inner_text()) == (before, fitted)


@pytest.mark.parametrize("name", ["lungs", "wide", "inverted"])
def test_presets_change_the_picture(reader: Person, name: str) -> None:
    """Each in its own way; the default is there again."""
    before = seen(reader.page)
    reader.page.locator("[data-do=preset]").select_option(name)
    assert seen(reader.page) != before
    reader.page.locator("[data-do=preset]").select_option("own")
    assert seen(reader.page) == before


def test_another_film_is_chosen_by_number(reader: Person) -> None:
    """And the first one is there again at once."""
    page, before = reader.page, seen(reader.page)
    page.keyboard.press("2")
    expect(page.locator("[data-film='2']")).to_have_attribute("aria-pressed", "true")
    expect(state(page)).to_contain_text("%")
    assert seen(page) != before
    page.keyboard.press("PageUp")
    expect(state(page)).to_contain_text("%")
    assert seen(page) == before


def test_a_map_is_shown_when_it_is_asked_for(reader: Person) -> None:
    """In colours, as strong as somebody wants, with a notice; never by itself."""
    page = reader.page
    assert seen(page)[1] == 0
    page.get_by_role("button", name="Heat map").click()
    expect(page.locator("#map-notice")).to_contain_text("outside of a triage indication")
    expect(page.locator(".map-label")).to_contain_text("pneumonia")
    strong = seen(page)[1]
    assert strong > 1000
    page.locator("[data-do=opacity]").fill("5")
    assert 0 < seen(page)[1] < strong
    page.get_by_role("button", name="Heat map").click()
    assert seen(page)[1] == 0


def test_keys_are_explained(reader: Person) -> None:
    """By a key, too."""
    reader.page.keyboard.press("?")
    expect(reader.page.locator("#viewer-help")).to_be_visible()
    reader.page.keyboard.press("?")
    expect(reader.page.locator("#viewer-help")).to_be_hidden()


def test_who_disagrees_says_so_and_sees_it_again(reader: Person) -> None:
    """With the comment; it is there after a reload."""
    page = reader.page
    for name in ("COVID-19: absent", "Other pneumonia: absent", "Normal film: present"):
        page.get_by_label(name).check()
    page.get_by_label("Comment").fill("Film is rotated.")
    page.get_by_role("button", name="Save this answer").click()
    expect(page.locator(".said")).to_contain_text("Film is rotated.")
    page.reload()
    expect(page.locator(".said")).to_contain_text("Normal film: present")
    expect(page.get_by_label("Normal film: present")).to_be_checked()


def test_the_texts_are_there_in_two_languages(reader: Person) -> None:
    """One at a time."""
    page = reader.page
    expect(page.locator(".words-clinicians")).to_be_visible()
    page.get_by_text("For patients").click()
    expect(page.locator(".words-patients")).to_be_visible()
    expect(page.locator(".words-clinicians")).to_be_hidden()


def test_the_report_is_taken_out(reader: Person) -> None:
    """As a DICOM file."""
    with reader.page.expect_download() as download:
        reader.page.get_by_role("link", name="Download as DICOM").click()
    content = Path(download.value.path()).read_bytes()
    assert pydicom.dcmread(BytesIO(content)).Modality == "SR"


@pytest.mark.parametrize(("width", "height"), [(1280, 800), (820, 1180), (400, 800)])
def test_nothing_has_to_be_scrolled_sideways(
    browser: Browser, base: str, study: StudyId, width: int, height: int
) -> None:
    """On a small screen, a tablet, even a telephone."""
    with person(browser, base, width=width, height=height) as somebody:
        somebody.log_in("radiologist")
        somebody.page.goto(f"{base}/studies/{study}")
        expect(state(somebody.page)).to_contain_text("%")
        assert somebody.page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
