"""What compressed pixel data promises is read before a decoder believes it."""

from __future__ import annotations

import struct
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom import Dataset
from pydicom.encaps import get_frame
from pydicom.uid import (
    JPEG2000,
    HTJ2KLossless,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    JPEGLosslessSV1,
    JPEGLSLossless,
    RLELossless,
)

from dicom_node import codestream
from dicom_node.codestream import Frame, NotACodestream, check_rle, frame_of
from dicom_node.pixels import render
from dicom_node.silence import quiet
from dicom_node.wrap import wrap_film
from domain.film import NotClassifiable, Unsuitable
from tests.encodings import encoded, grey, with_codestream
from tests.films import saved

STREAMS = (JPEGBaseline8Bit, JPEGExtended12Bit, JPEGLosslessSV1, JPEGLSLossless, JPEG2000Lossless, HTJ2KLossless)
HUGE = 60_000
LARGEST_GROWTH_MEGABYTES = 500


def made(syntax: str) -> Dataset:
    """Return an 8-bit film of 96 rows and 128 columns."""
    return encoded(wrap_film(grey(8), patient_id="P", patient_name="P"), syntax)


def stream(syntax: str) -> bytes:
    return bytes(get_frame(made(syntax).PixelData, 0, number_of_frames=1))


def promising(content: bytes, rows: int, columns: int) -> bytes:
    """Return the codestream with another size in its header."""
    if content.startswith(b"\xff\x4f"):
        tile = struct.pack(">8I", columns, rows, 0, 0, columns, rows, 0, 0)
        return content[:8] + tile + content[40:]
    for marker in (b"\xff\xc0", b"\xff\xc1", b"\xff\xc3", b"\xff\xf7"):
        place = content.find(marker + b"\x00\x0b")
        if place >= 0:
            return content[: place + 5] + struct.pack(">HH", rows, columns) + content[place + 9 :]
    raise AssertionError("no header")


@pytest.mark.parametrize("syntax", STREAMS)
def test_its_size_is_read(syntax: str) -> None:
    """Rows, columns and components, as the encoder wrote them or somebody after it."""
    assert frame_of(stream(syntax)) == Frame(rows=96, columns=128, components=1)
    assert frame_of(promising(stream(syntax), 5, 6)) == Frame(rows=5, columns=6, components=1)


def test_the_boxes_of_a_jp2_file_are_passed_over() -> None:
    """Some writers encapsulate the whole file."""
    boxes = b"\x00\x00\x00\x0cjP  \r\n\x87\n" + b"\x00\x00\x00\x10ftypjp2 \0\0\0\0" + b"\0\0\0\0jp2c"
    assert frame_of(boxes + stream(JPEG2000Lossless)).columns == 128


@pytest.mark.parametrize("syntax", STREAMS)
def test_another_size_than_the_header_says_is_corrupt(syntax: str) -> None:
    """Nobody can know which of the two is the picture."""
    film = with_codestream(made(syntax), syntax, promising(stream(syntax), 96, 160))
    with pytest.raises(NotClassifiable) as problem, quiet():
        render(film)
    assert problem.value.reason is Unsuitable.PIXELS_CORRUPT


def test_colour_in_a_grey_film_is_corrupt() -> None:
    """The header says one component, the codestream three."""
    content = bytearray(stream(JPEGLSLossless))
    content[content.index(b"\xff\xf7") + 9] = 3
    with pytest.raises(NotClassifiable), quiet():
        render(with_codestream(made(JPEGLSLossless), JPEGLSLossless, bytes(content)))


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff\xd8",
        b"\xff\xd8\xff\xd9",
        b"\xff\xd8\xff\xe0\x00\x04ab\xff\xda",
        b"\xff\xd8" + b"\xff" * 50,
        b"\xff\xd8\x00",
        b"\xff\x4f\xff\x51" + bytes(100),
        b"\xff\x4f\xff\x51\x00\x29\x00\x00" + struct.pack(">8IH", 9000, 9000, 0, 0, 1, 1, 0, 0, 1),
        b"\x00\x00\x00\x0cjP  \r\n\x87\n\x00\x00\x00\x01free",
        b"GIF89a" + bytes(100),
    ],
)
def test_what_is_no_codestream_is_refused(content: bytes) -> None:
    """Nothing, nothing within markers, a marker without end, tiles of one pixel, a box without end, another format."""
    with pytest.raises(NotACodestream):
        frame_of(content)


def test_scans_without_end_are_refused() -> None:
    """Each costs a decoder as much as a whole picture."""
    content = stream(JPEGBaseline8Bit)
    with pytest.raises(NotACodestream, match="scans"):
        frame_of(content[:-2] + b"\xff\xda\x00\x08\x01\x01\x00\x00\x3f\x00" * 100 + content[-2:])


@given(st.binary(max_size=200), st.sampled_from([b"", b"\xff\xd8", b"\xff\xd8\xff\xc0", b"\xff\x4f\xff\x51"]))
def test_any_bytes_are_read_or_refused(content: bytes, start: bytes) -> None:
    """No other error, no endless loop."""
    with suppress(NotACodestream):
        frame_of(start + content)
    with suppress(NotACodestream):
        check_rle(struct.pack("<16I", 1, 64, *[0] * 14) + content, 100)


def test_an_rle_frame_of_the_right_size_passes() -> None:
    """Each segment unpacks to a byte of each pixel."""
    check_rle(stream(RLELossless), 96 * 128)


@pytest.mark.parametrize(
    "frame",
    [
        b"",
        struct.pack("<16I", 0, *[0] * 15),
        struct.pack("<16I", 16, *[64] * 15),
        struct.pack("<16I", 1, 99, *[0] * 14) + bytes(10),
        struct.pack("<16I", 2, 70, 64, *[0] * 13) + bytes(10),
        struct.pack("<16I", 1, 64, *[0] * 14) + b"\x81\x00" * 1000,
        struct.pack("<16I", 1, 64, *[0] * 14) + b"\x80" * 1000,
    ],
    ids=["nothing", "no segment", "too many", "behind the end", "out of order", "unpacks to more", "more than pixels"],
)
def test_an_rle_frame_that_no_film_has_is_refused(frame: bytes) -> None:
    """The film has a hundred pixels."""
    with pytest.raises(NotACodestream):
        check_rle(frame, 100)


def test_a_broken_rle_film_is_corrupt_and_nothing_panics(capfd: pytest.CaptureFixture[str]) -> None:
    """A decoder in Rust raised what no `except Exception` catches, and printed a stack."""
    film = made(RLELossless)
    frame = struct.pack("<16I", 1, 64, *[0] * 14) + b"\x81\x00" * 97
    with pytest.raises(NotClassifiable), quiet():
        render(with_codestream(film, RLELossless, frame))
    assert capfd.readouterr().err == ""


def bombs(folder: Path) -> list[Path]:
    """Write films of a few kilobytes that promise up to 3.6 gigapixels, in the header, the codestream or both."""
    films = []
    for syntax in (*STREAMS, RLELossless, JPEG2000):
        content = stream(syntax)
        for rows, columns, inside in ((HUGE, HUGE, HUGE), (96, 128, HUGE), (10_000, 10_000, 10_000), (9000, 9000, 96)):
            if syntax == RLELossless and rows == 96:
                continue  # it has no size of its own
            frame = content if syntax == RLELossless else promising(content, inside, inside)
            film = with_codestream(made(syntax), syntax, frame)
            film.Rows, film.Columns = rows, columns
            films.append(film)
    for attributes in ({"Rows": HUGE, "Columns": HUGE}, {"Rows": 9999, "Columns": 9999}, {"BitsAllocated": 64}):
        native = wrap_film(grey(8), patient_id="P", patient_name="P")
        native.update(attributes)
        films.append(native)
    rle = struct.pack("<16I", 1, 64, *[0] * 14) + b"\x81\x00" * 20_000_000
    films.append(with_codestream(made(RLELossless), RLELossless, rle))
    with quiet():
        return [saved(film, folder, f"{number}.dcm") for number, film in enumerate(films)]


MEASURE = """
import sys
from pathlib import Path
import imagecodecs, jpeg_ls, openjpeg
from dicom_node.films import read_pixels

def peak():
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) // 1024

before = peak()
for name in sys.argv[1:]:
    print(read_pixels(Path(name)), peak() - before)
"""


def test_a_promise_of_gigapixels_is_refused_within_little_memory(tmp_path: Path) -> None:
    """A process of its own reads them all, and at no moment holds half a gigabyte more than at its start."""
    command = [sys.executable, "-c", MEASURE, *map(str, bombs(tmp_path))]
    done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=100)
    told = [line.split() for line in done.stdout.splitlines()]
    assert {reason for reason, _ in told} == {"pixels-corrupt"}
    assert len(told) == len(command) - 3
    assert int(told[-1][1]) < LARGEST_GROWTH_MEGABYTES


def test_the_limits_let_every_film_pass() -> None:
    """Tiles of 128 pixels square in the largest film, as many scans as a progressive film can need."""
    assert codestream._MOST_TILES * 128 * 128 >= 100_000_000
    assert np.iinfo(np.uint8).max > codestream._MOST_SCANS > 10
