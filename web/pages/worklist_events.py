"""Tells browsers that the list changes, by server-sent events (WHATWG HTML 9.2): which studies, nothing about them."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from fastapi.concurrency import run_in_threadpool

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from domain.ids import StudyId
    from domain.reading_list import ReadingNews

_ANY: Final = "*"
_TICK_SECONDS: Final = 0.5
_TOGETHER_SECONDS: Final = 0.2
"""What changes within this time is told at once."""
_SILENCE_SECONDS: Final = 15.0
"""After it we say something, so that nobody between closes the connection."""
LASTING_SECONDS: Final = 600.0
"""Then the browser connects again, and has to show anew that it may."""


class Ear:
    """What one browser has yet to be told; `hear` is called on another thread than the rest."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._woken = asyncio.Event()
        self._changed: set[StudyId] = set()
        self._is_any = False

    def hear(self, changed: frozenset[StudyId]) -> None:
        """Take in what has changed."""
        with suppress(RuntimeError):  # the server has stopped
            self._loop.call_soon_threadsafe(self._note, changed)

    async def wait(self, seconds: float) -> bool:
        """Return whether something has changed; at the latest when the time is up."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._woken.wait(), seconds)
        return self._woken.is_set()

    def told(self) -> str:
        """Return what has changed since this was last called."""
        text = _ANY if self._is_any else ",".join(str(one) for one in sorted(self._changed))
        self._changed, self._is_any = set(), False
        self._woken.clear()
        return text

    def _note(self, changed: frozenset[StudyId]) -> None:
        self._changed |= changed
        self._is_any = self._is_any or not changed
        self._woken.set()


async def events(
    news: ReadingNews, is_stopping: Callable[[], bool], *, lasting: float = LASTING_SECONDS
) -> AsyncIterator[str]:
    """Yield an event for each change until the time is up or the server stops; changes close together are one."""
    ear = Ear()
    end = await run_in_threadpool(news.follow, ear.hear)
    try:
        began = spoke = time.monotonic()
        yield "retry: 1000\n\n"
        while not is_stopping() and time.monotonic() - began < lasting:
            if await ear.wait(_TICK_SECONDS):
                await asyncio.sleep(_TOGETHER_SECONDS)
                yield f"event: changed\ndata: {ear.told()}\n\n"
            elif time.monotonic() - spoke > _SILENCE_SECONDS:
                yield ": still here\n\n"
            else:
                continue
            spoke = time.monotonic()
    finally:
        end()
