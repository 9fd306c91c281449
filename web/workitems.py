"""The reading worklist by UPS-RS (PS3.18 Chapter 11)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Body, Depends, HTTPException, Request, Response
from fastapi.responses import JSONResponse

from web.access import Right, allowed
from web.answers import ROOT, Uid, found, page_of
from web.media_types import DICOM_JSON, check_json

if TYPE_CHECKING:
    from collections.abc import Sequence

    from domain.dicomweb import DicomJson, StepDesk, StepReply
    from web.access import Client

Written = Annotated[Any, Body(media_type=DICOM_JSON)]
_DOES_NOT_EXIST = 0xC307
_FIRST_SPECIFIC_FAILURE = 0xC300
_AWAY = 0x0213


def routes(desk: StepDesk, clients: Sequence[Client]) -> APIRouter:
    """Return what answers for the worklist."""
    router = APIRouter(prefix=ROOT, dependencies=[Depends(allowed(clients, Right.WORKLIST))], tags=["worklist"])

    @router.get("/workitems", summary="Search the reading worklist (UPS-RS)")
    def search(request: Request) -> Response:
        return found(request, desk.find(request.query_params.multi_items(), page_of(request)), _locate)

    @router.get("/workitems/{uid}", summary="Retrieve an item (UPS-RS)")
    def retrieve(request: Request, uid: Uid) -> Response:
        check_json(request.headers)
        step = desk.get(uid)
        if step is None:
            raise HTTPException(404, "there is no such item")
        return JSONResponse([step], media_type=DICOM_JSON)

    @router.post("/workitems/{uid}", summary="Change an item (UPS-RS)")
    def update(request: Request, uid: Uid, written: Written) -> Response:
        # The standard has the Transaction UID as a parameter that is a value without a name (PS3.18 Section 11.6.1).
        transaction = request.query_params.get("transaction-uid") or request.url.query.partition("&")[0].rstrip("=")
        return _told(desk.modify(uid, _data_set(written), transaction_uid=transaction))

    @router.put("/workitems/{uid}/state", summary="Claim, complete or cancel an item (UPS-RS)")
    def change_state(request: Request, uid: Uid, written: Written) -> Response:
        return _told(desk.change_state(uid, _data_set(written), performer=request.state.client))

    return router


def _data_set(written: Any) -> DicomJson:  # noqa: ANN401 - whatever JSON holds
    """Return the one data set of a body, which is an array of it."""
    one = written[0] if isinstance(written, list) and len(written) == 1 else written
    if not isinstance(one, dict):
        raise HTTPException(400, f"the body is one data set in {DICOM_JSON}")
    return one


def _told(reply: StepReply) -> Response:
    words = reply.name.replace("_", " ").capitalize()
    headers = {"Warning": f'299 hilum "{words} (0x{reply.status:04X})"'} if reply.status else {}
    return Response(status_code=_status_of(reply), headers=headers)


def _status_of(reply: StepReply) -> int:
    if reply.is_done:
        return 200
    if reply.status == _DOES_NOT_EXIST:
        return 404
    if reply.status == _AWAY:
        return 413
    return 409 if reply.status >= _FIRST_SPECIFIC_FAILURE else 400


def _locate(answer: DicomJson) -> str:
    return f"/workitems/{answer['00080018']['Value'][0]}"
