"""Headless Chromium on the pages of a running web server."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from axe_playwright_python.sync_playwright import Axe
from fastapi import FastAPI
from playwright.sync_api import Browser, Page, sync_playwright

from tests.page_visitor import PASSWORD
from tests.peers import require
from web.server import Address, listen, serve

CHROMIUM = Path("/usr/bin/chromium")


@contextmanager
def chromium() -> Iterator[Browser]:
    """Run the browser of the operating system."""
    require(CHROMIUM)
    sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as programs:
        browser = programs.chromium.launch(executable_path=str(CHROMIUM), args=sandbox)
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def serving(app: FastAPI) -> Iterator[str]:
    """Serve an application on a free port of this host, and yield its address."""
    address, stop = Address(host="127.0.0.1", port=0), threading.Event()
    own = listen(address)
    thread = threading.Thread(target=serve, args=(app, own, address, stop), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{own.getsockname()[1]}"
    finally:
        stop.set()
        thread.join(30)
        own.close()


@dataclass
class Person:
    """Somebody at a browser window; what goes wrong in its pages is kept."""

    page: Page
    base: str
    troubles: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.on("pageerror", lambda error: self.troubles.append(str(error)))
        self.page.on("console", self._hear)

    def log_in(self, login: str) -> None:
        """Log in by the form."""
        self.page.goto(f"{self.base}/login")
        self.page.get_by_label("Login").fill(login)
        self.page.get_by_label("Password").fill(PASSWORD)
        self.page.get_by_role("button", name="Log in").click()
        self.page.wait_for_url(lambda url: "/login" not in url)

    def _hear(self, message: object) -> None:
        if getattr(message, "type", "") == "error":
            self.troubles.append(str(getattr(message, "text", message)))


@contextmanager
def person(browser: Browser, base: str, *, width: int = 1280, height: int = 800) -> Iterator[Person]:
    """Open a window of its own, without the cookies of others; fail where a page had an error."""
    context = browser.new_context(viewport={"width": width, "height": height})
    opened = Person(context.new_page(), base)
    try:
        yield opened
    finally:
        context.close()
    assert opened.troubles == []


def barriers(page: Page) -> list[str]:
    """Return what keeps people with disabilities from using a page: serious findings of axe-core (WCAG 2.2 AA)."""
    found = Axe().run(page, options={"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]})
    return [
        f"{one['id']}: {one['help']} ({one['nodes'][0]['html'][:100]})"
        for one in found.response["violations"]
        if one["impact"] in {"serious", "critical"}
    ]
