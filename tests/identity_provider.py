"""An identity provider that vouches for whom the test says (OpenID Connect)."""

from __future__ import annotations

import hashlib
import time
from base64 import urlsafe_b64encode
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs

from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse, RedirectResponse
from joserfc import jwt
from joserfc.jwk import KeySet, RSAKey

CLIENT = "hilum"
SECRET = "between the two"


@dataclass
class IdentityProvider:
    """Asks nobody anything: whoever comes is this person."""

    claims: dict[str, Any] = field(default_factory=lambda: {"preferred_username": "maria", "name": "Maria M."})
    """Beside or instead of those that an honest provider gives."""
    issuer: str = ""
    signing: RSAKey = field(default_factory=lambda: RSAKey.generate_key(2048, {"kid": "one"}))
    published: RSAKey | None = None
    """None: the key that it signs with."""
    asked: dict[str, str] = field(default_factory=dict)

    def application(self) -> FastAPI:
        """Return the provider as an application."""
        app = FastAPI()
        app.get("/.well-known/openid-configuration")(self.describe)
        app.get("/authorize")(self.authorize)
        app.post("/token")(self.token)
        app.get("/keys")(self.keys)
        return app

    def describe(self) -> dict[str, str]:
        """Say where everything is."""
        return {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/keys",
        }

    def authorize(self, request: Request) -> Response:
        """Send the browser back with a code."""
        self.asked = dict(request.query_params)
        return RedirectResponse(f"{self.asked['redirect_uri']}?code=the-code&state={self.asked['state']}", 303)

    async def token(self, request: Request) -> Response:
        """Give the token for the code, to whoever knows the secret and the verifier."""
        given = {name: values[0] for name, values in parse_qs((await request.body()).decode()).items()}
        challenge = urlsafe_b64encode(hashlib.sha256(given["code_verifier"].encode()).digest()).rstrip(b"=").decode()
        if challenge != self.asked["code_challenge"] or given["code"] != "the-code":
            return JSONResponse({"error": "invalid_grant"}, status_code=400)
        now = int(time.time())
        honest = {"iss": self.issuer, "aud": CLIENT, "exp": now + 60, "iat": now, "nonce": self.asked["nonce"]}
        token = jwt.encode({"alg": "RS256", "kid": "one"}, {**honest, **self.claims}, self.signing)
        return JSONResponse({"access_token": "x", "token_type": "Bearer", "id_token": token})

    def keys(self) -> dict[str, Any]:
        """Publish the key."""
        return dict(KeySet([self.published or self.signing]).as_dict(private=False))
