"""Queries that stand in an address, as data sets of keys (PS3.18 Section 8.3.4)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from pydicom.datadict import dictionary_has_tag, dictionary_VR, tag_for_keyword
from pydicom.dataset import Dataset

from dicom_node.silence import quiet
from domain.dicomweb import BadQuery

if TYPE_CHECKING:
    from collections.abc import Sequence

_TAG: Final = re.compile(r"[0-9A-Fa-f]{8}")
_IGNORED: Final = frozenset({"fuzzymatching", "emptyvaluematching", "multiplevaluematching", "limit", "offset"})
_INCLUDE: Final = "includefield"
_LONGEST_VALUE: Final = 1024


def query_of(parameters: Sequence[tuple[str, str]]) -> Dataset:
    """Return the keys of a query; attributes that are only to be included have no value.

    Args:
        parameters: names and values; a name is a keyword, eight hexadecimal digits, or several of them joined by dots
            for an attribute within sequences.

    Raises:
        BadQuery: an attribute that there is not, or a value that is too long.
    """
    query = Dataset()
    with quiet():
        for name, value in parameters:
            if name.lower() in _IGNORED:
                continue
            if name.lower() == _INCLUDE:
                for field in value.split(","):
                    if field.lower() != "all":
                        _add(query, field, "")
            else:
                _add(query, name, value)
    return query


def includes_all(parameters: Sequence[tuple[str, str]]) -> bool:
    """Whether every attribute is asked for."""
    return any(name.lower() == _INCLUDE and value.lower() == "all" for name, value in parameters)


def _add(query: Dataset, name: str, value: str) -> None:
    if len(value) > _LONGEST_VALUE:
        raise BadQuery("a value is too long")
    *sequences, last = [_tag(part) for part in name.split(".")]
    inner = query
    for tag in sequences:
        if dictionary_VR(tag) != "SQ":
            raise BadQuery(f"{name[:64]} is no attribute within a sequence")
        if tag not in inner or not inner[tag].value:
            inner.add_new(tag, "SQ", [Dataset()])
        inner = inner[tag].value[0]
    vr = dictionary_VR(last)
    if vr == "SQ":
        if value:
            raise BadQuery(f"{name[:64]} is a sequence and has no value")
        if last not in inner:
            inner.add_new(last, "SQ", [])
        return
    inner.add_new(last, vr, value.split(",") if vr == "UI" and "," in value else value)


def _tag(name: str) -> int:
    tag = int(name, 16) if _TAG.fullmatch(name) else tag_for_keyword(name)
    if not name or not tag or not dictionary_has_tag(tag):
        raise BadQuery(f"there is no attribute {name[:64]!r}")
    return tag
