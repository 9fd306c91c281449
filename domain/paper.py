"""Papers that hospitals ask for: what is in them, whatever they are written as."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, kw_only=True, slots=True)
class Text:
    """A paragraph; what stands between backticks is shown as code."""

    text: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Listing:
    """Points, one below the other."""

    points: Sequence[str]


@dataclass(frozen=True, kw_only=True, slots=True)
class Table:
    """Rows below column headings; each row has a cell for each column."""

    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    caption: str = ""

    def __post_init__(self) -> None:
        if any(len(row) != len(self.columns) for row in self.rows):
            raise ValueError("each row of a table has a cell for each column")


@dataclass(frozen=True, kw_only=True, slots=True)
class Example:
    """Text as programs write it, in a type of fixed width."""

    text: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Flow:
    """An arrow of a diagram."""

    source: str
    target: str
    label: str
    is_encrypted: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Diagram:
    """Boxes around one in the middle, and arrows between it and them."""

    centre: str
    flows: Sequence[Flow]


Block = Text | Listing | Table | Example | Diagram


@dataclass(frozen=True, kw_only=True, slots=True)
class Section:
    """A heading with what stands below it."""

    title: str
    blocks: Sequence[Block] = ()
    sections: Sequence[Section] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Paper:
    """A document: a cover, and sections."""

    title: str
    about: str
    """One or two sentences for the cover."""
    cover: Sequence[tuple[str, str]]
    """What a reader looks for first, as product, version and date: label and value."""
    sections: Sequence[Section]
