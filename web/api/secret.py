"""The secret that a program shows, and what is kept of it."""

from __future__ import annotations

import hashlib
import secrets
from typing import Final

_BYTES: Final = 32
_PREFIX: Final = "hilum_"
"""By which whoever finds one in a log or a repository knows what it is."""


def new_token() -> tuple[str, str]:
    """Return a new token and what is kept of it."""
    token = f"{_PREFIX}{secrets.token_urlsafe(_BYTES)}"
    return token, digest_of(token)


def digest_of(token: str) -> str:
    """Return the SHA-256 of a token in hexadecimal; of 256 random bits that is as good as a slow hash."""
    return hashlib.sha256(token.encode()).hexdigest()
