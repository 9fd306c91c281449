"""An object that is no film, on its way into a store and out again: whether the store does all that films need."""

from __future__ import annotations

from typing import TYPE_CHECKING

from domain.errors import Transient

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dicom_node.store import Store

SHELF = "doctor"
"""None of `dicom_node.spool.SHELVES`: nobody takes what lies there for a film."""
_CONTENT = b"This is no film. It may be removed."


def probe(store: Store, name: str) -> Iterator[str]:
    """Put an object into a store, read it, list it, take it away; yield what went well, step by step.

    Where a step fails after the first, the object is taken away if that can be done.

    Raises:
        OSError: the store refuses, or has no such object any more.
        Transient: the store can't be reached, or has something else than was sent.
    """
    place = f"{SHELF}/{name}"
    with store.draft() as draft:
        draft.write(_CONTENT)
        draft.settle(place)
    yield "put"
    try:
        with store.open(place) as kept:
            if kept.read() != _CONTENT:
                raise Transient("the store has something else than was sent to it")
        yield "read"
        if place not in store.on_shelf(SHELF):
            raise Transient("the store does not list what it has")
        yield "listed"
    finally:
        store.remove(place)
    if store.holds(place):
        raise Transient("the store still has what was deleted; is the bucket's deletion forbidden, or versioned?")
    yield "deleted"
