"""The entrance, in a browser."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from fastapi import FastAPI
from playwright.sync_api import Browser, expect

from domain.accounts import Role
from tests.browser import barriers, person, serving
from tests.conftest import migrated
from tests.page_visitor import add_account, house_of
from web.pages.house import add_pages

pytestmark = pytest.mark.peers


@pytest.fixture
def base(embedded_url: str) -> Iterator[str]:
    """The address of pages with one admin."""
    with migrated(embedded_url) as engine:
        add_account(engine, "admin", Role.ADMIN)
        app = FastAPI()
        add_pages(app, house_of(engine, registration="invitation"))
        with serving(app) as address:
            yield address


def test_an_admin_invites_a_radiologist_who_makes_an_account(browser: Browser, base: str) -> None:
    """By the address that the page shows."""
    with person(browser, base) as admin, person(browser, base) as guest:
        admin.log_in("admin")
        admin.page.goto(f"{base}/accounts")
        admin.page.locator("form[action='/accounts/invitations'] select").select_option("radiologist")
        admin.page.get_by_role("button", name="Make an invitation").click()
        address = admin.page.locator("code").inner_text()
        guest.page.goto(address)
        guest.page.get_by_label("Login").fill("maria")
        guest.page.get_by_label("Your name").fill("Maria M.")
        guest.page.get_by_label("Password").fill("a film has no secrets")
        guest.page.get_by_role("button", name="Make the account").click()
        expect(guest.page.locator(".who")).to_contain_text("Maria M. radiologist")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_theme_is_chosen_and_kept(browser: Browser, base: str, theme: str) -> None:
    """Dark is the first: reading rooms are dark."""
    with person(browser, base) as somebody:
        somebody.page.goto(f"{base}/login")
        expect(somebody.page.locator("html")).to_have_attribute("data-theme", "dark")
        if theme == "light":
            somebody.page.get_by_role("button", name="Light").click()
            expect(somebody.page.locator("html")).to_have_attribute("data-theme", theme)
        somebody.page.reload()
        expect(somebody.page.locator("html")).to_have_attribute("data-theme", theme)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_nothing_at_the_entrance_is_a_barrier(browser: Browser, base: str, theme: str) -> None:
    """Nor on the page of accounts, in either theme."""
    with person(browser, base) as admin:
        admin.page.context.add_cookies([{"name": "theme", "value": theme, "url": base}])
        admin.page.goto(f"{base}/login")
        assert barriers(admin.page) == []
        admin.log_in("admin")
        admin.page.goto(f"{base}/accounts")
        assert barriers(admin.page) == []
