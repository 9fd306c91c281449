"""A browser for the tests of this folder."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from tests.browser import chromium


@pytest.fixture(scope="module")  # while it runs, its event loop is in everybody's way
def browser() -> Iterator[Browser]:
    """Chromium, without a window."""
    with chromium() as running:
        yield running
