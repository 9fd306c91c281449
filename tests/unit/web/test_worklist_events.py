"""Server-sent events of the list."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable

from domain.ids import StudyId
from web.pages.worklist_events import events

Listener = Callable[[frozenset[StudyId]], None]


class Town:
    """News that a test makes."""

    def __init__(self) -> None:
        self.listeners: list[Listener] = []

    def follow(self, listener: Listener) -> Callable[[], None]:
        self.listeners.append(listener)
        return lambda: self.listeners.remove(listener)

    def tell(self, *studies: int) -> None:
        for listener in self.listeners:
            listener(frozenset(StudyId(study) for study in studies))


async def _heard(town: Town, *changes: tuple[int, ...]) -> list[str]:
    """Return what a browser hears that goes away after one event."""
    told = events(town, lambda: False)
    heard = [await anext(told)]
    thread = threading.Thread(target=lambda: [town.tell(*one) for one in changes])
    thread.start()
    heard.append(await anext(told))
    thread.join()
    await told.aclose()  # type: ignore[attr-defined]  # it is a generator
    return heard


def test_changes_close_together_are_one_event() -> None:
    """Each study once; nobody listens any more when the browser has gone."""
    town = Town()
    assert asyncio.run(_heard(town, (3,), (1, 3))) == ["retry: 1000\n\n", "event: changed\ndata: 1,3\n\n"]
    assert town.listeners == []


def test_where_any_may_have_changed_the_event_says_so() -> None:
    """As after the database was away."""
    assert asyncio.run(_heard(Town(), (), (3,)))[-1] == "event: changed\ndata: *\n\n"


def test_a_server_that_stops_ends_the_events() -> None:
    """And so does the time, after which a browser must show again that it may."""

    async def all_of(told: object) -> list[str]:
        return [one async for one in told]  # type: ignore[attr-defined]  # it is a generator

    town = Town()
    assert asyncio.run(all_of(events(town, lambda: True))) == ["retry: 1000\n\n"]
    assert asyncio.run(all_of(events(town, lambda: False, lasting=0))) == ["retry: 1000\n\n"]
    assert town.listeners == []
