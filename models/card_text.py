"""Reads a model card: its chapters, for papers that repeat what it says instead of saying it anew."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from domain.paper import Listing, Table, Text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from domain.paper import Block

_HEADING = "## "
_EMPHASIS = re.compile(r"\*\*")


def chapters(card: str) -> Mapping[str, Sequence[Block]]:
    """Return what stands below each heading of the second level, as far as cards have it: text, points, tables."""
    found: dict[str, Sequence[Block]] = {}
    for chapter in f"\n{card}".split(f"\n{_HEADING}")[1:]:
        title, _, body = chapter.partition("\n")
        found[title.strip()] = [_block(part) for part in _parts(body)]
    return found


def _parts(body: str) -> Iterator[list[str]]:
    for part in re.split(r"\n\s*\n", body.strip()):
        lines = [_EMPHASIS.sub("", line) for line in part.splitlines() if line.strip()]
        if lines:
            yield lines


def _block(lines: list[str]) -> Block:
    if lines[0].startswith("|"):
        head, _, *rows = [_cells(line) for line in lines]
        return Table(columns=head, rows=rows)
    if lines[0].startswith("- "):
        return Listing(points=_points(lines))
    return Text(text=" ".join(line.strip() for line in lines))


def _points(lines: list[str]) -> list[str]:
    """Return the points; a line that begins none goes on with the one before."""
    points: list[str] = []
    for line in lines:
        if line.startswith("- "):
            points.append(line[2:].strip())
        else:
            points[-1] += f" {line.strip()}"
    return points


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip().strip("|").split("|")]
