"""Bodies of several parts (RFC 2387), written and read as they come: no body is ever held whole in memory."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from tempfile import SpooledTemporaryFile
from typing import IO, TYPE_CHECKING, Final, Self

from fastapi import HTTPException
from python_multipart.exceptions import MultipartParseError
from python_multipart.multipart import MultipartParser, parse_options_header

from web.media_types import DICOM, MULTIPART

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_IN_MEMORY_BYTES: Final = 1024 * 1024
"""A part that is longer goes to the disk while it arrives."""
_MOST_PARTS: Final = 10_000


def new_boundary() -> str:
    """Return what stands between the parts of one body."""
    return f"hilum-{secrets.token_hex(16)}"


def written(parts: Iterable[bytes], boundary: str) -> Iterator[bytes]:
    """Yield a body of DICOM files."""
    for part in parts:
        yield f"--{boundary}\r\nContent-Type: {DICOM}\r\nContent-Length: {len(part)}\r\n\r\n".encode()
        yield part
        yield b"\r\n"
    yield f"--{boundary}--\r\n".encode()


def boundary_of(content_type: str) -> bytes:
    """Return the boundary of a body of DICOM files.

    Raises:
        HTTPException: 415, the body is something else; 400, it names no boundary.
    """
    kind, options = parse_options_header(content_type)
    if kind != MULTIPART.encode() or options.get(b"type", DICOM.encode()).strip(b'"') != DICOM.encode():
        raise HTTPException(415, f'a body is {MULTIPART}; type="{DICOM}"')
    boundary = options.get(b"boundary", b"").strip(b'"')
    if not boundary:
        raise HTTPException(400, "the body names no boundary")
    return boundary


@dataclass(slots=True)
class Part:
    """A part that has arrived, or is on its way."""

    file: IO[bytes]
    size_bytes: int = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.file.close()


@dataclass(kw_only=True)
class PartsReader:
    """Takes the pieces of a body and gives its parts, each as soon as it is whole."""

    boundary: bytes
    largest_bytes: int
    """Of the whole body."""
    whole: list[Part] = field(default_factory=list)
    """Parts that nobody has taken yet."""
    is_ended: bool = False
    """The last boundary has come."""
    _part: Part | None = None
    _count: int = 0
    _bytes: int = 0

    def __post_init__(self) -> None:
        self._parser = MultipartParser(
            self.boundary,
            {
                "on_part_begin": self._begin,
                "on_part_data": self._take,
                "on_part_end": self._finish,
                "on_end": self._end,
            },
        )

    def feed(self, piece: bytes) -> None:
        """Take the next piece.

        Raises:
            HTTPException: 413, the body is too long; 400, it is none of parts.
        """
        self._bytes += len(piece)
        if self._bytes > self.largest_bytes:
            raise HTTPException(413, "the body is longer than web.largest_megabytes")
        try:
            self._parser.write(piece)
        except MultipartParseError as error:
            raise HTTPException(400, "the body is no multipart/related") from error

    def close(self) -> None:
        """Let go of what nobody took."""
        for part in [*self.whole, *([self._part] if self._part is not None else [])]:
            part.file.close()

    def _begin(self) -> None:
        self._count += 1
        if self._count > _MOST_PARTS:
            raise HTTPException(413, f"a body has at most {_MOST_PARTS} parts")
        self._part = Part(SpooledTemporaryFile(max_size=_IN_MEMORY_BYTES))  # noqa: SIM115 - closed by whoever takes it

    def _take(self, data: bytes, start: int, end: int) -> None:
        assert self._part is not None  # noqa: S101 - it has begun
        self._part.file.write(memoryview(data)[start:end])
        self._part.size_bytes += end - start

    def _finish(self) -> None:
        assert self._part is not None  # noqa: S101 - it has begun
        self._part.file.seek(0)
        self.whole.append(self._part)
        self._part = None

    def _end(self) -> None:
        self.is_ended = True
