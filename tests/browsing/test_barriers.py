"""Nothing on any page keeps people with disabilities out, as far as axe-core can tell."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import Browser, expect
from sqlalchemy import Engine

from db.trials import record
from domain.accounts import Role
from domain.ids import StudyId
from domain.trial import judged
from tests.api_client import add_token
from tests.browser import barriers, person, serving
from tests.fakes import MODEL
from tests.made_studies import MadeStudies
from tests.study_pages import bundled, ward

pytestmark = pytest.mark.peers


@dataclass
class Site:
    """Pages with something to show."""

    base: str
    study: StudyId


@pytest.fixture(scope="module")
def site(embedded_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """One classified study, one that waits, and an account of each role."""
    with ward(embedded_url, tmp_path_factory.mktemp("barriers")) as place:
        study = place.receive(bundled("PNEUMONIA/person1175_bacteria_3122.jpg"))
        place.classify(study)
        on_trial(place.engine)
        place.receive(bundled("NORMAL/IM-0256-0001.jpg", patient_id="4712", patient_name="Beispiel^Ben"))
        add_token(place.engine, Role.RADIOLOGIST)
        with serving(place.app()) as address:
            yield Site(address, study)


def on_trial(engine: Engine) -> None:
    """Let a shadow look at results that have reports, of enough days to tell a drift, and replay a network."""
    made, now = MadeStudies(engine), datetime.now(UTC)
    for number in range(40):
        at = now - timedelta(days=number % 2 * 10, minutes=number)
        study = made.study(at)
        made.shadow(made.result(study, at), "skipped" if number == 1 else "classified")
        made.report(study[0], at, covid19="present")
    record(engine, (MODEL, MODEL), judged([], MODEL), window=(now, now), actor="me")


@pytest.mark.parametrize("theme", ["dark", "light"])
@pytest.mark.parametrize(
    ("login", "path", "shown"),
    [
        ("radiologist", "/worklist", "Muster, Anna"),
        ("radiologist", "/studies/{study}", "Your assessment"),
        ("clinician", "/upload", "Upload"),
        ("operator", "/operations", "Lanes"),
        ("operator", "/quality", "Networks on trial"),
        ("admin", "/accounts", "radiologist/program"),
        ("radiologist", "/tokens", "radiologist/program"),
    ],
)
def test_a_page_has_no_barriers(browser: Browser, site: Site, theme: str, login: str, path: str, shown: str) -> None:
    """By contrast, names, structure and focus (WCAG 2.2 AA), in either theme."""
    with person(browser, site.base) as somebody:
        somebody.page.context.add_cookies([{"name": "theme", "value": theme, "url": site.base}])
        somebody.log_in(login)
        somebody.page.goto(site.base + path.format(study=site.study))
        expect(somebody.page.locator("main")).to_contain_text(shown)
        assert barriers(somebody.page) == []
