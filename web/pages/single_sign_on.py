"""Logging in by the hospital's own identity provider (OpenID Connect Core 1.0, authorization code flow with PKCE)."""

from __future__ import annotations

import hmac
import json
import secrets
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import requests
from authlib.common.errors import AuthlibBaseError
from authlib.integrations.requests_client import OAuth2Session
from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from domain.accounts import BadAccount, Role, checked_login
from domain.audit import AuditAction, AuditEvent, AuditOutcome
from domain.errors import Transient
from web.pages.visitors import address_of, safe_path

if TYPE_CHECKING:
    from collections.abc import Mapping

    from domain.accounts import Account, Accounts
    from web.pages.paper import Paper
    from web.pages.visitors import Doorman

_COOKIE: Final = "hilum_sso"
_MINUTES: Final = 10
"""How long somebody may take at the provider."""
_TIMEOUT_S: Final = 10
_KEPT_SECONDS: Final = 600
"""How long what the provider says of itself is taken for true."""
_SIGNATURES: Final = ["RS256", "RS384", "RS512", "PS256", "ES256", "ES384", "EdDSA"]
"""No shared secrets, and never `none`."""
_PRECEDENCE: Final = (Role.ADMIN, Role.RADIOLOGIST, Role.OPERATOR, Role.CLINICIAN)
"""Of several roles that somebody has, the one that counts."""
_SEE_OTHER: Final = 303


class Denied(Exception):
    """Somebody does not get in; the text says why."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Provider:
    """An identity provider, and what its claims mean here."""

    issuer: str
    client_id: str
    client_secret: str = field(repr=False)
    scope: str = "openid profile"
    login_claim: str = "preferred_username"
    name_claim: str = "name"
    role_claim: str = "groups"
    """A claim with one value or a list of them."""
    roles: Mapping[Role, frozenset[str]] = field(default_factory=dict)
    """Which of these values mean which role."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Flow:
    """What a browser remembers while its person is at the provider."""

    state: str
    nonce: str
    verifier: str
    next: str

    def written(self) -> str:
        """Return it as the value of a cookie."""
        return json.dumps([self.state, self.nonce, self.verifier, self.next])

    @classmethod
    def read(cls, text: str) -> Flow:
        """Read it back.

        Raises:
            Denied: it is none.
        """
        try:
            state, nonce, verifier, wanted = json.loads(text)
        except ValueError as error:
            raise Denied("the login took too long; begin again") from error
        return cls(state=str(state), nonce=str(nonce), verifier=str(verifier), next=safe_path(str(wanted)))


@dataclass(frozen=True, kw_only=True, slots=True)
class Known:
    """Whom the provider vouches for."""

    login: str
    name: str
    role: Role


@dataclass(kw_only=True)
class SingleSignOn:
    """Sends people to the provider, and understands what they come back with."""

    provider: Provider
    _kept: dict[str, tuple[float, dict[str, Any]]] = field(default_factory=dict)

    def begin(self, wanted: str, back: str) -> tuple[str, Flow]:
        """Return where to send somebody, and what the browser must remember.

        Args:
            wanted: where to go afterwards.
            back: our address that the provider sends people back to.

        Raises:
            Transient: the provider can't be reached.
        """
        flow = Flow(
            state=secrets.token_urlsafe(24),
            nonce=secrets.token_urlsafe(24),
            verifier=secrets.token_urlsafe(48),
            next=wanted,
        )
        address, _ = self._session(back).create_authorization_url(
            self.configuration()["authorization_endpoint"],
            state=flow.state,
            nonce=flow.nonce,
            code_verifier=flow.verifier,
        )
        return str(address), flow

    def finish(self, flow: Flow, state: str, code: str, back: str) -> Known:
        """Return whom the provider vouches for.

        Raises:
            Denied: it vouches for nobody, or for somebody without a role here.
            Transient: the provider can't be reached.
        """
        if not hmac.compare_digest(state.encode(), flow.state.encode()):
            raise Denied("the login belongs to another browser; begin again")
        try:
            token = self._session(back).fetch_token(
                self.configuration()["token_endpoint"], code=code, code_verifier=flow.verifier, timeout=_TIMEOUT_S
            )
        except requests.RequestException as error:
            raise Transient("the identity provider can't be reached") from error
        except AuthlibBaseError as error:
            raise Denied("the identity provider did not confirm the login") from error
        return self._known(self._claims(str(token.get("id_token", "")), flow.nonce))

    def _claims(self, id_token: str, nonce: str) -> dict[str, Any]:
        """Check who signed it, for whom, when, and for this login (OpenID Connect Core 3.1.3.7)."""
        keys = KeySet.import_key_set(self._fetched(str(self.configuration()["jwks_uri"])))  # type: ignore[arg-type]  # JSON
        rules = jwt.JWTClaimsRegistry(
            leeway=60,
            iss={"essential": True, "value": self.provider.issuer},
            aud={"essential": True, "value": self.provider.client_id},
            exp={"essential": True},
            nonce={"essential": True, "value": nonce},
        )
        try:
            claims = jwt.decode(id_token, keys, algorithms=_SIGNATURES).claims
            rules.validate(claims)
        except (JoseError, ValueError) as error:
            self._kept.clear()  # its keys may be new
            raise Denied("the identity provider's answer could not be checked") from error
        return claims

    def _known(self, claims: Mapping[str, Any]) -> Known:
        own = self.provider
        try:
            login = checked_login(str(claims.get(own.login_claim, "")))
        except BadAccount as error:
            raise Denied("the identity provider gives a login that can't be used here") from error
        given = claims.get(own.role_claim, [])
        values = {given} if isinstance(given, str) else {str(one) for one in given or []}
        role = next((one for one in _PRECEDENCE if own.roles.get(one, frozenset()) & values), None)
        if role is None:
            raise Denied("you have no role here; ask whoever runs Hilum")
        return Known(login=login, name=str(claims.get(own.name_claim) or login)[:100], role=role)

    def _session(self, back: str) -> OAuth2Session:
        own = self.provider
        return OAuth2Session(
            own.client_id,
            own.client_secret,
            scope=own.scope,
            redirect_uri=back,
            code_challenge_method="S256",
        )

    def configuration(self) -> dict[str, Any]:
        """Return what the provider says of itself (OpenID Connect Discovery 1.0).

        Raises:
            Transient: it can't be reached, or calls itself by another name.
        """
        found = self._fetched(f"{self.provider.issuer.rstrip('/')}/.well-known/openid-configuration")
        if found.get("issuer") != self.provider.issuer:
            raise Transient("the identity provider calls itself by another name than oidc.issuer")
        return found

    def _fetched(self, address: str) -> dict[str, Any]:
        kept = self._kept.get(address)
        if kept is not None and kept[0] > time.monotonic():
            return kept[1]
        try:
            answer = requests.get(address, timeout=_TIMEOUT_S)
            answer.raise_for_status()
            found: dict[str, Any] = answer.json()
        except requests.exceptions.SSLError as error:
            raise Transient("no connection by TLS to the identity provider, its certificate is refused") from error
        except (requests.RequestException, ValueError) as error:
            raise Transient("the identity provider can't be reached") from error
        self._kept[address] = (time.monotonic() + _KEPT_SECONDS, found)
        return found


def routes(sign_on: SingleSignOn, accounts: Accounts, doorman: Doorman, paper: Paper, *, public_url: str) -> APIRouter:
    """Return what answers for logins by the provider.

    Args:
        sign_on: knows the provider.
        accounts: those of everybody who came this way.
        doorman: lets them in.
        paper: what pages are made of.
        public_url: what browsers call us; empty: as the request says.
    """
    router = APIRouter(include_in_schema=False)

    def back_of(request: Request) -> str:
        return f"{(public_url or str(request.base_url)).rstrip('/')}/login/sso/back"

    @router.get("/login/sso")
    def leave(request: Request, next: str = "/") -> Response:  # noqa: A002 - the name in the address
        address, flow = sign_on.begin(safe_path(next), back_of(request))
        answer = RedirectResponse(address, _SEE_OTHER)
        answer.set_cookie(
            _COOKIE,
            flow.written(),
            max_age=_MINUTES * 60,
            httponly=True,
            secure=doorman.is_secure,
            samesite="lax",
            path="/login/sso",
        )
        return answer

    @router.get("/login/sso/back")
    def come_back(request: Request, state: str = "", code: str = "") -> Response:
        try:
            flow = Flow.read(request.cookies.get(_COOKIE, ""))
            known = sign_on.finish(flow, state, code, back_of(request))
            account = _entered(accounts, known)
        except Denied as refusal:
            _tell(request, doorman, None)
            page = paper.page(request, "message.html", status=403, headline="Not logged in", text=str(refusal))
            page.delete_cookie(_COOKIE, path="/login/sso")
            return page
        _tell(request, doorman, account)
        answer = RedirectResponse(flow.next, _SEE_OTHER)
        answer.delete_cookie(_COOKIE, path="/login/sso")
        doorman.let_in(answer, account)
        return answer

    return router


def _entered(accounts: Accounts, known: Known) -> Account:
    try:
        account = accounts.enter(login=known.login, name=known.name, role=known.role)
    except BadAccount as error:
        raise Denied(str(error)) from error
    if account.is_disabled:
        raise Denied("your account is disabled")
    return account


def _tell(request: Request, doorman: Doorman, account: Account | None) -> None:
    doorman.trail.record(
        AuditEvent(
            actor="unknown" if account is None else account.login,
            role="" if account is None else account.role,
            action=AuditAction.LOGIN,
            outcome=AuditOutcome.DENIED if account is None else AuditOutcome.SUCCESS,
            address=address_of(request),
        )
    )
