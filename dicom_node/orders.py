"""What the header of an instance tells of the order behind it: how urgent it is, and where the patient comes from."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Final

from dicom_node.character_sets import SPECIFIC_CHARACTER_SET, Decoder
from dicom_node.identifiers import NotADataSet
from domain.priority import Order, priority_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from domain.priority import Priority, PriorityRule

_REQUESTED_PROCEDURE_PRIORITY: Final = 0x00401003
_LOCATIONS: Final = (
    0x00081040,  # Institutional Department Name
    0x00321033,  # Requesting Service
    0x00380300,  # Current Patient Location
)
WANTED: Final = frozenset({SPECIFIC_CHARACTER_SET, _REQUESTED_PROCEDURE_PRIORITY, *_LOCATIONS})


def priority_by(rules: Sequence[PriorityRule], calling: str, read: Callable[[], Mapping[int, bytes]]) -> Priority:
    """Return the priority of an instance; a header that can't be read says nothing of it.

    Args:
        rules: the site's.
        calling: AE title of the sender.
        read: returns the values of `WANTED`, or raises `NotADataSet`; asked only where a rule needs the header.
    """
    if not any(rule.reads_header for rule in rules):
        return priority_of(Order(calling_ae_title=calling), rules)
    values: Mapping[int, bytes] = {}
    with suppress(NotADataSet):
        values = read()
    return priority_of(order_from(values, calling), rules)


def order_from(values: Mapping[int, bytes], calling: str) -> Order:
    """Return what the values of an instance's header tell.

    Args:
        values: undecoded, by tag, as far as the header has them.
        calling: AE title of the sender.
    """
    return Order(
        calling_ae_title=calling,
        requested_priority=values.get(_REQUESTED_PROCEDURE_PRIORITY, b"").decode("ascii", "replace").strip(" \0"),
        locations=tuple(_locations(values)),
    )


def _locations(values: Mapping[int, bytes]) -> Iterator[str]:
    decoder = Decoder(values)
    for tag in _LOCATIONS:
        for part in values.get(tag, b"").split(b"\\"):
            if text := decoder.text(part):
                yield text
