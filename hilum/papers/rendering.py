"""Writes papers as Markdown, HTML that prints well, or JSON."""

from __future__ import annotations

import json
import re
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from domain.paper import Diagram, Example, Listing, Table, Text
from hilum.papers.drawing import as_mermaid, as_svg

if TYPE_CHECKING:
    from collections.abc import Iterator

    from domain.paper import Block, Paper, Section

FORMATS: Final = ("markdown", "html", "json")
SUFFIXES: Final = {"markdown": "md", "html": "html", "json": "json"}
_TEMPLATE: Final = "paper.html.j2"
_DEEPEST: Final = 6
_CODE: Final = re.compile(r"`([^`]+)`")


def rendered(paper: Paper, form: str) -> str:
    """Return a paper in one of `FORMATS`."""
    if form == "json":
        return json.dumps(_as_data(paper), indent=1, ensure_ascii=False) + "\n"
    return as_html(paper) if form == "html" else as_markdown(paper)


def as_markdown(paper: Paper, *, note: str = "") -> str:
    """Return a paper as Markdown, with a note below its title."""
    lines = [f"# {paper.title}", "", *([note, ""] if note else []), paper.about, ""]
    lines += [*_table(Table(columns=("", ""), rows=paper.cover)), ""]
    for number, section in enumerate(paper.sections, start=1):
        lines += _section(section, str(number), 2)
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).rstrip() + "\n"


def _section(section: Section, number: str, depth: int) -> Iterator[str]:
    yield from (f"{'#' * min(depth, _DEEPEST)} {number} {section.title}", "")
    for block in section.blocks:
        yield from (*_block(block), "")
    for place, child in enumerate(section.sections, start=1):
        yield from _section(child, f"{number}.{place}", depth + 1)


def _block(block: Block) -> list[str]:
    if isinstance(block, Text):
        return [block.text]
    if isinstance(block, Listing):
        return [f"- {point}" for point in block.points]
    if isinstance(block, Example):
        return ["```text", block.text, "```"]
    if isinstance(block, Diagram):
        return ["```mermaid", as_mermaid(block), "```"]
    return _table(block)


def _table(table: Table) -> list[str]:
    head = [f"| {' | '.join(table.columns)} |", f"|{'---|' * len(table.columns)}"]
    caption = [f"{table.caption}:", ""] if table.caption else []
    return [*caption, *head, *(f"| {' | '.join(_cell(cell) for cell in row)} |" for row in table.rows)]


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", "<br>")


def as_html(paper: Paper) -> str:
    """Return a paper as one HTML file that needs nothing beside it."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined
    from markupsafe import Markup, escape

    def inline(text: str) -> Markup:
        with_code = _CODE.sub(r"<code>\1</code>", str(escape(text)))
        return Markup(with_code.replace("\n", "<br>"))  # noqa: S704 - it was escaped above

    templates = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    templates.filters["inline"] = inline
    templates.filters["kind"] = lambda block: type(block).__name__.lower()
    templates.filters["drawn"] = lambda diagram: Markup(as_svg(diagram))  # noqa: S704 - each text in it was escaped
    return templates.get_template(_TEMPLATE).render(paper=paper)


def _as_data(paper: Paper) -> dict[str, Any]:
    return {
        "title": paper.title,
        "about": paper.about,
        "cover": dict(paper.cover),
        "sections": [_section_data(section) for section in paper.sections],
    }


def _section_data(section: Section) -> dict[str, Any]:
    data: dict[str, Any] = {"title": section.title}
    if section.blocks:
        data["blocks"] = [{"kind": type(block).__name__.lower(), **asdict(block)} for block in section.blocks]
    if section.sections:
        data["sections"] = [_section_data(child) for child in section.sections]
    return data
