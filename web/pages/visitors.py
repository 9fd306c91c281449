"""Who looks at a page: the session behind a cookie, what its role may, and that a form is our own."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final
from urllib.parse import quote, urlsplit

from fastapi import HTTPException, Request

from domain.audit import AuditAction, AuditEvent, AuditOutcome

if TYPE_CHECKING:
    from collections.abc import Callable

    from fastapi import Response

    from domain.accounts import Account, Permission, Session, Sessions, Visitor
    from domain.audit import AuditTrail

_COOKIE: Final = "hilum_session"
_SECURE_COOKIE: Final = "__Host-hilum_session"
"""Browsers take this name only over TLS, for the whole host and no other (RFC 6265bis 4.1.3.2)."""
_TOKEN_BYTES: Final = 32
PLAIN: Final = r"^[^\x00]*$"
"""Texts of forms: a database holds no NUL."""
_LONGEST_PLACE: Final = 256
CSRF_HEADER: Final = "x-csrf-token"
AUTOMATIC_HEADER: Final = "hilum-automatic"
"""What pages send by themselves has it, as header or in the query: that keeps no session from becoming idle."""


class NotLoggedIn(Exception):
    """Nobody is logged in; `path` is where somebody wanted to go."""

    def __init__(self, path: str) -> None:
        super().__init__(path)
        self.path = path

    @property
    def login_page(self) -> str:
        """Where to log in, and to come back from."""
        return f"/login?next={quote(self.path)}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Doorman:
    """Lets people in and out."""

    sessions: Sessions
    trail: AuditTrail
    is_secure: bool
    """Whether browsers reach us by TLS only."""
    lasting: timedelta
    idle: timedelta

    @property
    def cookie(self) -> str:
        """The name of the session's cookie."""
        return _SECURE_COOKIE if self.is_secure else _COOKIE

    def let_in(self, response: Response, account: Account) -> None:
        """Begin a session, and give its cookie to the browser."""
        token = secrets.token_urlsafe(_TOKEN_BYTES)
        self.sessions.begin(
            account, token_sha256=_digest(token), csrf_token=secrets.token_urlsafe(_TOKEN_BYTES), lasting=self.lasting
        )
        response.set_cookie(
            self.cookie,
            token,
            max_age=int(self.lasting.total_seconds()),
            httponly=True,
            secure=self.is_secure,
            samesite="lax",
            path="/",
        )

    def let_out(self, request: Request, response: Response) -> None:
        """End the session, if there is one."""
        token = request.cookies.get(self.cookie)
        if token:
            self.sessions.end(_digest(token))
        response.delete_cookie(self.cookie, path="/", secure=self.is_secure, httponly=True, samesite="lax")

    def session(self, request: Request) -> Session | None:
        """Return the session behind a request's cookie; None where there is none."""
        token = request.cookies.get(self.cookie)
        if not token:
            return None
        is_active = AUTOMATIC_HEADER not in request.headers and AUTOMATIC_HEADER not in request.query_params
        found = self.sessions.find(_digest(token), idle=self.idle, is_active=is_active)
        if found is not None:
            request.state.client = found.account.role  # for the log: a login may be a patient's address
        return found

    def visitor(self) -> Callable[[Request], Session]:
        """Return what gives a page its visitor.

        It raises `NotLoggedIn` where nobody is logged in.
        """

        def find(request: Request) -> Session:
            found = self.session(request)
            if found is None:
                raise NotLoggedIn(_wanted(request))
            return found

        return find

    def visitor_who_may(self, permission: Permission) -> Callable[[Request], Session]:
        """Return the same for a page that not everybody may see; others are answered 403, which is recorded."""
        find = self.visitor()

        def check(request: Request) -> Session:
            found = find(request)
            if not found.account.may(permission):
                self.record(request, found, AuditAction.VIEW, place_of(request), outcome=AuditOutcome.DENIED)
                raise HTTPException(403, "your role does not allow this")
            return found

        return check

    def record(
        self,
        request: Request,
        visitor: Visitor,
        action: AuditAction,
        what: str = "",
        *,
        outcome: AuditOutcome = AuditOutcome.SUCCESS,
    ) -> None:
        """Write into the audit trail what somebody did; when this returns it is durable."""
        self.trail.record(
            AuditEvent(
                actor=visitor.actor,
                role=visitor.account.role,
                action=action,
                object=what,
                outcome=outcome,
                address=address_of(request),
            )
        )


def address_of(request: Request) -> str:
    """Return the IP address that a request came from."""
    return "" if request.client is None else request.client.host


def place_of(request: Request) -> str:
    """Return what was asked for, as far as the audit trail takes it: whoever asks writes it."""
    return request.url.path.replace("\x00", "\N{REPLACEMENT CHARACTER}")[:_LONGEST_PLACE]


def check_origin(request: Request) -> None:
    """Refuse a form that another site sent (RFC 6454; Fetch Metadata).

    Raises:
        HTTPException: 403.
    """
    site = request.headers.get("sec-fetch-site", "same-origin")
    origin = request.headers.get("origin")
    is_ours = origin is None or urlsplit(origin).netloc == request.headers.get("host")
    if site not in {"same-origin", "none"} or not is_ours:
        raise HTTPException(403, "the form came from another site")


def check_csrf(request: Request, session: Session, given: str) -> None:
    """Refuse a form that does not belong to whoever is logged in.

    Raises:
        HTTPException: 403.
    """
    check_origin(request)
    if not is_own_form(session, given):
        raise HTTPException(403, "the form is too old; load the page again")


def is_own_form(session: Session, given: str) -> bool:
    """Whether a form belongs to whoever is logged in, by what it sends back."""
    return hmac.compare_digest(given.encode(), session.csrf_token.encode())


def safe_path(text: str) -> str:
    """Return a path on this server that a form names, the start page where it names anything else."""
    parts = urlsplit(text)
    is_own = text.startswith("/") and not text.startswith(("//", "/\\")) and not parts.scheme and not parts.netloc
    return text if is_own else "/"


def _wanted(request: Request) -> str:
    query = f"?{request.url.query}" if request.url.query else ""
    return f"{request.url.path}{query}" if request.method == "GET" else "/"


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
