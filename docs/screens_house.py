"""Makes the pictures of the pages of operations and quality: `python -m docs.screens_house`, from a clone."""

from __future__ import annotations

import sys
from pathlib import Path

from fastapi import FastAPI
from PIL import Image

from domain.accounts import Role
from hilum.control_room import control_room
from hilum.peer_settings import Peer, RouteOfResults
from hilum.settings import Settings
from tests.browser import chromium, person, serving
from tests.busy_weeks import make_busy_weeks
from tests.conftest import embedded_server, migrated
from tests.page_visitor import add_account, house_of
from web.pages.house import add_pages

_COLOURS = 96
IMAGES = Path(__file__).parent / "images"
PEERS = (
    Peer(name="archive", ae_title="ARCHIVE", host="10.1.0.20", port=104, receives_results=True, commits_results=True),
    Peer(name="portal", ae_title="PORTAL", host="10.1.0.31", port=11112),
    Peer(name="er-dx1", ae_title="ER-DX1", host="10.1.2.11", port=104, may_send=True),
    Peer(name="er-dx2", ae_title="ER-DX2", host="10.1.2.12", port=104, may_send=True),
)
ROUTES = (RouteOfResults(objects=("document", "capture"), peers=("portal",)),)


def main(folder: Path) -> None:
    """Write a picture of each page in each theme, and one of the part about networks on trial."""
    with embedded_server() as url, migrated(url) as engine:
        make_busy_weeks(engine)
        add_account(engine, "olga", Role.OPERATOR)
        app = FastAPI()
        room = control_room(Settings.model_construct(peers=PEERS, routes=ROUTES), engine)
        add_pages(app, house_of(engine, operations=room))
        with serving(app) as base, chromium() as browser, person(browser, base) as olga:
            olga.log_in("olga")
            for theme in ("dark", "light"):
                for name in ("operations", "quality"):
                    olga.page.goto(f"{base}/{name}")
                    file = folder / f"{name}-{theme}.png"
                    olga.page.screenshot(path=file, full_page="--whole" in sys.argv)
                    _slim(file)
                trials = folder / f"quality-trials-{theme}.png"
                olga.page.locator("section", has=olga.page.locator("#trials")).screenshot(path=trials)
                _slim(trials)
                olga.page.get_by_role("button", name="Light" if theme == "dark" else "Dark").click()


def _slim(file: Path) -> None:
    Image.open(file).convert("RGB").quantize(_COLOURS).save(file, optimize=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else IMAGES)
