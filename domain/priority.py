"""How urgent a study is, and the rules that say so."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


class Priority(IntEnum):
    """Terms of Requested Procedure Priority (0040,1003), the most urgent first; MEDIUM is read as ROUTINE."""

    STAT = 0
    HIGH = 1
    ROUTINE = 2
    LOW = 3


MOST_URGENT_BY_AGE = Priority.HIGH
"""What waits too long rises step by step, but never up to STAT: that stays what people ordered."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Order:
    """What an instance tells of its urgency."""

    calling_ae_title: str
    requested_priority: str = ""
    """Requested Procedure Priority (0040,1003), empty where the header has none."""
    locations: Sequence[str] = ()
    """Where the patient comes from: requesting service, current location, department."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PriorityRule:
    """Gives a priority to instances that meet all of its conditions; a condition that is empty is always met."""

    priority: Priority
    calling_ae_title: str = ""
    requested_priority: str = ""
    location: str = ""
    """A pattern in which `*` stands for any text and `?` for one character; capitals make no difference."""

    @property
    def reads_header(self) -> bool:
        """Whether the rule needs more than the sender's name."""
        return bool(self.requested_priority or self.location)

    def applies_to(self, order: Order) -> bool:
        """Whether all conditions are met."""
        return (
            self.calling_ae_title in ("", order.calling_ae_title)
            and self.requested_priority.upper() in ("", order.requested_priority.upper())
            and (not self.location or any(_is_like(location, self.location) for location in order.locations))
        )


def priority_of(order: Order, rules: Iterable[PriorityRule]) -> Priority:
    """Return what the first rule that applies says; routine where none does."""
    return next((rule.priority for rule in rules if rule.applies_to(order)), Priority.ROUTINE)


def _is_like(text: str, pattern: str) -> bool:
    return fnmatchcase(text.casefold(), pattern.casefold())
