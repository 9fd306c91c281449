"""The web application: which service is where, who is let in, what goes into the log."""

from __future__ import annotations

import time
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

from fastapi import FastAPI
from fastapi.responses import JSONResponse

from domain.dicomweb import BadQuery
from domain.errors import Deleted, Permanent, Transient
from domain.measures import REQUEST_SECONDS, REQUESTS, STREAMS
from domain.meters import NO_METERS
from web import films, results, watch, workitems
from web.access import name_of
from web.pages.house import add_pages

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from fastapi import Request
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from domain.alarm import Overdue
    from domain.dicomweb import FilmDoor, ResultLibrary, StepDesk
    from domain.meters import Meters
    from web.access import Client
    from web.pages.house import House
    from worker.events import Events

_RETRY_AFTER_SECONDS: Final = "10"
_HEADERS: Final = (
    (b"x-content-type-options", b"nosniff"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"referrer-policy", b"no-referrer"),
    (b"cache-control", b"no-store"),
)
"""Answers hold patients' data: nobody keeps them, nothing in them is run."""
_EVENTS: Final = b"text/event-stream"
_METHODS: Final = frozenset({"DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"})


@dataclass(frozen=True, kw_only=True, slots=True)
class Services:
    """What the application is made of."""

    library: ResultLibrary
    door: FilmDoor
    desk: StepDesk
    overdue: Callable[[], Overdue]
    """Returns the urgent results that reach nobody; raises `Transient` while the database is away."""
    clients: Sequence[Client]
    largest_bytes: int
    """Of a body."""
    events: Events
    meters: Meters = NO_METERS


def application(services: Services, house: House | None = None) -> FastAPI:
    """Return the application, with pages for people or without; it is described at /openapi.json."""
    made = FastAPI(
        title="Hilum",
        summary="DICOMweb and a JSON API: results of chest X-rays, the reading worklist, and a door for films",
        description="Results are decision support, not a diagnosis.",
        docs_url=None,  # these pages load scripts from elsewhere
        redoc_url=None,
    )
    for router in (
        results.routes(services.library, services.clients),
        films.routes(services.door, services.clients, largest_bytes=services.largest_bytes),
        workitems.routes(services.desk, services.clients),
        watch.routes(services.overdue, services.clients),
    ):
        made.include_router(router)
    made.add_exception_handler(BadQuery, _bad_query)
    made.add_exception_handler(Transient, _away)
    made.add_exception_handler(Permanent, _not_possible)
    made.add_exception_handler(Deleted, _gone)
    if house is not None:
        add_pages(made, house)
    made.add_middleware(_Doorkeeper, events=services.events, meters=services.meters)
    return made


def _bad_query(_: Request, error: Exception) -> JSONResponse:
    return JSONResponse({"detail": str(error)}, status_code=400)


def _away(_: Request, error: Exception) -> JSONResponse:
    return JSONResponse({"detail": str(error)}, status_code=503, headers={"Retry-After": _RETRY_AFTER_SECONDS})


def _not_possible(_: Request, error: Exception) -> JSONResponse:
    return JSONResponse({"detail": str(error)}, status_code=500)


def _gone(_: Request, error: Exception) -> JSONResponse:
    return JSONResponse({"detail": str(error)}, status_code=410)


class _Doorkeeper:
    """Puts headers on every answer and an event for it into the log, without the address, which may name a patient."""

    def __init__(self, app: ASGIApp, *, events: Events, meters: Meters) -> None:
        self._app = app
        self._events = events
        self._meters = meters

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began, status, is_stream = time.monotonic(), 500, False

        async def answer(message: Message) -> None:
            nonlocal status, is_stream
            if message["type"] == "http.response.start":
                status, is_stream = message["status"], _is_stream(message)
                self._meters.add(STREAMS, is_stream)
                given = {name.lower() for name, _ in message.get("headers", [])}
                message["headers"] = [*message.get("headers", []), *(one for one in _HEADERS if one[0] not in given)]
            await send(message)

        try:
            await self._app(scope, receive, answer)
        except Exception as error:  # whatever it is, the answer is 500; its text may hold a patient's data
            self._events.error("web-request-failed", place=_place_of(scope), error=type(error).__name__)
            raise
        finally:
            place, seconds = _place_of(scope), time.monotonic() - began
            self._count(place, status, seconds, is_stream=is_stream)
            if (scope["path"], status) != (watch.LIVE, HTTPStatus.OK):  # asked several times a minute, by ourselves too
                self._events.info(
                    "web-request",
                    calling=name_of(scope),
                    place=place,
                    status=status,
                    seconds=round(seconds, 3),
                )

    def _count(self, place: str, status: int, seconds: float, *, is_stream: bool) -> None:
        method, _, _ = place.partition(" ")
        place = place if method in _METHODS else "unknown"  # whoever asks may invent any number of methods
        self._meters.add(REQUESTS, place=place, status=str(status))
        self._meters.add(STREAMS, -is_stream)
        if not is_stream:
            self._meters.observe(REQUEST_SECONDS, seconds, place=place)


def _is_stream(message: Message) -> bool:
    """Whether an answer tells of news until its reader goes away."""
    return (b"content-type", _EVENTS) in [
        (name.lower(), value.partition(b";")[0]) for name, value in message.get("headers", [])
    ]


def _place_of(scope: Any) -> str:  # noqa: ANN401 - an ASGI scope
    """Return which service was asked for: the pattern of its address, never the address itself."""
    return f"{scope['method']} {getattr(scope.get('route'), 'path', 'unknown')}"
