"""Which services the web server offers to programs, read from the routes that serve them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from fastapi.routing import APIRoute

from domain.paper import Table
from web import films, results, watch, workitems
from web.access import Right
from web.media_types import DICOM, DICOM_JSON, MULTIPART

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fastapi import APIRouter

_NOBODY: Final[Any] = None
"""Stands where routes have what answers: they are looked at, and asked nothing."""


def offered() -> Table:
    """Return every service with the right that a program's token needs."""
    rows = [
        (
            ", ".join(sorted(route.methods or ())),
            route.path,
            str(route.summary),
            right.value if route.dependencies else "none",
        )
        for right, router in _routers()
        for route in router.routes
        if isinstance(route, APIRoute)
    ]
    return Table(columns=("Method", "Address", "Service", "Right"), rows=rows)


def media_types() -> Table:
    """Return the forms of answers and bodies."""
    return Table(
        columns=("What", "Media type"),
        rows=[
            ("Answers to searches, metadata, items of the worklist; bodies that change these", DICOM_JSON),
            ("Several instances, in both directions", f'{MULTIPART}; type="{DICOM}"'),
            ("One instance", DICOM),
        ],
    )


def _routers() -> Iterator[tuple[Right, APIRouter]]:
    yield Right.READ, results.routes(_NOBODY, ())
    yield Right.STORE, films.routes(_NOBODY, (), largest_bytes=0)
    yield Right.WORKLIST, workitems.routes(_NOBODY, ())
    yield Right.WATCH, watch.routes(_NOBODY, ())
