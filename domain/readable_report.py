"""A result in words and plain values, for whoever sets it on a page: of paper, or of the web."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from domain.findings import Verdict
    from domain.knowledge import Knowledge


@dataclass(frozen=True, kw_only=True, slots=True)
class ClassLine:
    """What is said of one class of the network."""

    name: str
    meaning: str
    probability: float
    least: float
    """From which probability on the network names the class."""
    is_named: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class FilmLine:
    """What is said of one film."""

    number: int
    view: str
    use: str
    """That it was analysed, or why it was not."""
    is_analysed: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class ReadableReport:
    """All that is said; nothing about the patient belongs here."""

    verdict: Verdict
    headline: str
    caution: str
    """What the headline does not say."""
    classes: tuple[ClassLine, ...]
    """None where nothing was classified."""
    films: tuple[FilmLine, ...]
    origin: tuple[tuple[str, str], ...]
    """Who made the result and when, as pairs of a name and a value."""
    text: Knowledge
