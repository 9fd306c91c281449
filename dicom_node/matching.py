"""Does a data set meet the keys of a query (PS3.4 C.2.2.2)?"""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any, Final

from pydicom.dataset import Dataset
from pydicom.multival import MultiValue

if TYPE_CHECKING:
    from pydicom.dataelem import DataElement

_MOMENTS: Final = frozenset({"DA", "TM", "DT"})
_WITHOUT_WILDCARDS: Final = frozenset({"UI", "SL", "SS", "UL", "US", "FL", "FD", "IS", "DS", "AT", *_MOMENTS})
_IGNORED: Final = frozenset({0x00080005, 0x00080201})
"""Specific Character Set and Timezone Offset From UTC say how to read a query, not what to look for."""


def matches(dataset: Dataset, query: Dataset) -> bool:
    """Whether a data set meets every key of a query; keys without a value are met by all.

    Single values, lists of UIDs, wildcards (`*` and `?`, capitals make no difference in names), ranges of dates and
    times, and items of sequences are understood.
    """
    return all(_meets(dataset, key) for key in query if key.tag not in _IGNORED)


def returned(dataset: Dataset, query: Dataset) -> Dataset:
    """Return the attributes of a data set that a query names, empty where the data set has none (PS3.4 C.4.1.1.3.2).

    A sequence is returned with all that its items have.
    """
    answer = Dataset()
    for key in query:
        if key.tag in dataset:
            answer.add(dataset[key.tag])
        elif key.tag not in _IGNORED:
            answer.add_new(key.tag, key.VR, [] if key.VR == "SQ" else None)
    if "SpecificCharacterSet" in dataset:
        answer.SpecificCharacterSet = dataset.SpecificCharacterSet
    return answer


def single_value(query: Dataset, keyword: str) -> str:
    """Return a key that has one value without wildcards or control characters, else nothing."""
    value = query.get(keyword)
    text = value.strip() if isinstance(value, str) else ""
    return text if text.isprintable() and not set("*?\\") & set(text) else ""


def _meets(dataset: Dataset, key: DataElement) -> bool:
    if key.VR == "SQ":
        wanted = key.value[0] if key.value else Dataset()
        if not any(_is_valued(one) for one in wanted):
            return True
        items: Any = dataset[key.tag].value if key.tag in dataset else []
        return any(matches(item, wanted) for item in items)
    if not _is_valued(key):
        return True
    found = _texts(dataset[key.tag].value) if key.tag in dataset else []
    return any(_is_like(value, wanted, key.VR) for wanted in _texts(key.value) for value in found)


def _is_valued(key: DataElement) -> bool:
    if key.VR == "SQ":
        return any(_is_valued(one) for item in key.value for one in item)
    return any(text and text != "*" for text in _texts(key.value))


def _texts(value: Any) -> list[str]:  # noqa: ANN401 - by VR
    if value is None:
        return []
    values = value if isinstance(value, MultiValue | list) else [value]
    return [str(one).strip() for one in values]


def _is_like(value: str, wanted: str, vr: str) -> bool:
    if vr in _MOMENTS and "-" in wanted and not _is_offset(wanted):
        return _is_within(value, wanted)
    if vr in _WITHOUT_WILDCARDS:
        return value == wanted or (vr in _MOMENTS and bool(value) and value.startswith(wanted))
    if vr == "PN":
        return any(_is_pattern(part, wanted.casefold()) for part in value.casefold().split("="))
    return _is_pattern(value, wanted)


def _is_pattern(value: str, pattern: str) -> bool:
    """Compare by wildcards; what else has a meaning to `fnmatch` has none here."""
    return fnmatchcase(value, pattern.replace("[", "[[]"))


def _is_offset(wanted: str) -> bool:
    """Whether the hyphen belongs to the time zone of one moment: `20260101120000-0500`."""
    before, _, after = wanted.partition("-")
    return len(before) >= len("YYYYMMDDHH") and len(after) == len("0500") and "-" not in after


def _is_within(value: str, wanted: str) -> bool:
    """Whether a date or time lies in a range, each end belonging to it as far as it is written (PS3.4 C.2.2.2.5)."""
    first, _, last = wanted.partition("-")
    return bool(value) and value >= first and (not last or value[: len(last)] <= last)
