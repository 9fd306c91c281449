"""Reports made for the tests, and ways to look into them."""

from __future__ import annotations

from datetime import UTC, datetime
from io import BytesIO
from typing import TYPE_CHECKING

import pydicom
from pydicom.dataset import Dataset
from pydicom.uid import Comprehensive3DSRStorage, ComprehensiveSRStorage, EnhancedSRStorage

from dicom_node.report import build_report
from dicom_node.silence import quiet

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from domain.findings import Findings


CREATED = datetime(2026, 1, 2, 10, 0, 0, tzinfo=UTC)
CLASSES = [Comprehensive3DSRStorage, ComprehensiveSRStorage, EnhancedSRStorage]


def built(findings: Findings, *sources: Dataset, **arguments: object) -> Dataset:
    """Build the report, write it, and read it back."""
    return pydicom.dcmread(BytesIO(encoded(findings, *sources, **arguments)))


def encoded(findings: Findings, *sources: Dataset, **arguments: object) -> bytes:
    """Return the report as a file."""
    stream = BytesIO()
    with quiet():
        build_report(findings, sources, created=CREATED, **arguments).save_as(stream, enforce_file_format=True)
    return stream.getvalue()


def written(folder: Path, findings: Findings, *sources: Dataset, **arguments: object) -> Path:
    """Write the report into a file and return its path."""
    path = folder / "report.dcm"
    path.write_bytes(encoded(findings, *sources, **arguments))
    return path


def items(node: Dataset, code: str) -> Iterator[Dataset]:
    """Yield every content item whose concept name has the code, at any depth."""
    for item in node.get("ContentSequence", []):
        if item.ConceptNameCodeSequence[0].get("CodeValue") == code:
            yield item
        yield from items(item, code)


def coded(node: Dataset, code: str) -> list[str]:
    """Return the coded answers under a concept name."""
    values = [item.ConceptCodeSequence[0] for item in items(node, code)]
    return [value.get("CodeValue") or value.LongCodeValue for value in values]


def texts(node: Dataset, code: str) -> list[str]:
    """Return the texts under a concept name."""
    return [str(item.TextValue) for item in items(node, code)]


def faults(report: Dataset) -> list[str]:
    """Return what no validator of others sees: the parts of a report on which its readers rely."""
    found = []
    if [one.TemplateIdentifier for one in report.get("ContentTemplateSequence", [])] != ["1500"]:
        found.append("the template is not named")
    if not coded(report, "121058"):
        found.append("no procedure is reported")
    groups = list(items(report, "125007"))
    if not groups or any(len(list(items(group, "112040"))) != 1 for group in groups):
        found.append("a measurement group has no tracking UID")
    for number in items(report, "111012"):
        measured = [float(one.NumericValue) for one in number.MeasuredValueSequence]
        if not all(0.0 <= value <= 100.0 for value in measured):
            found.append("a certainty is no percentage")
    return found
