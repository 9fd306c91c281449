"""Tokens for programs: each person's own, to make and to revoke."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final

from fastapi import APIRouter, Form, HTTPException, Path, Request, Response
from fastapi.responses import RedirectResponse

from domain.accounts import Permission
from domain.audit import AuditAction
from domain.ids import TokenId
from domain.tokens import LONGEST, BadToken, checked_lasting, checked_name, checked_permissions, grantable, usual
from web.api.secret import new_token
from web.pages.visitors import PLAIN, check_csrf

if TYPE_CHECKING:
    from domain.accounts import Session
    from domain.tokens import Tokens
    from web.pages.paper import Paper
    from web.pages.visitors import Doorman

_SEE_OTHER: Final = 303
_USUAL_DAYS: Final = 90

Text = Annotated[str, Form(max_length=512, pattern=PLAIN)]
Days = Annotated[int, Form()]
May = Annotated[list[Permission], Form()]
Number = Annotated[int, Path(ge=1, lt=2**63)]


def routes(tokens: Tokens, doorman: Doorman, paper: Paper) -> APIRouter:
    """Return what answers for somebody's own tokens."""
    router = APIRouter(include_in_schema=False)
    find = doorman.visitor()

    def shown(request: Request, session: Session, *, status: int = 200, problem: str = "", made: str = "") -> Response:
        role = session.account.role
        return paper.page(
            request,
            "tokens.html",
            session=session,
            status=status,
            tokens=tokens.all(session.account.id),
            grantable=grantable(role),
            usual=usual(role),
            days=_USUAL_DAYS,
            most_days=LONGEST.days,
            problem=problem,
            made=made,
        )

    @router.get("/tokens")
    def show(request: Request) -> Response:
        return shown(request, find(request))

    @router.post("/tokens")
    def make(request: Request, name: Text, days: Days, csrf: Text, may: May = []) -> Response:  # noqa: B006 - never changed
        session = find(request)
        check_csrf(request, session, csrf)
        secret, digest = new_token()
        try:
            made = tokens.make(
                session.account,
                name=checked_name(name),
                token_sha256=digest,
                permissions=checked_permissions(may, session.account.role),
                lasting=checked_lasting(days),
            )
        except BadToken as error:
            return shown(request, session, status=400, problem=f"It was not made: {error}.")
        doorman.record(request, session, AuditAction.ACCOUNT, f"token {made.actor}")
        return shown(request, session, made=secret)

    @router.post("/tokens/{number}/revoke")
    def revoke(request: Request, number: Number, csrf: Text) -> Response:
        session = find(request)
        check_csrf(request, session, csrf)
        try:
            gone = tokens.revoke(TokenId(number), of=session.account.id)
        except BadToken as error:
            raise HTTPException(404, str(error)) from error
        doorman.record(request, session, AuditAction.ACCOUNT, f"revoke token {gone.actor}")
        return RedirectResponse("/tokens", _SEE_OTHER)

    return router
