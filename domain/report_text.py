"""The text of a report, cut into sentences that say one thing, without the parts that ask or compare."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

_HEADING: Final = re.compile(r"^\W*([^\W\d_][\w /&-]{2,40}?)\s*:\s*(.*)$")
_CONCLUDES: Final = ("impression", "conclusion", "assessment", "opinion", "beurteilung", "zusammenfassung", "fazit")
_ASKS: Final = (
    "indication", "clinical", "history", "reason", "question", "technique", "comparison", "examination", "exam",
    "recommendation", "recommendations", "klinische", "klinik", "anamnese", "fragestellung", "frage", "indikation",
    "rechtfertigende", "technik", "voraufnahme", "voraufnahmen", "vergleich", "untersuchung", "empfehlung",
)  # fmt: skip
_DESCRIBES: Final = ("findings", "finding", "report", "befund", "lungs", "lung", "lunge", "heart", "herz", "pleura")
_LONG_LINE_CHARACTERS: Final = 60
"""A line that long without a full stop was broken by a program, not by the writer."""
_OPEN_END: Final = re.compile(
    r"(,|\b(a|an|the|of|for|to|in|with|and|or|no|without|ein|eine|einer|eines|einen|auf|für|von|der|die|das|den|und|oder"
    r"|kein|keine|keinen|ohne|im))$",
    re.IGNORECASE,
)
_BULLET: Final = re.compile(r"^\s*([-*•+]|\(?\d{1,2}[.)])\s+")
_ABBREVIATIONS: Final = frozenset({"evtl", "ggf", "bds", "bzw", "vgl", "inkl", "incl", "approx", "ausschl", "beg"})
_FULL_STOP: Final = re.compile(r"([^\W\d_]*)([.;!?])(?=\s|$)")
_SHORTEST_LAST_WORD: Final = 3
"""A full stop behind fewer letters belongs to an abbreviation, as in "V. a."."""


def sentences(text: str) -> Iterator[str]:
    """Yield the sentences of the conclusion where there is one with a heading, else of all but what asks.

    What asks is known by headings as "Indication:" or "Klinische Angaben:".
    """
    concluding, others = _sections(text)
    for paragraph in _paragraphs(concluding or others):
        yield from _split(paragraph)


def _sections(text: str) -> tuple[list[str], list[str]]:
    """Return the lines of the conclusion, and those of all that does not ask: that ends at an empty line."""
    concluding: list[str] = []
    others: list[str] = []
    current: list[str] | None = others
    for line in text.splitlines():
        heading = _HEADING.match(line)
        word = heading.group(1).casefold().split()[0] if heading else ""
        rest = line
        if word in _CONCLUDES:
            current, rest = concluding, heading.group(2) if heading else ""
        elif word in _ASKS:
            current = None
        elif word in _DESCRIBES or (current is None and not line.strip()):
            current = others
        if current is not None:
            current.append(rest)
    return concluding if any(line.strip() for line in concluding) else [], others


def _paragraphs(lines: list[str]) -> Iterator[str]:
    """Yield what belongs together: lines that were broken within a sentence are joined."""
    joined = ""
    for line in lines:
        piece = _BULLET.sub("", line).strip()
        is_new = not piece or piece != line.strip() or not _goes_on(joined, piece)
        if is_new and joined:
            yield joined
        joined = piece if is_new else f"{joined} {piece}"
    if joined:
        yield joined


def _goes_on(before: str, line: str) -> bool:
    if not before or before[-1] in ".;!?:":
        return False
    return line[:1].islower() or len(before) >= _LONG_LINE_CHARACTERS or bool(_OPEN_END.search(before))


def _split(paragraph: str) -> Iterator[str]:
    start = 0
    for stop in _FULL_STOP.finditer(paragraph):
        word = stop.group(1)
        if stop.group(2) == "." and _is_short(word, paragraph[: stop.start()]):
            continue
        yield paragraph[start : stop.end()]
        start = stop.end()
    if paragraph[start:].strip():
        yield paragraph[start:]


def _is_short(word: str, before: str) -> bool:
    """Whether a full stop behind a word is one of an abbreviation; a number ends a sentence."""
    if not word:
        return not before[-1:].isdigit()
    return len(word) < _SHORTEST_LAST_WORD or word.casefold() in _ABBREVIATIONS
