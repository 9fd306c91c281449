"""Which form an answer gets."""

from __future__ import annotations

import pytest
from fastapi import HTTPException
from starlette.datastructures import Headers

from web.media_types import check_json, takes_single_file


def accepting(text: str) -> Headers:
    """Return the headers of a request."""
    return Headers({"accept": text} if text else {})


@pytest.mark.parametrize(
    ("accept", "is_single"),
    [
        ("", False),
        ("*/*", False),
        ('multipart/related; type="application/dicom"', False),
        ('multipart/related; type="application/dicom"; transfer-syntax=*', False),
        ("multipart/related; type=application/dicom; transfer-syntax=1.2.840.10008.1.2.1", False),
        ("application/dicom", True),
        ("image/png, application/dicom", True),
        (
            'application/dicom; transfer-syntax=1.2.840.10008.1.2.4.50, multipart/related; type="application/dicom"',
            False,
        ),
    ],
)
def test_files_come_as_one_body_or_as_parts(accept: str, is_single: bool) -> None:  # noqa: FBT001 - a parameter
    """The first form counts that we have."""
    assert takes_single_file(accepting(accept)) is is_single


@pytest.mark.parametrize("accept", ["image/png", "application/dicom; transfer-syntax=1.2.840.10008.1.2.4.50"])
def test_other_forms_of_files_are_not_there(accept: str) -> None:
    """It is said, instead of sending what nobody reads."""
    with pytest.raises(HTTPException) as refusal:
        takes_single_file(accepting(accept))
    assert refusal.value.status_code == 406


@pytest.mark.parametrize("accept", ["", "application/dicom+json", "application/json", "*/*"])
def test_searches_are_answered_in_json(accept: str) -> None:
    """Whoever names nothing gets it too."""
    check_json(accepting(accept))


def test_searches_are_answered_in_nothing_else() -> None:
    """XML there is not."""
    with pytest.raises(HTTPException) as refusal:
        check_json(accepting("application/dicom+xml"))
    assert refusal.value.status_code == 406
