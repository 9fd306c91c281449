"""What compressed pixel data says of itself, read before a decoder believes it and reserves the memory.

Header and codestream of a film both name its size. A decoder takes the codestream's word, so a few bytes can ask for
gigabytes whatever Rows and Columns say. Read here: JPEG and JPEG-LS (ITU-T T.81 B.2, T.87 C.1), JPEG 2000 and HTJ2K
(ITU-T T.800 A.5.1), RLE (PS3.5 Annex G).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

_JPEG_START = b"\xff\xd8"
_JPEG_SCAN = b"\xff\xda"
_JPEG_2000_START = b"\xff\x4f\xff\x51"
_JP2_SIGNATURE = b"\x00\x00\x00\x0cjP  "

_FRAME_MARKERS: Final = (set(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}) | {0xF7}
"""SOF0 to SOF15 (T.81 Table B.1) and SOF55 of JPEG-LS."""
_ALONE: Final = {0x01, *range(0xD0, 0xD8)}
"""Markers without a segment."""
_ENDS: Final = {0xD9, 0xDA}
"""EOI and SOS: a frame header comes before them."""
_FILL = 0xFF

_MOST_SCANS = 64
"""A progressive film has a dozen; each scan of a hostile one costs as much as a whole picture."""
_MOST_TILES = 16_384
"""128 pixels square in the largest film there is; decoders reserve some kilobytes for each."""

_RLE_HEADER_BYTES = 64
_MOST_RLE_SEGMENTS = 15
_RLE_NOTHING = 128


class NotACodestream(ValueError):
    """The bytes are no codestream, or one that no film has."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Frame:
    """What a codestream promises."""

    rows: int
    columns: int
    components: int


def frame_of(stream: bytes) -> Frame:
    """Return what a codestream of JPEG, JPEG-LS, JPEG 2000 or HTJ2K promises.

    Raises:
        NotACodestream: it is none of these, is cut within its header, or has more tiles or scans than films have.
    """
    try:
        if stream.startswith(_JPEG_START):
            return _jpeg_frame(stream)
        return _jpeg_2000_frame(stream, _behind_boxes(stream))
    except (struct.error, IndexError) as error:
        raise NotACodestream("cut within the header") from error


def _jpeg_frame(stream: bytes) -> Frame:
    if stream.count(_JPEG_SCAN) > _MOST_SCANS:
        raise NotACodestream("more scans than any film has")
    position = len(_JPEG_START)
    while True:
        if stream[position] != _FILL:
            raise NotACodestream("no marker where one has to be")
        marker = stream[position + 1]
        if marker in _FRAME_MARKERS:
            rows, columns, components = struct.unpack_from(">HHB", stream, position + 5)
            return Frame(rows=rows, columns=columns, components=components)
        if marker in _ENDS:
            raise NotACodestream("no frame header")
        if marker == _FILL:
            position += 1
        elif marker in _ALONE:
            position += 2
        else:
            position += 2 + struct.unpack_from(">H", stream, position + 2)[0]


def _jpeg_2000_frame(stream: bytes, start: int) -> Frame:
    if not stream.startswith(_JPEG_2000_START, start):
        raise NotACodestream("no codestream")
    right, bottom, left, top, tile_width, tile_height, tile_left, tile_top, components = struct.unpack_from(
        ">8IH", stream, start + 8
    )
    if not (tile_width and tile_height and left < right and top < bottom):
        raise NotACodestream("no picture in the picture")
    tiles = -(-(right - tile_left) // tile_width) * -(-(bottom - tile_top) // tile_height)
    if tiles > _MOST_TILES:
        raise NotACodestream("more tiles than any film has")
    return Frame(rows=bottom - top, columns=right - left, components=components)


def _behind_boxes(stream: bytes) -> int:
    """Return where the codestream begins; some writers leave the boxes of a JP2 file before it (T.800 I.4)."""
    position = 0
    if stream.startswith(_JP2_SIGNATURE):
        length, kind = struct.unpack_from(">I4s", stream, position)
        while kind != b"jp2c":
            if length < 8:  # noqa: PLR2004 - its own head
                raise NotACodestream("a box without an end")
            position += length
            length, kind = struct.unpack_from(">I4s", stream, position)
        position += 8
    return position


def check_rle(frame: bytes, pixels: int) -> None:
    """Refuse an RLE frame that unpacks to far more than a byte of each pixel in a segment.

    Raises:
        NotACodestream: it does, or its header is none.
    """
    try:
        count, *offsets = struct.unpack_from("<16I", frame)
    except struct.error as error:
        raise NotACodestream("cut within the header") from error
    starts = [*offsets[:count], len(frame)]
    ordered = all(_RLE_HEADER_BYTES <= start <= end for start, end in pairwise(starts))
    if not 1 <= count <= _MOST_RLE_SEGMENTS or not ordered:
        raise NotACodestream("segments that can't be")
    if len(frame) > _RLE_HEADER_BYTES + 2 * count * (pixels + 1):
        raise NotACodestream("more bytes than the picture has")
    for start, end in pairwise(starts):
        if _unpacked_bytes(frame, start, end, at_most=2 * pixels) > 2 * pixels:
            raise NotACodestream("a segment that never ends")


def _unpacked_bytes(frame: bytes, position: int, end: int, *, at_most: int) -> int:
    """Count what a segment unpacks to, no further than the limit (PS3.5 G.3.2)."""
    total = 0
    while position < end and total <= at_most:
        head = frame[position]
        if head < _RLE_NOTHING:
            total += head + 1
            position += head + 2
        elif head > _RLE_NOTHING:
            total += 257 - head
            position += 2
        else:
            position += 1
    return total
