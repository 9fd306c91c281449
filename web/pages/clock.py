"""Times as the wall clock of the house shows them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime, tzinfo


@dataclass(frozen=True, slots=True)
class Clock:
    """Shows moments in one time zone, always with its name, which changes with the season."""

    zone: tzinfo | None = None
    """None: the zone of this machine."""

    def minute(self, moment: datetime) -> str:
        """Return a moment to the minute, as `2026-03-01 14:05 CET`."""
        return self._shown(moment, "%Y-%m-%d %H:%M")

    def second(self, moment: datetime) -> str:
        """Return a moment to the second."""
        return self._shown(moment, "%Y-%m-%d %H:%M:%S")

    def lately(self, moment: datetime) -> str:
        """Return a moment of the last months, without its year."""
        return self._shown(moment, "%d %b %H:%M")

    def day(self, moment: datetime) -> str:
        """Return the date of a moment."""
        return f"{moment.astimezone(self.zone):%Y-%m-%d}"

    @property
    def filters(self) -> Mapping[str, Callable[[datetime], str]]:
        """What templates call these."""
        return {"minute": self.minute, "second": self.second, "lately": self.lately, "day": self.day}

    def _shown(self, moment: datetime, how: str) -> str:
        local = moment.astimezone(self.zone)
        return f"{local:{how}} {local.tzname()}"
