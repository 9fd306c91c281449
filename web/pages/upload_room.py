"""What the pages of uploads need of the other rooms."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from domain.delivery import Dispatch
    from domain.delivery_ports import Typesetter
    from domain.film import StoredFilm
    from domain.readable_report import ReadableReport
    from domain.uploads import UploadDoor, Uploads


@dataclass(frozen=True, kw_only=True, slots=True)
class UploadRoom:
    """Where files are taken, and what is made of their results."""

    ledger: Uploads
    door: UploadDoor
    picture: Callable[[StoredFilm], bytes]
    """Makes an 8-bit PNG of a film; raises `HilumError` where it can't."""
    words: Callable[[Dispatch], ReadableReport]
    typesetter: Typesetter
    largest_bytes: int
    """Of a file."""
    a_minute: int
    """Files that one account may upload within a minute."""
