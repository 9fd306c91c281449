"""A structured report as lines to read, from its data set in the DICOM JSON model (PS3.18 F.2, PS3.3 C.17.3)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from domain.dicomweb import DicomJson

_CONCEPT_NAME, _CONCEPT, _CONTENT = "0040A043", "0040A168", "0040A730"
_MEASURED, _NUMBER, _UNITS = "0040A300", "0040A30A", "004008EA"
_MEANING = "00080104"
_REFERENCE, _SOP_INSTANCE = "00081199", "00081155"
_TEXTS = ("0040A160", "0040A123", "0040A124", "0040A120", "0040A121", "0040A122")
"""Text, person name, UID, date and time, date, time."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """An item of a report's content."""

    depth: int
    """0 for the document itself."""
    name: str
    value: str


def outline(report: DicomJson) -> Iterator[Line]:
    """Yield the items of a report in the order in which they are read."""
    yield from _lines(report, 0)


def _lines(item: DicomJson, depth: int) -> Iterator[Line]:
    yield Line(depth=depth, name=_meaning(item, _CONCEPT_NAME), value=_value(item))
    for child in _values(item, _CONTENT):
        yield from _lines(child, depth + 1)


def _value(item: DicomJson) -> str:
    for measured in _values(item, _MEASURED):
        return f"{_text(measured, _NUMBER)} {_meaning(measured, _UNITS)}".strip()
    if coded := _meaning(item, _CONCEPT):
        return coded
    for reference in _values(item, _REFERENCE):
        return _text(reference, _SOP_INSTANCE)
    return next((text for tag in _TEXTS if (text := _text(item, tag))), "")


def _meaning(item: DicomJson, tag: str) -> str:
    return next((_text(code, _MEANING) for code in _values(item, tag)), "")


def _values(item: DicomJson, tag: str) -> list[Any]:
    return list(item.get(tag, {}).get("Value") or [])


def _text(item: DicomJson, tag: str) -> str:
    values = _values(item, tag)
    if not values:
        return ""
    first = values[0]
    if isinstance(first, dict):
        return str(first.get("Alphabetic", ""))
    return f"{first:.10g}" if isinstance(first, float) else str(first)
