"""Films that come by STOW-RS (PS3.18 Section 10.5)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, Depends, HTTPException, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse

from web.access import Right, allowed
from web.answers import ROOT, Uid
from web.media_types import DICOM_JSON, check_json
from web.parts import Part, PartsReader, boundary_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from domain.dicomweb import FilmDoor, Taken
    from domain.ids import AeTitle
    from web.access import Client

_ACCEPTED, _CONFLICT = 202, 409


def routes(door: FilmDoor, clients: Sequence[Client], *, largest_bytes: int) -> APIRouter:
    """Return what takes films.

    Args:
        door: where they go.
        clients: who may send, among others.
        largest_bytes: of a body.
    """
    router = APIRouter(prefix=ROOT, dependencies=[Depends(allowed(clients, Right.STORE))], tags=["films"])

    @router.post("/studies", summary="Send films (STOW-RS)")
    async def store(request: Request) -> Response:
        return await _store(request, "")

    @router.post("/studies/{study}", summary="Send films of one study (STOW-RS)")
    async def store_study(request: Request, study: Uid) -> Response:
        return await _store(request, study)

    def take(part: Part, source: AeTitle, study_uid: str) -> Taken:
        return door.take(part.file, part.size_bytes, source=source, study_uid=study_uid)

    async def _store(request: Request, study_uid: str) -> Response:
        check_json(request.headers)
        reader = PartsReader(boundary=boundary_of(request.headers.get("content-type", "")), largest_bytes=largest_bytes)
        taken: list[Taken] = []
        try:
            async for piece in request.stream():
                await run_in_threadpool(reader.feed, piece)
                while reader.whole:
                    with reader.whole.pop(0) as part:
                        taken.append(await run_in_threadpool(take, part, request.state.client, study_uid))
        finally:
            reader.close()
        if not taken:
            raise HTTPException(400, "the body holds no part")
        return JSONResponse(
            _told(taken), status_code=_status_of(taken, is_whole=reader.is_ended), media_type=DICOM_JSON
        )

    return router


def _status_of(taken: list[Taken], *, is_whole: bool) -> int:
    """Return 200 for all, 202 for some, 409 for none (PS3.18 Table 10.5.3-1); what was cut off is not all."""
    failed = sum(one.failure is not None for one in taken)
    if failed == len(taken):
        return _CONFLICT
    return _ACCEPTED if failed or not is_whole else 200


def _told(taken: list[Taken]) -> dict[str, Any]:
    """Return the Store Instances Response Module (PS3.18 Section I.2)."""
    answer: dict[str, Any] = {}
    kept = [_item(one) for one in taken if one.failure is None]
    failed = [{**_item(one), "00081197": _number(one.failure)} for one in taken if one.failure is not None]
    if failed:
        answer["00081198"] = {"vr": "SQ", "Value": failed}
    if kept:
        answer["00081199"] = {"vr": "SQ", "Value": kept}
    return answer


def _item(one: Taken) -> dict[str, Any]:
    named = {"00081150": one.sop_class_uid, "00081155": one.sop_instance_uid}
    return {tag: {"vr": "UI", "Value": [uid]} if uid else {"vr": "UI"} for tag, uid in named.items()}


def _number(value: int | None) -> dict[str, Any]:
    return {"vr": "US", "Value": [value]}
