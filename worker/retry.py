"""How long to wait before the next try."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, kw_only=True, slots=True)
class Backoff:
    """Pauses that double from `first` and never exceed `limit`."""

    first: timedelta
    limit: timedelta

    def after(self, attempt: int) -> timedelta:
        """Return the pause after the given try, 1 being the first."""
        doublings = min(attempt - 1, 30)  # beyond it timedelta would overflow; the limit holds long before
        return min(self.first * float(2**doublings), self.limit)
