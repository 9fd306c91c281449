"""Hears which studies of the radiologists' list have changed, on one connection for all who follow."""

from __future__ import annotations

from typing import TYPE_CHECKING

from db.wakeups import Wakeups
from domain.ids import StudyId

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Engine

CHANNEL = "hilum_reading"
"""NOTIFY channel; the payload is numbers of studies with commas between, or empty: any may have changed."""


class PostgresReadingNews(Wakeups):
    """Implements `domain.reading_list.ReadingNews`; the connection is made when somebody follows first."""

    def __init__(self, engine: Engine) -> None:
        super().__init__(engine, channel=CHANNEL)
        self._listeners: dict[object, Callable[[frozenset[StudyId]], None]] = {}

    def follow(self, listener: Callable[[frozenset[StudyId]], None]) -> Callable[[], None]:
        """Call a listener with what changes from now on."""
        key = object()
        self._listeners[key] = listener
        self._begin()

        def end() -> None:
            self._listeners.pop(key, None)

        return end

    def _announce(self, lanes: list[str]) -> None:
        if not lanes:
            return
        is_any = "" in lanes
        changed = frozenset(StudyId(int(one)) for lane in lanes for one in lane.split(",") if one)
        for listener in list(self._listeners.values()):
            listener(frozenset() if is_any else changed)
