"""Draws docs/images/worklist-dark.png and worklist-light.png: the worklist with invented patients.

`.venv/bin/python docs/screens_list.py`, after the page was changed.
"""

from __future__ import annotations

import sys
import tempfile
from io import BytesIO
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from fastapi import FastAPI
from PIL import Image

from db.accounts import PostgresAccounts
from db.reading_list import PostgresSavedFilters
from domain.accounts import Role
from domain.film import Unsuitable, View
from domain.findings import Probabilities
from domain.priority import Priority
from tests.browser import chromium, person, serving
from tests.conftest import embedded_server, migrated
from tests.page_visitor import add_account, house_of
from tests.reading import ReadingRoom
from web.pages.house import add_pages

IMAGES = Path(__file__).parent / "images"
_PEOPLE = (
    "Albrecht^Hanna",
    "Okafor^Chidi",
    "Lindqvist^Maja",
    "Ferreira^Tomás^Luís",
    "Novak^Petra",
    "Haddad^Samir",
    "Kowalska^Ewa",
    "Brandt^Jonas",
    "Moreau^Élise",
    "Tanaka^Yuki",
    "Rossi^Paolo",
    "Schmidt-Hartenstein^Anna-Magdalena",
)
_RESULTS: tuple[Probabilities | Unsuitable, ...] = (
    Probabilities(covid19=0.03, normal=0.04, pneumonia=0.93),
    Probabilities(covid19=0.02, normal=0.95, pneumonia=0.03),
    Probabilities(covid19=0.81, normal=0.05, pneumonia=0.14),
    Unsuitable.NOT_FRONTAL,
    Probabilities(covid19=0.21, normal=0.44, pneumonia=0.35),
    Probabilities(covid19=0.05, normal=0.88, pneumonia=0.07),
    Probabilities(covid19=0.11, normal=0.15, pneumonia=0.74),
    Probabilities(covid19=0.01, normal=0.98, pneumonia=0.01),
)


def fill(room: ReadingRoom) -> None:
    """Let a morning pass."""
    for number, name in enumerate(_PEOPLE, start=1):
        if number == len(_PEOPLE) - 1:
            room.hold()
        room.receive(
            number,
            patient_name=name,
            patient_id=f"4{number * 8317 % 100000:05}",
            accession_number=f"2611-{number * 37 % 1000:04}",
            station_name=("DX-ROOM-1", "DX-ROOM-2", "BEDSIDE-3")[number % 3],
            sender=("RADIO1", "RADIO1", "MOBILE")[number % 3],
        )
        if number <= len(_RESULTS):
            room.classify(_RESULTS[number - 1], view=View.PA if number % 3 else View.AP)
    room.receive(
        20,
        patient_name="Berger^Ruth",
        patient_id="400771",
        accession_number="2611-0901",
        station_name="DX-ROOM-2",
        sender="RADIO1",
        priority=Priority.STAT,
    )
    room.claim(1, "WS-CHEST-2")
    room.run("UPDATE reading_list SET received_at = now() - (20 - study_id) * interval '437 s'")
    for name, query in (("Unread HIGH", "priority=HIGH"), ("Bedside", "place=BEDSIDE-3")):
        PostgresSavedFilters(room.engine).save(PostgresAccounts(room.engine).all()[0].id, name=name, query=query)


def main() -> None:
    """Draw the page in both themes."""
    with embedded_server() as url, migrated(url) as engine, chromium() as browser:
        add_account(engine, "radiologist", Role.RADIOLOGIST)
        fill(ReadingRoom(engine))
        app = FastAPI()
        add_pages(app, house_of(engine))
        with serving(app) as base:
            for theme, width, height in (("dark", 1280, 800), ("light", 1280, 800), ("small", 1024, 768)):
                with person(browser, base, width=width, height=height) as reader:
                    reader.log_in("radiologist")
                    if theme == "light":
                        reader.page.get_by_role("button", name="Light").click()
                    reader.page.wait_for_selector("#live[data-state=on]")
                    reader.page.keyboard.press("j")
                    reader.page.wait_for_timeout(300)
                    shot = reader.page.screenshot()
                where = Path(tempfile.gettempdir()) if theme == "small" else IMAGES
                with Image.open(BytesIO(shot)) as picture:
                    picture.quantize(160).save(where / f"worklist-{theme}.png", optimize=True)


if __name__ == "__main__":
    main()
