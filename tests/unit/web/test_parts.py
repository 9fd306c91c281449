"""Bodies of several parts, read as they come."""

from __future__ import annotations

import pytest
from fastapi import HTTPException
from hypothesis import given
from hypothesis import strategies as st

from web.parts import PartsReader, boundary_of, written

BOUNDARY = "hilum-1"


def parts_of(body: bytes, size: int) -> list[bytes]:
    """Feed a body in pieces of so many bytes and return its parts."""
    reader = PartsReader(boundary=BOUNDARY.encode(), largest_bytes=1_000_000)
    for start in range(0, len(body), size):
        reader.feed(body[start : start + size])
    assert reader.is_ended
    found = [part.file.read() for part in reader.whole]
    assert [part.size_bytes for part in reader.whole] == [len(part) for part in found]
    reader.close()
    return found


@given(st.lists(st.binary(max_size=200), min_size=1, max_size=4), st.integers(1, 64))
def test_what_is_written_is_read(parts: list[bytes], size: int) -> None:
    """In pieces of any size, whatever bytes the parts hold."""
    assert parts_of(b"".join(written(parts, BOUNDARY)), size) == parts


def test_a_part_is_there_before_the_next_one() -> None:
    """Nobody waits for the end of a long body."""
    reader = PartsReader(boundary=BOUNDARY.encode(), largest_bytes=1000)
    reader.feed(b"--hilum-1\r\nContent-Type: application/dicom\r\n\r\nfirst\r\n--hilum-1\r\n")
    assert [part.file.read() for part in reader.whole] == [b"first"]
    assert not reader.is_ended
    reader.close()


@pytest.mark.parametrize(
    ("body", "status"), [(b"--hilum-1\r\n\r\n" + b"x" * 2000, 413), (b"this is nothing of the kind", 400)]
)
def test_a_body_that_is_too_long_or_none_is_refused(body: bytes, status: int) -> None:
    """As soon as it shows."""
    reader = PartsReader(boundary=BOUNDARY.encode(), largest_bytes=1000)
    with pytest.raises(HTTPException) as refusal:
        reader.feed(body)
    reader.close()
    assert refusal.value.status_code == status


@pytest.mark.parametrize(
    ("content_type", "status"),
    [
        ("", 415),
        ("application/json", 415),
        ('multipart/related; type="application/dicom+json"; boundary=x', 415),
        ('multipart/related; type="application/dicom"', 400),
    ],
)
def test_a_body_of_another_kind_is_refused(content_type: str, status: int) -> None:
    """Before anything of it is read."""
    with pytest.raises(HTTPException) as refusal:
        boundary_of(content_type)
    assert refusal.value.status_code == status


def test_a_boundary_may_stand_in_quotes() -> None:
    """As RFC 2046 has it."""
    assert boundary_of('multipart/related; type="application/dicom"; boundary="a b"') == b"a b"
