"""Who asks the API: a program with a token of an account; what it may, and that it is recorded."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from fastapi import APIRouter, Depends, HTTPException, Request
from fastapi.security import HTTPBearer
from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter

from domain.audit import AuditAction, AuditEvent, AuditOutcome
from web.api.answer import problems
from web.api.secret import digest_of
from web.pages.visitors import address_of, place_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from domain.accounts import Permission
    from domain.tokens import ApiToken, Tokens
    from web.pages.visitors import Doorman

PREFIX: Final = "/api/v1"
"""Where the API is. Within a version fields and addresses are added, but neither renamed nor taken away."""
_FAILURES_A_MINUTE: Final = 20
"""Unknown tokens of one address: as many as logins. Who has a good one gets in all the same."""
_SCHEME: Final = HTTPBearer(
    auto_error=False,  # we answer ourselves
    scheme_name="token",
    description="A token of an account: made on the page Tokens, or by `hilum users token create`",
)


@dataclass(frozen=True, kw_only=True)
class Gate:
    """Lets programs in."""

    tokens: Tokens
    doorman: Doorman
    _limiter: MovingWindowRateLimiter = field(default_factory=lambda: MovingWindowRateLimiter(MemoryStorage()))

    def router(self, *, tag: str, permission: Permission | None) -> APIRouter:
        """Return a router whose addresses need a permission, or any token at all; each can be answered 401."""
        check = self._any_token() if permission is None else self.who_may(permission)
        statuses = (401, 422, 429, 503) if permission is None else (401, 403, 422, 429, 503)
        return APIRouter(
            prefix=PREFIX,
            tags=[tag],
            dependencies=[Depends(_SCHEME), Depends(check)],
            responses=problems(*statuses),
        )

    def who_may(self, permission: Permission) -> Callable[[Request], None]:
        """Return what lets tokens in that may something; others are answered 403, which is recorded."""
        find = self._any_token()

        def check(request: Request) -> None:
            find(request)
            token = self.token(request)
            if not token.may(permission):
                self.record(request, AuditAction.VIEW, place_of(request), outcome=AuditOutcome.DENIED)
                raise HTTPException(403, f"the token does not allow this: it needs {permission.value!r}")

        return check

    def token(self, request: Request) -> ApiToken:
        """Return the token that a request was let in with."""
        token: ApiToken = request.state.token
        return token

    def record(
        self,
        request: Request,
        action: AuditAction,
        what: str = "",
        *,
        outcome: AuditOutcome = AuditOutcome.SUCCESS,
    ) -> None:
        """Write into the audit trail what a program did; when this returns it is durable."""
        self.doorman.record(request, self.token(request), action, what, outcome=outcome)

    def _any_token(self) -> Callable[[Request], None]:
        def find(request: Request) -> None:
            scheme, _, secret = request.headers.get("authorization", "").partition(" ")
            if scheme.casefold() != "bearer" or not secret.strip():
                raise _refused("a token is needed")
            token = self.tokens.find(digest_of(secret.strip()))
            if token is None:
                self._note_failure(request)
                raise _refused("the token does not count")
            request.state.token = token
            request.state.client = token.account.role  # for the log: a login may be a patient's address

        return find

    def _note_failure(self, request: Request) -> None:
        """Record that a token was unknown; refuse who shows many of these."""
        if not self._limiter.hit(RateLimitItemPerMinute(_FAILURES_A_MINUTE), address_of(request)):
            raise HTTPException(429, "too many unknown tokens; wait a minute", headers={"Retry-After": "60"})
        event = AuditEvent(
            actor="unknown token",
            role="",
            action=AuditAction.LOGIN,
            outcome=AuditOutcome.DENIED,
            address=address_of(request),
        )
        self.doorman.trail.record(event)


def _refused(why: str) -> HTTPException:
    return HTTPException(401, why, headers={"WWW-Authenticate": "Bearer"})
