"""What came of the studies of the chaos tests, each by itself and all together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

TOLD = "chaos"
"""Name of the property by which a test's report carries its count."""


@dataclass(frozen=True, kw_only=True)
class Count:
    """What came of the studies of one test."""

    trouble: str
    sent: int
    reports: int
    held: int
    deaths: int
    """How often something was killed, stopped or switched off, or ended itself."""

    @classmethod
    def of_all(cls, counts: Sequence[Count]) -> Self:
        """Return the sum."""
        return cls(
            trouble=f"{len(counts)} troubles",
            sent=sum(count.sent for count in counts),
            reports=sum(count.reports for count in counts),
            held=sum(count.held for count in counts),
            deaths=sum(count.deaths for count in counts),
        )

    def __str__(self) -> str:
        return (
            f"{self.trouble}: {self.sent} studies sent, {self.reports} reports, {self.held} held, {self.deaths} deaths"
        )
