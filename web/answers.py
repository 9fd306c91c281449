"""What answers to searches have in common (PS3.18 Sections 8.3.4 and 8.6)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final

from fastapi import HTTPException, Path, Response
from fastapi.responses import JSONResponse

from domain.dicomweb import Page
from web.media_types import DICOM_JSON, check_json

if TYPE_CHECKING:
    from collections.abc import Callable

    from fastapi import Request

    from domain.dicomweb import DicomJson

ROOT: Final = "/dicom-web"
"""Where the services are."""
Uid = Annotated[str, Path(pattern=r"^[0-9.]{1,64}$")]
"""A part of an address."""
_MOST_ANSWERS: Final = 1000
_RETRIEVE_URL: Final = "00081190"
_MORE: Final = '299 hilum "There are more answers; ask for the next with offset"'


def page_of(request: Request) -> Page:
    """Return which part of the answers is wanted.

    Raises:
        HTTPException: 400, `limit` or `offset` is no number.
    """
    try:
        limit = int(request.query_params.get("limit", _MOST_ANSWERS))
        offset = int(request.query_params.get("offset", 0))
    except ValueError as error:
        raise HTTPException(400, "limit and offset are whole numbers") from error
    if limit < 0 or offset < 0:
        raise HTTPException(400, "limit and offset are not negative")
    return Page(limit=min(limit, _MOST_ANSWERS), offset=offset)


def found(request: Request, answers: list[DicomJson], locate: Callable[[DicomJson], str]) -> Response:
    """Return what a search found, each with where it can be retrieved."""
    check_json(request.headers)
    if not answers:
        return Response(status_code=204)
    base = f"{str(request.base_url).rstrip('/')}{ROOT}"
    told = [{**answer, _RETRIEVE_URL: {"vr": "UR", "Value": [f"{base}{locate(answer)}"]}} for answer in answers]
    headers = {"Warning": _MORE} if len(answers) == page_of(request).limit else {}
    return JSONResponse([dict(sorted(answer.items())) for answer in told], media_type=DICOM_JSON, headers=headers)
