"""Draws a diagram of flows: as Mermaid for pages that render it, as SVG for those that print."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from xml.sax.saxutils import escape, quoteattr

if TYPE_CHECKING:
    from collections.abc import Sequence

    from domain.paper import Diagram, Flow

_WIDTH: Final = 960
_BOX: Final = 250
_ROW: Final = 56
_GAP: Final = 14
_LABEL_CHARACTERS: Final = 34


def as_mermaid(diagram: Diagram) -> str:
    """Return the diagram as a Mermaid flowchart; what is not encrypted has a dotted arrow."""
    names = list(dict.fromkeys(name for flow in diagram.flows for name in (flow.source, flow.target)))
    ids = {name: f"n{number}" for number, name in enumerate(names)}
    lines = ["flowchart LR", *(f'    {ids[name]}["{_plain(name)}"]' for name in names)]
    for flow in diagram.flows:
        arrow = "-->" if flow.is_encrypted else "-.->"
        lines.append(f'    {ids[flow.source]} {arrow}|"{_plain(flow.label)}"| {ids[flow.target]}')
    return "\n".join(lines)


def _plain(text: str) -> str:
    return text.replace('"', "'").replace("|", "/").replace("\n", " ")


def as_svg(diagram: Diagram) -> str:
    """Return the diagram as SVG: what comes in at the left, what goes out at the right."""
    come = [flow for flow in diagram.flows if flow.target == diagram.centre]
    go = [flow for flow in diagram.flows if flow.source == diagram.centre]
    height = max(len(come), len(go), 1) * (_ROW + _GAP) + _GAP
    middle = (_WIDTH - 140) // 2
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" role="img"',
        f" aria-label={quoteattr('Flows of data around ' + diagram.centre)}>",
        '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">',
        '<path d="M0 0 8 4 0 8z"/></marker></defs>',
        f'<rect class="centre" x="{middle}" y="{_GAP}" width="140" height="{height - 2 * _GAP}" rx="6"/>',
        f'<text class="name" x="{_WIDTH // 2}" y="{height // 2}" text-anchor="middle">{escape(diagram.centre)}</text>',
        *_side(come, box=0, line=(_BOX, middle), is_source=True),
        *_side(go, box=_WIDTH - _BOX, line=(middle + 140, _WIDTH - _BOX), is_source=False),
        "</svg>",
    ]
    return "".join(parts)


def _side(flows: Sequence[Flow], *, box: int, line: tuple[int, int], is_source: bool) -> list[str]:
    parts = []
    for number, flow in enumerate(flows):
        top = _GAP + number * (_ROW + _GAP)
        name = flow.source if is_source else flow.target
        kind = "safe" if flow.is_encrypted else "open"
        parts += [
            f'<rect x="{box}" y="{top}" width="{_BOX}" height="{_ROW}" rx="6"/>',
            f'<text class="name" x="{box + 10}" y="{top + 23}">{escape(_short(name))}</text>',
            f'<text x="{box + 10}" y="{top + 42}">{escape(_short(flow.label))}</text>',
            f'<line class="{kind}" x1="{line[0]}" y1="{top + _ROW // 2}" x2="{line[1]}" y2="{top + _ROW // 2}"',
            ' marker-end="url(#tip)"/>',
        ]
    return parts


def _short(text: str) -> str:
    return text if len(text) <= _LABEL_CHARACTERS else f"{text[: _LABEL_CHARACTERS - 1]}…"
