"""The coded concepts that are written into objects, for the conformance statement (PS3.2, coded terminology)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from pydicom.sr.coding import Code

from dicom_node import codes, procedure_steps
from domain import concepts
from domain.paper import Table

if TYPE_CHECKING:
    from collections.abc import Iterator


def coded_terms() -> Table:
    """Return every code, once, in the order of its scheme and value."""
    found = {(code.scheme_designator, code.value): code.meaning for code in _codes()}
    found.update({(scheme, value): meaning for value, scheme, meaning in procedure_steps.CODES})
    rows = [(value, scheme, meaning) for (scheme, value), meaning in sorted(found.items())]
    return Table(columns=("Code value", "Coding scheme", "Code meaning"), rows=rows)


def _codes() -> Iterator[Code]:
    for value in (*vars(codes).values(), *vars(concepts).values()):
        for one in value.values() if isinstance(value, Mapping) else (value,):
            if isinstance(one, Code):
                yield one
            elif isinstance(one, concepts.Concept):
                yield Code(*one)
