"""Who may ask for what: programs with a token each (RFC 6750)."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from fastapi import HTTPException, Request

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from domain.ids import AeTitle

_SCHEME = "Bearer"


class Right(StrEnum):
    """What a program may do."""

    READ = "read"
    """Look for results and read them."""
    STORE = "store"
    """Send films."""
    WORKLIST = "worklist"
    """See the reading worklist, and claim, change and end its items."""
    WATCH = "watch"
    """See alarms and figures, without patients."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Client:
    """A program that has a token."""

    name: AeTitle
    """Recorded as the sender of its films, and as whoever claims an item."""
    token_sha256: str
    """SHA-256 of the token, in hexadecimal; the token itself is kept nowhere."""
    rights: frozenset[Right]


def allowed(clients: Sequence[Client], right: Right) -> Callable[[Request], Client]:
    """Return what lets programs in that have a right, and answers others with 401 or 403."""

    def check(request: Request) -> Client:
        client = _client_of(request, clients)
        if client is None:
            raise HTTPException(401, "a token is needed", headers={"WWW-Authenticate": _SCHEME})
        request.state.client = client.name
        if right not in client.rights:
            raise HTTPException(403, f"the token does not allow this: it needs the right {right.value!r}")
        return client

    return check


def _client_of(request: Request, clients: Sequence[Client]) -> Client | None:
    """Compare with every token in the same time, whichever fits."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.casefold() != _SCHEME.casefold():
        return None
    given = hashlib.sha256(token.strip().encode()).hexdigest()
    fitting = [client for client in clients if hmac.compare_digest(client.token_sha256.casefold(), given)]
    return fitting[0] if fitting else None


def name_of(scope: Any) -> str:  # noqa: ANN401 - an ASGI scope
    """Return who asked, for the log; empty where nobody knows."""
    return str(scope.get("state", {}).get("client", ""))
