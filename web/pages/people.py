"""Accounts, as admins see and change them."""

from __future__ import annotations

import secrets
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Final

from fastapi import APIRouter, Form, HTTPException, Path, Request, Response
from fastapi.responses import RedirectResponse

from domain.accounts import BadAccount, Permission, Role
from domain.audit import AuditAction
from domain.ids import TokenId
from domain.tokens import BadToken
from web.pages.entrance import digest_of
from web.pages.visitors import PLAIN, check_csrf

if TYPE_CHECKING:
    from collections.abc import Callable

    from domain.accounts import Accounts, Session
    from domain.tokens import Tokens
    from web.pages.paper import Paper
    from web.pages.visitors import Doorman

_LASTING: Final = timedelta(days=3)
_SEE_OTHER: Final = 303

Login = Annotated[str, Path(max_length=64, pattern=PLAIN)]
Number = Annotated[int, Path(ge=1, lt=2**63)]
Text = Annotated[str, Form(max_length=512, pattern=PLAIN)]


def routes(accounts: Accounts, tokens: Tokens, doorman: Doorman, paper: Paper, *, public_url: str) -> APIRouter:
    """Return what answers for accounts.

    Args:
        accounts: those that there are.
        tokens: those of all accounts.
        doorman: lets admins in.
        paper: what pages are made of.
        public_url: what an invitation's address begins with; empty: as the admin's browser knows us.
    """
    router = APIRouter(include_in_schema=False)
    check = doorman.visitor_who_may(Permission.ADMINISTER)

    def shown(request: Request, session: Session, *, status: int = 200, problem: str = "", link: str = "") -> Response:
        return paper.page(
            request,
            "accounts.html",
            session=session,
            status=status,
            accounts=accounts.all(),
            tokens=tokens.all(),
            roles=list(Role),
            problem=problem,
            invitation=link,
        )

    @router.get("/accounts")
    def show(request: Request) -> Response:
        return shown(request, check(request))

    @router.post("/accounts/invitations")
    def invite(request: Request, role: Text, csrf: Text) -> Response:
        session = check(request)
        check_csrf(request, session, csrf)
        if role not in set(Role):
            raise HTTPException(400, "there is no such role")
        token = secrets.token_urlsafe(24)
        accounts.invite(role=Role(role), token_sha256=digest_of(token), by=session.account, lasting=_LASTING)
        doorman.record(request, session, AuditAction.ACCOUNT, f"invitation {role}")
        base = (public_url or str(request.base_url)).rstrip("/")
        return shown(request, session, link=f"{base}/register?invitation={token}")

    _tokens(router, tokens, doorman, shown)

    @router.post("/accounts/{login}")
    def change(request: Request, login: Login, act: Text, csrf: Text, role: Text = "") -> Response:
        session = check(request)
        check_csrf(request, session, csrf)
        if login == session.account.login:
            return shown(request, session, status=400, problem="You can't change your own account.")
        try:
            if act == "role" and role in set(Role):
                accounts.change(login, role=Role(role))
            elif act in {"disable", "enable"}:
                accounts.change(login, is_disabled=act == "disable")
            else:
                raise HTTPException(400, "there is no such change")
        except BadAccount as error:
            return shown(request, session, status=404, problem=str(error))
        doorman.record(request, session, AuditAction.ACCOUNT, f"{act} {role if act == 'role' else ''} {login}".strip())
        return RedirectResponse("/accounts", _SEE_OTHER)

    return router


def _tokens(router: APIRouter, tokens: Tokens, doorman: Doorman, shown: Callable[..., Response]) -> None:
    check = doorman.visitor_who_may(Permission.ADMINISTER)

    @router.post("/accounts/tokens/{number}/revoke")
    def revoke(request: Request, number: Number, csrf: Text) -> Response:
        session = check(request)
        check_csrf(request, session, csrf)
        try:
            gone = tokens.revoke(TokenId(number))
        except BadToken as error:
            return shown(request, session, status=404, problem=str(error))
        doorman.record(request, session, AuditAction.ACCOUNT, f"revoke token {gone.actor}")
        return RedirectResponse("/accounts", _SEE_OTHER)
