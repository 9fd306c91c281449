"""Figures that are told in more than one place: shares, and whether scores drift."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from pydantic import Field

from domain.findings import Label  # noqa: TC001 - pydantic reads it at run time
from web.api.answer import Answer

if TYPE_CHECKING:
    from domain.agreement import Share as Counted


class Share(Answer):
    """A part of a count."""

    count: int
    of: int
    value: float | None
    """0 to 1; null of nothing."""
    interval: tuple[float, float] | None
    """95 % interval by Wilson's score."""

    @classmethod
    def counted(cls, share: Counted) -> Self:
        """Return a share."""
        bounds = share.wilson_95
        interval = None if bounds is None else (bounds[0], bounds[1])
        return cls(count=share.count, of=share.of, value=share.value, interval=interval)


class Drifted(Answer):
    """How far scores of the last seven days are from those before, in the window."""

    last: int
    before: int
    indexes: dict[Label, float]
    """Population stability index of each class; none where there are too few results."""
    by_chance: float | None
    """What the index stays below in 95 of 100 weeks in which nothing changes."""
    reading: str = Field(examples=["no more than chance"])
