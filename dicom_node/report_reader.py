"""Reads back what one of our reports says: the way a receiving system would, by its codes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydicom import dcmread

from dicom_node import codes
from domain.findings import Label, Presence

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pydicom import Dataset
    from pydicom.sr.coding import Code


@dataclass(frozen=True, kw_only=True, slots=True)
class ReadReport:
    """The coded content of a report."""

    certainty: dict[Label, float]
    """Certainty of each target disease, 0 to 1; empty where the film was not processed."""
    presence: dict[Label, Presence]
    is_normal: bool

    @property
    def label(self) -> Label | None:
        """The class the report names, None where it names none."""
        named = [label for label, presence in self.presence.items() if presence is Presence.PRESENT]
        return named[0] if named else Label.NORMAL if self.is_normal else None


def read_report(file: Path) -> ReadReport:
    """Return the findings in a report file.

    Raises:
        OSError: the file can't be read.
        AttributeError: it is no report of this structure.
    """
    report = dcmread(file)
    groups = {label: _items_beside(report, code) for label, code in codes.TARGET_FINDING.items()}
    values = {presence: code.value for presence, code in codes.PRESENCE_VALUE.items()}
    certainty, presence = {}, {}
    for label, items in groups.items():
        for item in items:
            if _code(item, "ConceptNameCodeSequence") == codes.CERTAINTY.value and item.MeasuredValueSequence:
                certainty[label] = float(item.MeasuredValueSequence[0].NumericValue) / 100
            if _code(item, "ConceptNameCodeSequence") == codes.PRESENCE.value:
                value = _code(item, "ConceptCodeSequence")
                presence[label] = next(name for name, code in values.items() if code == value)
    is_normal = any(_code(item, "ConceptCodeSequence") == codes.NORMAL.value for item in _walk(report))
    return ReadReport(certainty=certainty, presence=presence, is_normal=is_normal)


def _items_beside(report: Dataset, finding: Code) -> list[Dataset]:
    """Return the content of the measurement group whose finding is the given code."""
    for container in _walk(report):
        content = container.get("ContentSequence", [])
        if any(_code(item, "ConceptCodeSequence") == finding.value for item in content):
            return list(content)
    return []


def _walk(item: Dataset) -> Iterator[Dataset]:
    yield item
    for child in item.get("ContentSequence", []):
        yield from _walk(child)


def _code(item: Dataset, sequence: str) -> str | None:
    coded = item.get(sequence)
    return str(coded[0].get("CodeValue") or coded[0].get("LongCodeValue")) if coded else None
