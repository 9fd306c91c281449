"""Makes the pictures of login, registration, accounts and tokens: `python -m docs.screens_entrance`, from a clone."""

from __future__ import annotations

import sys
from io import BytesIO
from pathlib import Path

from fastapi import FastAPI
from PIL import Image

from db.accounts import PostgresAccounts
from domain.accounts import Permission, Role
from tests.api_client import add_token
from tests.browser import Person, chromium, person, serving
from tests.conftest import embedded_server, migrated
from tests.page_visitor import add_account, house_of
from web.pages.house import add_pages

_COLOURS = 96
IMAGES = Path(__file__).parent / "images"
_PEOPLE = (
    ("m.lindqvist", Role.RADIOLOGIST),
    ("c.okafor", Role.RADIOLOGIST),
    ("p.novak", Role.CLINICIAN),
    ("t.haddad", Role.CLINICIAN),
    ("o.brandt", Role.OPERATOR),
)


def main(folder: Path) -> None:
    """Write a picture of each page in each theme."""
    with embedded_server() as url, migrated(url) as engine, chromium() as browser:
        for login, role in (*_PEOPLE, ("adele", Role.ADMIN)):
            add_account(engine, login, role)
        PostgresAccounts(engine).change("t.haddad", is_disabled=True)
        add_token(engine, Role.RADIOLOGIST, Permission.READ, login="m.lindqvist", name="viewer", days=90)
        app = FastAPI()
        add_pages(app, house_of(engine, registration="open"))
        with serving(app) as base:
            for theme in ("dark", "light"):
                with person(browser, base) as adele:
                    for name in ("login", "register"):
                        adele.page.goto(f"{base}/{name}")
                        _choose(adele, theme)
                        _keep(adele, folder / f"{name}-{theme}.png")
                    adele.log_in("adele")
                    adele.page.goto(f"{base}/accounts")
                    adele.page.get_by_role("button", name="Make an invitation").click()
                    _keep(adele, folder / f"accounts-{theme}.png")
                with person(browser, base) as maja:
                    maja.log_in("m.lindqvist")
                    maja.page.goto(f"{base}/tokens")
                    _choose(maja, theme)
                    _keep(maja, folder / f"tokens-{theme}.png")


def _choose(somebody: Person, theme: str) -> None:
    """Press the button of a theme, which is there where the page has another one."""
    button = somebody.page.get_by_role("button", name=theme.title(), exact=True)
    if button.count():
        button.click()


def _keep(somebody: Person, file: Path) -> None:
    with Image.open(BytesIO(somebody.page.screenshot())) as picture:
        picture.convert("RGB").quantize(_COLOURS).save(file, optimize=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else IMAGES)
