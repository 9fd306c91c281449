"""Logging in and out, and making an account: by an invitation, or where the site lets everybody."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Final, Literal

from fastapi import APIRouter, Form, HTTPException, Request, Response
from fastapi.responses import RedirectResponse
from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter

from domain.accounts import BadAccount, Role, check_password, checked_login
from domain.audit import AuditAction, AuditEvent, AuditOutcome
from web.pages.paper import THEME_COOKIE, THEMES
from web.pages.visitors import PLAIN, address_of, check_csrf, check_origin, safe_path
from web.passwords import fits, hashed

if TYPE_CHECKING:
    from domain.accounts import Account, Accounts
    from web.pages.paper import Paper
    from web.pages.visitors import Doorman

_MOST_FAILURES: Final = 5
_WITHIN: Final = timedelta(minutes=15)
_LOCK: Final = timedelta(minutes=15)
_TRIES_A_MINUTE: Final = 20
"""Of one address, whatever it tries: a ward behind one address logs in, a program that guesses does not get far."""
_YEAR_SECONDS: Final = 365 * 24 * 3600
_WRONG: Final = "Login or password is wrong. After five wrong passwords a login is locked for 15 minutes."
_SEE_OTHER: Final = 303

Text = Annotated[str, Form(max_length=512, pattern=PLAIN)]


@dataclass(frozen=True, kw_only=True)
class Entrance:
    """Where people come in."""

    accounts: Accounts
    doorman: Doorman
    paper: Paper
    registration: Literal["off", "invitation", "open"]
    has_single_sign_on: bool = False
    _limiter: MovingWindowRateLimiter = field(default_factory=lambda: MovingWindowRateLimiter(MemoryStorage()))

    def account(self, request: Request, login: str, password: str) -> Account | None:
        """Return the account that a login and a password belong to; None where they belong to none.

        Each try is in the audit trail. A try takes as long whether there is such a login or not.
        """
        known = self.accounts.credentials(login.strip().lower())
        is_right = fits(password, None if known is None or known.is_locked else known.password_hash)
        if known is None or not is_right:
            self.accounts.failed(login.strip().lower(), most=_MOST_FAILURES, within=_WITHIN, lock=_LOCK)
            self._tell(request, AuditAction.LOGIN, login[:64], "", AuditOutcome.DENIED)
            return None
        self._tell(request, AuditAction.LOGIN, known.account.login, known.account.role, AuditOutcome.SUCCESS)
        return known.account

    def register(self, request: Request, *, invitation: str, login: str, name: str, password: str) -> Account:
        """Make an account.

        Raises:
            BadAccount: the login, the password or the invitation can't be used.
        """
        login = checked_login(login)
        check_password(password, login)
        name = " ".join(name.split())[:100] or login
        if invitation:
            made = self.accounts.accept(digest_of(invitation), login=login, name=name, password_hash=hashed(password))
        else:
            role = Role.CLINICIAN  # who invites itself sees no other patients
            made = self.accounts.create(login=login, name=name, role=role, password_hash=hashed(password))
        self._tell(request, AuditAction.REGISTER, made.login, made.role, AuditOutcome.SUCCESS)
        return made

    def check_rate(self, request: Request) -> None:
        """Refuse who tries too often.

        Raises:
            HTTPException: 429.
        """
        if not self._limiter.hit(RateLimitItemPerMinute(_TRIES_A_MINUTE), address_of(request)):
            raise HTTPException(429, "too many tries; wait a minute", headers={"Retry-After": "60"})

    def _tell(self, request: Request, action: AuditAction, who: str, role: str, outcome: AuditOutcome) -> None:
        event = AuditEvent(actor=who, role=role, action=action, outcome=outcome, address=address_of(request))
        self.doorman.trail.record(event)


def routes(entrance: Entrance) -> APIRouter:
    """Return what answers at the entrance."""
    router = APIRouter(include_in_schema=False)
    _log_in_and_out(router, entrance)
    _register(router, entrance)
    _choose_theme(router, entrance)
    return router


def _log_in_and_out(router: APIRouter, entrance: Entrance) -> None:
    doorman = entrance.doorman

    def shown(request: Request, wanted: str, *, status: int = 200, problem: str = "", login: str = "") -> Response:
        return entrance.paper.page(
            request,
            "login.html",
            status=status,
            next=wanted,
            problem=problem,
            login=login,
            may_register=entrance.registration == "open",
            has_single_sign_on=entrance.has_single_sign_on,
        )

    @router.get("/login")
    def show_login(request: Request, next: str = "/") -> Response:  # noqa: A002 - the name in the address
        if doorman.session(request) is not None:
            return RedirectResponse(safe_path(next), _SEE_OTHER)
        return shown(request, safe_path(next))

    @router.post("/login")
    def log_in(request: Request, login: Text, password: Text, next: Text = "/") -> Response:  # noqa: A002 - the same
        check_origin(request)
        entrance.check_rate(request)
        account = entrance.account(request, login, password)
        if account is None:
            return shown(request, safe_path(next), status=401, problem=_WRONG, login=login)
        answer = RedirectResponse(safe_path(next), _SEE_OTHER)
        doorman.let_in(answer, account)
        return answer

    @router.post("/logout")
    def log_out(request: Request, csrf: Text = "") -> Response:
        session = doorman.session(request)
        answer = RedirectResponse("/login", _SEE_OTHER)
        if session is not None:
            check_csrf(request, session, csrf)
            doorman.record(request, session, AuditAction.LOGOUT)
            doorman.let_out(request, answer)
        return answer


def _register(router: APIRouter, entrance: Entrance) -> None:
    def shown(request: Request, invitation: str, *, status: int = 200, problem: str = "", **given: str) -> Response:
        values = {"login": "", "name": "", **given}
        return entrance.paper.page(
            request,
            "register.html",
            status=status,
            invitation=invitation,
            problem=problem,
            login=values["login"],
            name=values["name"],
        )

    def check_open(invitation: str) -> None:
        is_open = entrance.registration == "open" or (entrance.registration == "invitation" and invitation)
        if not is_open:
            raise HTTPException(404, "there is no registration here")

    @router.get("/register")
    def show_registration(request: Request, invitation: str = "") -> Response:
        check_open(invitation)
        return shown(request, invitation)

    @router.post("/register")
    def register(request: Request, login: Text, password: Text, name: Text = "", invitation: Text = "") -> Response:
        check_open(invitation)
        check_origin(request)
        entrance.check_rate(request)
        try:
            account = entrance.register(request, invitation=invitation, login=login, name=name, password=password)
        except BadAccount as error:
            return shown(request, invitation, status=400, problem=str(error), login=login, name=name)
        answer = RedirectResponse("/", _SEE_OTHER)
        entrance.doorman.let_in(answer, account)
        return answer


def _choose_theme(router: APIRouter, entrance: Entrance) -> None:
    @router.post("/theme")
    def choose(request: Request, theme: Text, next: Text = "/") -> Response:  # noqa: A002 - the name of the field
        check_origin(request)
        answer = RedirectResponse(safe_path(next), _SEE_OTHER)
        if theme in THEMES:
            secure = entrance.doorman.is_secure
            answer.set_cookie(THEME_COOKIE, theme, max_age=_YEAR_SECONDS, samesite="lax", httponly=True, secure=secure)
        return answer


def digest_of(token: str) -> str:
    """Return what is kept of an invitation's token."""
    return hashlib.sha256(token.encode()).hexdigest()
