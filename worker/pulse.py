"""How long each thread has been at one piece of work: one that never ends is a thread that hangs."""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass
class Pulse:
    """Of all threads of a worker; each writes only what is its own."""

    steps: int = 0
    """Grows with the work; two threads that count at once may count once."""
    _begun: dict[int, float] = field(default_factory=dict)
    """When each thread that is at work began, or last got on, by the monotonic clock."""

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """Count the block as a piece of work of this thread."""
        self._begun[threading.get_ident()] = time.monotonic()
        try:
            yield
        finally:
            self._begun.pop(threading.get_ident(), None)

    def beat(self) -> None:
        """Say that this thread got on with its piece of work."""
        self.steps += 1
        if threading.get_ident() in self._begun:
            self._begun[threading.get_ident()] = time.monotonic()

    def longest_seconds(self) -> float:
        """Return for how long the slowest thread has not got on."""
        return max((time.monotonic() - begun for begun in list(self._begun.values())), default=0.0)
