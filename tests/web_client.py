"""A program that talks to the web server, with a token of its own."""

from __future__ import annotations

import hashlib
from typing import Any

import requests
from dicomweb_client import DICOMwebClient
from requests.auth import AuthBase

TOKEN = "a token that only a test knows"


def client_settings(*may: str, name: str = "PORTAL", token: str = TOKEN) -> dict[str, Any]:
    """Return the settings of a program."""
    return {"name": name, "token_sha256": hashlib.sha256(token.encode()).hexdigest(), "may": list(may)}


class _Bearer(AuthBase):
    def __init__(self, token: str) -> None:
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """Put the token on a request."""
        request.headers["Authorization"] = f"Bearer {self._token}"
        return request


def session(token: str = TOKEN) -> requests.Session:
    """Return a session that sends a token and goes through no proxy."""
    made = requests.Session()
    made.trust_env, made.auth = False, _Bearer(token)
    return made


def dicomweb(port: int, token: str = TOKEN) -> DICOMwebClient:
    """Return a client of the server's DICOMweb services."""
    return DICOMwebClient(f"http://127.0.0.1:{port}/dicom-web", session=session(token))
