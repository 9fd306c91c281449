"""Version 1 of the API: which part of it is where."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from fastapi import Request, Response  # noqa: TC002 - FastAPI reads them at run time
from fastapi.exception_handlers import request_validation_exception_handler
from fastapi.exceptions import RequestValidationError
from pydantic import Field

from domain.accounts import Permission, Role
from web.api import operations, quality, studies, uploads, worklist
from web.api.answer import Answer, misunderstood
from web.api.gate import PREFIX, Gate

if TYPE_CHECKING:
    from fastapi import APIRouter, FastAPI

    from web.pages.house import House
    from web.pages.upload_counter import UploadCounter
    from web.pages.visitors import Doorman


class TokenAnswer(Answer):
    """The token that was shown."""

    login: str = Field(examples=["portal"])
    name: str = Field(examples=["upload-script"])
    """Of the program."""
    role: Role
    """Of the account."""
    may: list[Permission]
    """What both the token and the role allow today."""
    expires_at: datetime


def add_api(app: FastAPI, house: House, doorman: Doorman, counter: UploadCounter) -> None:
    """Put the API into an application.

    Args:
        app: the application.
        house: what it is made of, as the pages.
        doorman: who keeps the audit trail.
        counter: where films are handed in; an account's limit counts for pages and programs together.
    """
    gate = Gate(tokens=house.tokens, doorman=doorman)
    for router in (
        _own(gate),
        worklist.routes(house.reading, gate),
        studies.routes(house.studies, gate),
        uploads.routes(counter, gate),
        operations.routes(house.operations, gate),
        quality.routes(house.quality, gate),
    ):
        app.include_router(router)
    app.add_exception_handler(RequestValidationError, _told)


async def _told(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101 - it is registered for that
    if request.url.path.startswith(f"{PREFIX}/"):
        return misunderstood(error)
    return await request_validation_exception_handler(request, error)


def _own(gate: Gate) -> APIRouter:
    router = gate.router(tag="token", permission=None)

    @router.get("/token", summary="See whose token it is, and what it may")
    def show(request: Request) -> TokenAnswer:
        token = gate.token(request)
        return TokenAnswer(
            login=token.account.login,
            name=token.name,
            role=token.account.role,
            may=[one for one in Permission if token.may(one)],
            expires_at=token.expires_at,
        )

    return router
