"""All pages together: the entrance, what lies behind it, and what is shown when something is wrong."""

from __future__ import annotations

from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING, Final, Literal

from fastapi import Request, Response  # noqa: TC002 - FastAPI reads them at run time
from fastapi.responses import JSONResponse, RedirectResponse
from fastapi.staticfiles import StaticFiles
from starlette.exceptions import HTTPException

from domain.accounts import Permission
from domain.errors import Transient
from web.api.gate import PREFIX
from web.api.version1 import add_api
from web.pages import (
    entrance,
    operations,
    people,
    quality,
    single_sign_on,
    studies,
    tokens,
    upload_desk,
    upload_results,
    worklist,
)
from web.pages.clock import Clock
from web.pages.paper import STATIC, Link, Paper
from web.pages.single_sign_on import SingleSignOn
from web.pages.upload_counter import UploadCounter
from web.pages.visitors import Doorman, NotLoggedIn

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import timedelta

    from fastapi import FastAPI

    from domain.accounts import Account, Accounts, Sessions
    from domain.audit import AuditTrail
    from domain.operations import ControlRoom
    from domain.quality import QualityBook
    from domain.reading_list import ReadingDesk
    from domain.study_view import StudyRoom
    from domain.tokens import Tokens
    from web.pages.single_sign_on import Provider
    from web.pages.upload_room import UploadRoom

_SEE_OTHER: Final = 303
RETRY: Final = {"Retry-After": "10"}
LINKS: Final = (
    Link(path="/worklist", text="Worklist", permission=Permission.READ),
    Link(path="/upload", text="Upload", permission=Permission.UPLOAD),
    Link(path="/operations", text="Operations", permission=Permission.OPERATE),
    Link(path="/quality", text="Quality", permission=Permission.QUALITY),
    Link(path="/accounts", text="Accounts", permission=Permission.ADMINISTER),
)
"""The pages in the bar; the first that somebody may see is where that person starts."""
_HEADLINES: Final = {
    401: "You are not logged in",
    403: "This is not for you",
    404: "There is nothing here",
    429: "Too many tries",
    503: "Not now",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class House:
    """What the pages are made of."""

    accounts: Accounts
    sessions: Sessions
    tokens: Tokens
    trail: AuditTrail
    uploads: UploadRoom
    operations: ControlRoom
    quality: QualityBook
    registration: Literal["off", "invitation", "open"]
    public_url: str
    """What browsers call us; empty: as the request says."""
    is_secure: bool
    """Whether browsers reach us by TLS only."""
    lasting: timedelta
    idle: timedelta
    version: str
    studies: StudyRoom
    reading: ReadingDesk
    clock: Clock = field(default_factory=Clock)
    provider: Provider | None = None
    """Who else vouches for people; None: nobody."""


def add_pages(app: FastAPI, house: House) -> None:
    """Put the pages into an application."""
    paper = Paper(links=LINKS, version=house.version, is_secure=house.is_secure, clock=house.clock)
    doorman = Doorman(
        sessions=house.sessions,
        trail=house.trail,
        is_secure=house.is_secure,
        lasting=house.lasting,
        idle=house.idle,
    )
    door = entrance.Entrance(
        accounts=house.accounts,
        doorman=doorman,
        paper=paper,
        registration=house.registration,
        has_single_sign_on=house.provider is not None,
    )
    app.include_router(entrance.routes(door))
    if house.provider is not None:
        sign_on = SingleSignOn(provider=house.provider)
        app.include_router(single_sign_on.routes(sign_on, house.accounts, doorman, paper, public_url=house.public_url))
    app.include_router(people.routes(house.accounts, house.tokens, doorman, paper, public_url=house.public_url))
    app.include_router(tokens.routes(house.tokens, doorman, paper))
    app.include_router(studies.routes(house.studies, doorman, paper))
    app.include_router(worklist.routes(house.reading, doorman, paper))
    counter = UploadCounter(room=house.uploads, doorman=doorman)
    app.include_router(upload_desk.routes(counter, paper))
    app.include_router(upload_results.routes(house.uploads, doorman, paper))
    app.include_router(operations.routes(house.operations, doorman, paper))
    app.include_router(quality.routes(house.quality, doorman, paper))
    add_api(app, house, doorman, counter)
    app.mount("/static", StaticFiles(directory=STATIC), name="static")
    _add_start(app, doorman, paper)
    _add_troubles(app, doorman, paper)


def start_of(account: Account) -> str:
    """Return the page that somebody starts with."""
    return next((link.path for link in LINKS if account.may(link.permission)), "/welcome")


def _add_start(app: FastAPI, doorman: Doorman, paper: Paper) -> None:
    find = doorman.visitor()

    @app.get("/", include_in_schema=False)
    def start(request: Request) -> Response:
        return RedirectResponse(start_of(find(request).account), _SEE_OTHER)

    @app.get("/welcome", include_in_schema=False)
    def welcome(request: Request) -> Response:
        text = "There is no page for your role yet."
        return paper.page(request, "message.html", session=find(request), headline="Welcome", text=text)


def _add_troubles(app: FastAPI, doorman: Doorman, paper: Paper) -> None:
    """Answer people by a page, and programs by JSON."""

    def log_in_first(request: Request, error: Exception) -> Response:
        assert isinstance(error, NotLoggedIn)  # noqa: S101 - it is registered for that
        if not _wants_page(request):
            return JSONResponse({"detail": "log in first"}, status_code=401)
        return RedirectResponse(error.login_page, _SEE_OTHER)

    def told(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)  # noqa: S101 - it is registered for that
        if not _wants_page(request):
            return JSONResponse({"detail": error.detail}, status_code=error.status_code, headers=error.headers)
        headline = _HEADLINES.get(error.status_code, HTTPStatus(error.status_code).phrase)
        return shown(request, error.status_code, headline, str(error.detail), error.headers or {})

    def away(request: Request, error: Exception) -> Response:
        if not _wants_page(request):
            return JSONResponse({"detail": str(error)}, status_code=503, headers=RETRY)
        text = "The database can't be reached now. Nothing is lost; try again in a moment."
        return paper.page(request, "message.html", status=503, headline=_HEADLINES[503], text=text)

    def shown(request: Request, status: int, headline: str, text: str, headers: Mapping[str, str]) -> Response:
        session = doorman.session(request)
        page = paper.page(request, "message.html", session=session, status=status, headline=headline, text=text)
        page.headers.update(headers)
        return page

    app.add_exception_handler(NotLoggedIn, log_in_first)
    app.add_exception_handler(HTTPException, told)
    app.add_exception_handler(Transient, away)


def _wants_page(request: Request) -> bool:
    is_program = request.url.path.startswith(f"{PREFIX}/")
    return not is_program and "text/html" in request.headers.get("accept", "")
