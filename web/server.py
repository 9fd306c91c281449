"""Serves the application over HTTP or HTTPS until told to stop."""

from __future__ import annotations

import http.client
import socket
import ssl
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import uvicorn

from domain.errors import Misconfigured
from web.watch import LIVE

if TYPE_CHECKING:
    from pathlib import Path

_CHECK_SECONDS = 0.5
_STOP_SECONDS = 20
_BACKLOG = 128


@dataclass(frozen=True, kw_only=True, slots=True)
class Address:
    """Where the server listens."""

    host: str
    port: int
    """0: any free port."""
    certificate: Path | None = None
    """A PEM file; without it the server speaks plain HTTP."""
    key: Path | None = None


def listen(address: Address) -> socket.socket:
    """Return a listening socket.

    Raises:
        Misconfigured: the address can't be listened on.
    """
    try:
        family, _, _, _, place = socket.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM)[0]
        own = socket.socket(family, socket.SOCK_STREAM)
        own.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        own.bind(place)
        own.listen(_BACKLOG)
    except OSError as error:
        raise Misconfigured(
            f"can't listen on {address.host}:{address.port}: {error.strerror}; choose another web.host or web.port, "
            "or stop what uses it"
        ) from error
    return own


def is_live(own: socket.socket, *, timeout_s: float, is_secure: bool) -> bool:
    """Ask the server behind our listening socket, as a browser would, whether it lives.

    Raises:
        OSError, http.client.HTTPException: there is no answer, or none in time.
    """
    host, port = own.getsockname()[:2]
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - where it listens
    if is_secure:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False  # it may be named otherwise, and it is ourselves that we ask
        context.verify_mode = ssl.CERT_NONE
        connection: http.client.HTTPConnection = http.client.HTTPSConnection(
            host, port, timeout=timeout_s, context=context
        )
    else:
        connection = http.client.HTTPConnection(host, port, timeout=timeout_s)
    try:
        connection.request("GET", LIVE)
        return connection.getresponse().status == http.client.OK
    finally:
        connection.close()


def serve(app: Any, own: socket.socket, address: Address, stop: threading.Event) -> None:  # noqa: ANN401 - an ASGI app
    """Serve until `stop` is set; what is being answered is finished first.

    Raises:
        Misconfigured: a file for TLS can't be used.
    """
    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=True,
        lifespan="off",
        timeout_graceful_shutdown=_STOP_SECONDS,
        ssl_certfile=address.certificate,
        ssl_keyfile=address.key,
    )
    try:
        config.load()
    except (OSError, ssl.SSLError) as error:
        raise Misconfigured(f"web.tls_certificate and web.tls_key can't be used: {error.strerror or error}") from error
    if config.ssl is not None:
        config.ssl.minimum_version = ssl.TLSVersion.TLSv1_2
    app.state.stopping = stop  # what goes on telling ends itself then
    server = uvicorn.Server(config)
    # In a thread of its own it leaves the signals to us.
    thread = threading.Thread(target=server.run, kwargs={"sockets": [own]}, name="web", daemon=True)
    thread.start()
    while thread.is_alive() and not stop.wait(_CHECK_SECONDS):
        pass
    server.should_exit = True
    thread.join()
