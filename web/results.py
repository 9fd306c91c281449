"""Our results by QIDO-RS and WADO-RS (PS3.18 Sections 10.6 and 10.4)."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING

from fastapi import APIRouter, Depends, HTTPException, Request, Response
from fastapi.responses import JSONResponse, StreamingResponse

from domain.dicomweb import Place
from web.access import Right, allowed
from web.answers import ROOT, Uid, found, page_of
from web.media_types import DICOM, MULTIPART, check_json, takes_single_file
from web.parts import new_boundary, written

if TYPE_CHECKING:
    from collections.abc import Sequence

    from domain.dicomweb import DicomJson, ResultLibrary
    from web.access import Client

_NOTHING = "there is no result there"


def routes(library: ResultLibrary, clients: Sequence[Client]) -> APIRouter:
    """Return what answers for results."""
    router = APIRouter(prefix=ROOT, dependencies=[Depends(allowed(clients, Right.READ))], tags=["results"])
    _search(router, library)
    _retrieve(router, library)
    return router


def _search(router: APIRouter, library: ResultLibrary) -> None:
    @router.get("/studies", summary="Search for studies with a result (QIDO-RS)")
    def studies(request: Request) -> Response:
        answers = library.studies(request.query_params.multi_items(), page_of(request))
        return found(request, answers, _locate)

    @router.get("/studies/{study}/series", summary="Search for series of a study's results (QIDO-RS)")
    def series(request: Request, study: Uid) -> Response:
        answers = library.series(study, request.query_params.multi_items(), page_of(request))
        return found(request, answers, _locate)

    @router.get("/studies/{study}/instances", summary="Search for instances of a study's results (QIDO-RS)")
    def instances(request: Request, study: Uid) -> Response:
        place = Place(study_uid=study)
        return found(request, library.instances(place, request.query_params.multi_items(), page_of(request)), _locate)

    @router.get("/studies/{study}/series/{series}/instances", summary="Search for instances of a series (QIDO-RS)")
    def instances_of_series(request: Request, study: Uid, series: Uid) -> Response:
        place = Place(study_uid=study, series_uid=series)
        return found(request, library.instances(place, request.query_params.multi_items(), page_of(request)), _locate)


def _retrieve(router: APIRouter, library: ResultLibrary) -> None:
    study_path, series_path = "/studies/{study}", "/studies/{study}/series/{series}"
    instance_path = f"{series_path}/instances/{{instance}}"

    @router.get(f"{study_path}/metadata", summary="Retrieve all attributes of a study's results (WADO-RS)")
    def study_metadata(request: Request, study: Uid) -> Response:
        return _metadata(request, library, Place(study_uid=study))

    @router.get(f"{series_path}/metadata", summary="Retrieve all attributes of a series (WADO-RS)")
    def series_metadata(request: Request, study: Uid, series: Uid) -> Response:
        return _metadata(request, library, Place(study_uid=study, series_uid=series))

    @router.get(f"{instance_path}/metadata", summary="Retrieve all attributes of an instance (WADO-RS)")
    def instance_metadata(request: Request, study: Uid, series: Uid, instance: Uid) -> Response:
        return _metadata(request, library, Place(study_uid=study, series_uid=series, instance_uid=instance))

    @router.get(study_path, summary="Retrieve a study's results as DICOM files (WADO-RS)")
    def study_files(request: Request, study: Uid) -> Response:
        return _files(request, library, Place(study_uid=study))

    @router.get(series_path, summary="Retrieve a series as DICOM files (WADO-RS)")
    def series_files(request: Request, study: Uid, series: Uid) -> Response:
        return _files(request, library, Place(study_uid=study, series_uid=series))

    @router.get(instance_path, summary="Retrieve an instance as a DICOM file (WADO-RS)")
    def instance_file(request: Request, study: Uid, series: Uid, instance: Uid) -> Response:
        return _files(request, library, Place(study_uid=study, series_uid=series, instance_uid=instance))


def _metadata(request: Request, library: ResultLibrary, place: Place) -> Response:
    check_json(request.headers)
    answers = library.metadata(place)
    if not answers:
        raise HTTPException(404, _NOTHING)
    return JSONResponse(answers, media_type="application/dicom+json")


def _files(request: Request, library: ResultLibrary, place: Place) -> Response:
    is_single = takes_single_file(request.headers)
    files = library.files(place)
    first = next(files, None)
    if first is None:
        raise HTTPException(404, _NOTHING)
    if is_single:
        if next(files, None) is not None:
            raise HTTPException(406, f"there are several instances there: ask for {MULTIPART}")
        return Response(first, media_type=DICOM)
    boundary = new_boundary()

    media_type = f'{MULTIPART}; type="{DICOM}"; boundary={boundary}'
    return StreamingResponse(written(chain([first], files), boundary), media_type=media_type)


def _locate(answer: DicomJson) -> str:
    """Return where what a search found can be retrieved, below the server's root."""
    named = [(part, _value(answer, tag)) for part, tag in _PARTS]
    return "/" + "/".join(f"{part}/{uid}" for part, uid in named if uid)


_PARTS = (("studies", "0020000D"), ("series", "0020000E"), ("instances", "00080018"))


def _value(answer: DicomJson, tag: str) -> str:
    values = answer.get(tag, {}).get("Value") or [""]
    return str(values[0])
