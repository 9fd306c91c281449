"""The store: where received films are kept, each durable before anybody hears of success.

It is a folder, the spool, or a bucket of an object store. Films lie under the same places in both.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TYPE_CHECKING, Final, Protocol
from urllib.parse import unquote, urlsplit

from dicom_node.spool import Spool

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from dicom_node.drafts import Draft
    from domain.ids import SopInstanceUid, StudyUid

_NAME_CHARACTERS: Final = 32


class Store(Protocol):
    """Films, found by hashed UIDs, so that no place tells of a patient."""

    def draft(self) -> Draft:
        """Begin a film whose place is not known yet; it grows on the local disk.

        Raises:
            OSError: the disk is full or broken.
        """
        ...

    def has_room(self, reserve_bytes: int) -> bool:
        """Whether the disk that drafts grow on has more than the reserve left.

        Raises:
            OSError: the disk is broken.
        """
        ...

    def sweep(self) -> int:
        """Remove the drafts of a node that was killed while it wrote, and say how many; nobody was told of them."""
        ...

    def on_shelf(self, shelf: str) -> set[str]:
        """Return the places that are taken on a shelf, one of `dicom_node.spool.SHELVES`.

        Raises:
            OSError: the disk is broken.
            Transient: the store can't be reached now.
        """
        ...

    def holds(self, place: str) -> bool:
        """Whether there is a whole, durable film in a place.

        Raises:
            OSError: the disk is broken.
            Transient: the store can't be reached now.
        """
        ...

    def open(self, place: str, *, header_only: bool = False) -> AbstractContextManager[IO[bytes]]:
        """Open a film to be read; `header_only` promises nothing about the pixels, but that they are rarely wanted.

        Raises:
            OSError: there is none, or the disk is broken.
            Transient: the store can't be reached now.
        """
        ...

    def set_aside(self, place: str) -> None:
        """Take a file out of the films that is none of them; it is kept for whoever wants to look.

        Raises:
            OSError: there is none, or the disk is broken.
            Transient: the store can't be reached now.
        """
        ...

    def remove(self, place: str) -> None:
        """Take a file out that no row speaks of, durably; it may be gone already.

        Raises:
            OSError: the disk is broken.
            Transient: the store can't be reached now.
        """
        ...

    def warm(self) -> None:
        """Load what the first film would have to wait for; nothing needs to be reachable."""
        ...

    def close(self) -> None:
        """Let go of connections."""
        ...


@dataclass(frozen=True, kw_only=True, slots=True)
class StoreAddress:
    """Where a store is and how to get in; made of what JSON can hold, so that another process can be told."""

    url: str
    """`file:///folder` or `s3://bucket/prefix`."""
    drafts: str
    """A local folder for films on their way to a bucket; a folder of films has its own."""
    must_exist: bool = False
    """The folder of films is not ours to make: where a share is not mounted, none may be made on the disk below."""
    endpoint: str = ""
    """The server that has the bucket; empty: that of AWS."""
    region: str = ""
    access_key: str = field(default="", repr=False)
    secret_key: str = field(default="", repr=False)
    """Empty, both: as the usual variables, files or role of the machine say."""
    timeout_s: float = 30.0
    """Longest time that the store may take for one request."""


def open_store(address: StoreAddress, *, for_reading: bool = False) -> Store:
    """Return the store at an address; a bucket is not asked for anything yet.

    Raises:
        Misconfigured: the folder can't be made, or what a bucket needs is not installed.
    """
    parts = urlsplit(address.url)
    if parts.scheme == "s3":
        from dicom_node.bucket import Bucket

        return Bucket(address, for_reading=for_reading)
    return Spool(Path(unquote(parts.path)), for_reading=for_reading, must_exist=address.must_exist)


def place_of(study_uid: StudyUid, sop_instance_uid: SopInstanceUid, digest: str) -> str:
    """Return where in a store an instance belongs; other content under the same UID goes elsewhere."""
    name = hashlib.sha256(f"{study_uid} {sop_instance_uid}".encode()).hexdigest()[:_NAME_CHARACTERS]
    return f"{name[:2]}/{name}-{digest[:16]}.dcm"
