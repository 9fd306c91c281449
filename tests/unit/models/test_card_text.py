"""Model cards, read for papers."""

from __future__ import annotations

from domain.paper import Listing, Table, Text
from models.card_text import chapters
from models.package import load_package

CARD = """# Model card

## Intended use

**Decision support**, not
a diagnosis.

## Figures

| Films | Share |
|---|---|
| 12 | 90 % (80 to 95) |

## Limits

- One, which goes on
  in a second line.
- Two - with a dash.
"""


def test_a_chapter_is_text_a_table_or_points() -> None:
    """Lines that belong together are one; emphasis is left out."""
    assert chapters(CARD) == {
        "Intended use": [Text(text="Decision support, not a diagnosis.")],
        "Figures": [Table(columns=["Films", "Share"], rows=[["12", "90 % (80 to 95)"]])],
        "Limits": [Listing(points=["One, which goes on in a second line.", "Two - with a dash."])],
    }


def test_the_shipped_card_has_what_papers_repeat() -> None:
    """Otherwise the risk notes would say that the card is silent."""
    told = chapters(load_package().card.read_text())
    wanted = ("Intended use", "Limits", "Figures on sources it never saw", "Figures on validation films")
    assert [title for title in wanted if not told.get(title)] == []
