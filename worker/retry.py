"""How long to wait before the next try."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from random import random
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True, kw_only=True, slots=True)
class Backoff:
    """Pauses that double from `first`, never exceed `limit`, and are shortened by chance.

    A hundred jobs that failed at the same moment, since a PACS was switched off, do not come back at the same moment.
    """

    first: timedelta
    limit: timedelta
    jitter: float = 0.25
    """Share of a pause that chance may take away, 0 to 1."""
    chance: Callable[[], float] = random
    """Gives a number from 0 to below 1."""

    def after(self, attempt: int) -> timedelta:
        """Return the pause after the given try, 1 being the first."""
        doublings = min(attempt - 1, 30)  # beyond it timedelta would overflow; the limit holds long before
        return min(self.first * float(2**doublings), self.limit) * (1.0 - self.jitter * self.chance())
