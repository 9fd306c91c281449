"""Takes the pictures of a study's page for the documentation: `python docs/screens_study.py FOLDER`."""

from __future__ import annotations

import sys
import tempfile
from io import BytesIO
from pathlib import Path

from PIL import Image

from tests.browser import Person, chromium, person, serving
from tests.conftest import embedded_server
from tests.study_pages import bundled, ward

_COLOURS = 160


def main(folder: Path, *, is_whole: bool) -> None:
    """Show a bundled film of an invented patient, dark and light, and keep what is seen; the whole page as well."""
    with (
        tempfile.TemporaryDirectory() as home,
        embedded_server() as url,
        ward(url, Path(home), viewer_url="https://viewer.example.org/viewer?StudyInstanceUIDs={study}") as place,
    ):
        place.classify(place.receive(bundled("NORMAL/IM-0256-0001.jpg", accession_number="A-099")))
        first = bundled("PNEUMONIA/person1175_bacteria_3122.jpg")
        second = bundled("NORMAL/IM-0213-0001.jpg", view_position="LL", study_uid=str(first.StudyInstanceUID))
        study = place.receive(first, second)
        place.classify(study)
        with serving(place.app()) as base, chromium() as browser, person(browser, base) as reader:
            reader.log_in("radiologist")
            page = reader.page
            page.goto(f"{base}/studies/{study}")
            for theme in ("dark", "light"):
                if theme == "light":
                    page.get_by_role("button", name="Light").click()
                page.locator(".viewer-state", has_text="%").wait_for()
                _keep(reader, folder / f"study-{theme}.png")
                page.get_by_role("button", name="Heat map").click()
                page.locator(".map-label", has_text="pneumonia").wait_for()
                _keep(reader, folder / f"study-map-{theme}.png")
                if is_whole:
                    page.screenshot(path=folder / f"study-whole-{theme}.png", full_page=True)


def _keep(reader: Person, file: Path) -> None:
    page = reader.page
    page.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
    with Image.open(BytesIO(page.screenshot())) as picture:
        picture.convert("RGB").quantize(_COLOURS, dither=Image.Dither.NONE).save(file, optimize=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), is_whole="--whole" in sys.argv)
