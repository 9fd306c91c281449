"""A bucket of films: the store of many machines, on AWS or on any server that speaks its S3 protocol.

A film is uploaded whole, under one name, in one request: an object is there or it is not. s3fs and what it needs are
loaded with the first request, in the process that makes it: nodes fork, and its thread would not come along.
"""

from __future__ import annotations

import hashlib
import io
import os
import threading
from base64 import b64encode
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final, cast
from urllib.parse import urlsplit

from dicom_node import drafts
from dicom_node.drafts import INCOMING, Draft
from dicom_node.spool import ASIDE, make
from domain.errors import Misconfigured, Transient

if TYPE_CHECKING:
    from collections.abc import Callable

    from dicom_node.store import StoreAddress

_HEADER_BYTES: Final = 256 * 1024
"""Enough of nearly every film for its header; what needs more gets the whole film."""
_CONNECT_SECONDS: Final = 5.0
_TRIES: Final = 2
"""A connection that has been idle may be closed by the server in the moment that it is used."""
_CONNECTIONS: Final = 64
_PAGE = 1000
"""As many as a server lists at once."""
_MD5_CHARACTERS: Final = 32


class Bucket:
    """Films in a bucket: implements `dicom_node.store.Store`."""

    def __init__(self, address: StoreAddress, *, for_reading: bool = False) -> None:
        """Ask for nothing yet; make the local folder of drafts, but not for reading.

        Raises:
            Misconfigured: s3fs is missing, or the folder of drafts can't be made.
        """
        if find_spec("s3fs") is None:
            raise Misconfigured("store.url is an s3:// address, which needs s3fs: pip install 'hilum[s3]'")
        parts = urlsplit(address.url)
        self._address = address
        self._name = parts.netloc
        self._prefix = f"{parts.path.strip('/')}/".lstrip("/")
        self._drafts = Path(address.drafts)
        self._lock = threading.Lock()
        self._filesystem: Any = None
        self._process = 0
        """The process that the file system belongs to."""
        if not for_reading:
            make(self._drafts, (INCOMING,))

    def draft(self) -> Draft:
        """Begin a film on the local disk.

        Raises:
            OSError: the disk is full or broken.
        """
        return _Upload(self._drafts, self)

    def has_room(self, reserve_bytes: int) -> bool:
        """Whether the local disk has more than the reserve left; a bucket has no end.

        Raises:
            OSError: the disk is broken.
        """
        return drafts.has_room(self._drafts, reserve_bytes)

    def sweep(self) -> int:
        """Remove the local drafts of a node that was killed, and say how many.

        Raises:
            OSError: the disk is broken.
        """
        return drafts.sweep(self._drafts)

    def put(self, file: Path | str, place: str) -> None:
        """Upload a file; when this returns, the bucket has all of it.

        Raises:
            OSError: the file can't be read.
            Transient: the store can't be reached, or did not get what was sent.
        """
        with open(file, "rb") as content:  # noqa: PTH123 - the name of a draft is text
            digest = hashlib.file_digest(content, lambda: hashlib.md5(usedforsecurity=False))
            size = content.tell()
            content.seek(0)
            checksum = b64encode(digest.digest()).decode()  # the server refuses what does not fit
            self._store("put_object", place, Body=content, ContentMD5=checksum)
        kept = self._store("head_object", place)
        if kept["ContentLength"] != size or _checksum(kept) not in {None, digest.hexdigest()}:
            raise Transient("the store has something else than was sent to it")

    def on_shelf(self, shelf: str) -> set[str]:
        """Return the places that are taken on a shelf.

        Raises:
            Transient: the store can't be reached now.
        """
        found: set[str] = set()
        more: dict[str, object] = {}
        while True:
            page = self._sure("list_objects_v2", Prefix=f"{self._prefix}{shelf}/", MaxKeys=_PAGE, **more)
            found.update(entry["Key"].removeprefix(self._prefix) for entry in page.get("Contents", ()))
            if not page.get("IsTruncated"):
                return found
            more = {"ContinuationToken": page["NextContinuationToken"]}

    def holds(self, place: str) -> bool:
        """Whether there is a film in a place.

        Raises:
            Transient: the store can't be reached now, or there is no such bucket.
        """
        try:
            self._ask("head_object", Key=self._key(place))
        except FileNotFoundError:
            self._sure("head_bucket")  # which is missed in the same words
            return False
        return True

    def open(self, place: str, *, header_only: bool = False) -> IO[bytes]:
        """Get a film into memory, in one request; of a header's film the beginning, and the rest if it is wanted.

        Raises:
            FileNotFoundError: there is none.
            Transient: the store can't be reached now.
        """
        if not header_only:
            return io.BytesIO(self._content(place))
        start = self._content(place, start=0, end=_HEADER_BYTES)
        if len(start) < _HEADER_BYTES:
            return io.BytesIO(start)
        return cast("IO[bytes]", _Beginning(start, lambda: self._content(place)))

    def set_aside(self, place: str) -> None:
        """Take an object out of the films that is none of them; it is kept.

        Raises:
            Transient: the store can't be reached now, or the object is gone.
        """
        source = {"Bucket": self._name, "Key": self._key(place)}
        self._store("copy_object", f"{ASIDE}/{place.replace('/', '-')}", CopySource=source)
        self.remove(place)

    def remove(self, place: str) -> None:
        """Take an object out that no row speaks of; it may be gone already.

        Raises:
            Transient: the store can't be reached now.
        """
        self._store("delete_object", place)

    def warm(self) -> None:
        """Load s3fs, which takes a second or more; what is wrong is told by the first request."""
        with suppress(Transient):
            self._translated(lambda: self._opened().connect(timeout=self._address.timeout_s))

    def close(self) -> None:
        """Close the connections; the next request opens others."""
        with self._lock:
            filesystem, self._filesystem = self._filesystem, None
        if filesystem is not None and self._process == os.getpid():
            filesystem.close_session(filesystem.loop, filesystem.s3)

    def _key(self, place: str) -> str:
        return f"{self._prefix}{place}"

    def _content(self, place: str, **extent: int) -> bytes:
        path = f"{self._name}/{self._key(place)}"
        content: bytes = self._translated(
            lambda: self._opened().cat_file(path, timeout=self._address.timeout_s, **extent)
        )
        return content

    def _store(self, request: str, place: str, **parameters: object) -> Any:  # noqa: ANN401 - as the server answers
        return self._sure(request, Key=self._key(place), **parameters)

    def _sure(self, request: str, **parameters: object) -> Any:  # noqa: ANN401 - as the server answers
        """Make a request in which nothing can be missing but the bucket."""
        try:
            return self._ask(request, **parameters)
        except FileNotFoundError as error:
            raise Transient("the store's bucket, or what was in it, is gone") from error

    def _ask(self, request: str, **parameters: object) -> Any:  # noqa: ANN401 - as the server answers
        return self._translated(
            lambda: self._opened().call_s3(request, timeout=self._address.timeout_s, Bucket=self._name, **parameters)
        )

    def _translated(self, act: Callable[[], Any]) -> Any:  # noqa: ANN401 - whatever the act returns
        """Act; whatever goes wrong but that there is no object may go well later.

        Raises:
            FileNotFoundError: there is no such object, or no such bucket.
            Transient: everything else.
        """
        try:
            return act()
        except FileNotFoundError:
            raise
        except _troubles() as error:
            raise Transient(f"the store can't be used now: {type(error).__name__}") from error

    def _opened(self) -> Any:  # noqa: ANN401 - s3fs has no types
        """Return the file system of this process."""
        with self._lock:
            if self._filesystem is None or self._process != os.getpid():
                self._filesystem = _filesystem(self._address)
                self._process = os.getpid()
            return self._filesystem


class _Upload(Draft):
    """A draft whose place is in a bucket."""

    def __init__(self, root: Path, bucket: Bucket) -> None:
        super().__init__(root)
        self._bucket = bucket

    def settle(self, place: str) -> None:
        """Upload the film; when this returns, the bucket has all of it, and the local disk nothing.

        Raises:
            OSError: the disk is broken; the draft is still to be discarded.
            Transient: the store can't be reached, or did not get what was sent; the same.
        """
        self._bucket.put(self._path, place)
        self.discard()


class _Beginning(io.RawIOBase):
    """A film of which the beginning is here; all of it is got when somebody reads on."""

    def __init__(self, beginning: bytes, get_all: Callable[[], bytes]) -> None:
        super().__init__()
        self._content = beginning
        self._get_all: Callable[[], bytes] | None = get_all
        self._position = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:  # noqa: ANN401 - whatever can be written to
        piece = self._upto(self._position + len(buffer))[self._position : self._position + len(buffer)]
        buffer[: len(piece)] = piece
        self._position += len(piece)
        return len(piece)

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        origin = {os.SEEK_SET: 0, os.SEEK_CUR: self._position}.get(whence)
        self._position = (len(self._upto(None)) if origin is None else origin) + offset
        return self._position

    def tell(self) -> int:
        return self._position

    def _upto(self, end: int | None) -> bytes:
        if self._get_all is not None and (end is None or end > len(self._content)):
            self._content, self._get_all = self._get_all(), None
        return self._content


def _filesystem(address: StoreAddress) -> Any:  # noqa: ANN401 - s3fs has no types
    import fsspec

    filesystem = fsspec.filesystem(
        "s3",
        key=address.access_key or None,
        secret=address.secret_key or None,
        endpoint_url=address.endpoint or None,
        client_kwargs={"region_name": address.region} if address.region else {},
        config_kwargs={
            "connect_timeout": min(_CONNECT_SECONDS, address.timeout_s),
            "read_timeout": address.timeout_s,
            "retries": {"mode": "standard", "total_max_attempts": _TRIES},
            "max_pool_connections": _CONNECTIONS,
            # What is newer than Content-MD5 is not understood by every server that is not AWS.
            "request_checksum_calculation": "when_required",
            "response_checksum_validation": "when_required",
        },
        max_concurrency=1,  # a film is one request, not one for its size and some for its pieces
        use_listings_cache=False,
        skip_instance_cache=True,
    )
    filesystem.retries = 1  # the tries above are enough: jobs and senders try again
    return filesystem


def _troubles() -> tuple[type[Exception], ...]:
    """Return what is raised by s3fs and those below it; to be called when something was, since it loads them."""
    from aiohttp import ClientError
    from botocore.exceptions import BotoCoreError

    return OSError, ClientError, BotoCoreError


def _checksum(answer: Any) -> str | None:  # noqa: ANN401 - as the server answers
    """Return the MD5 of an object; None where its ETag is none, as under some kinds of encryption."""
    etag = str(answer.get("ETag", "")).strip('"').lower()
    is_plain = answer.get("ServerSideEncryption", "AES256") == "AES256" and "SSECustomerAlgorithm" not in answer
    return etag if is_plain and len(etag) == _MD5_CHARACTERS and set(etag) <= set("0123456789abcdef") else None
