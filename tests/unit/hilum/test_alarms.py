"""Who is told that urgent results reach nobody, by real servers on loopback ports."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
from pydantic import SecretStr

from domain.alarm import Overdue
from domain.errors import Transient
from domain.ids import DeliveryId
from hilum.alarms import Alarms
from hilum.work_settings import Alarm
from tests.peers import free_port

OVERDUE = Overdue(
    untold=(DeliveryId(7),), count=3, peers=("archive", "pacs"), waiting_for=("archive", "pacs"), oldest_seconds=754.2
)


def tell(**settings: Any) -> None:  # noqa: ANN401 - settings
    Alarms(settings=Alarm(**settings), station="HILUM").tell(OVERDUE)


@contextmanager
def webhook(status: int = 204) -> Iterator[tuple[str, list[Any]]]:
    """A server that takes JSON."""
    heard: list[Any] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            heard.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(status)
            self.end_headers()

        def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 - as the original has it
            del format, arguments

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/hook", heard
        finally:
            server.shutdown()
            thread.join()


@contextmanager
def mail_server(last: bytes = b"250 ok") -> Iterator[tuple[int, list[str]]]:
    """A server that speaks as much SMTP as a client needs (RFC 5321), and keeps what it is told."""
    heard: list[str] = []

    def serve(listening: socket.socket) -> None:
        connection, _ = listening.accept()
        with connection, connection.makefile("rwb") as stream:
            stream.write(b"220 mail\r\n")
            stream.flush()
            in_data = False
            for line in stream:
                heard.append(line.decode().rstrip())
                if in_data and line != b".\r\n":
                    continue
                answer = b"250 ok" if not in_data else last
                in_data = line.upper().startswith(b"DATA")
                answer = b"354 go on" if in_data else answer
                stream.write((b"221 bye" if line.upper().startswith(b"QUIT") else answer) + b"\r\n")
                stream.flush()

    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=serve, args=(listening,), daemon=True)
        thread.start()
        yield listening.getsockname()[1], heard
        thread.join(10)


def test_without_settings_the_log_is_all() -> None:
    """Nobody is called."""
    tell()


def test_a_webhook_gets_counts_and_peers() -> None:
    """And nothing of a patient or a study."""
    with webhook() as (url, heard):
        tell(webhook=SecretStr(url))
    assert heard == [
        {
            "event": "urgent-results-undelivered",
            "station": "HILUM",
            "count": 3,
            "new": 1,
            "peers": ["archive", "pacs"],
            "oldest_seconds": 754,
        }
    ]


def test_a_webhook_that_refuses_is_told_again_later() -> None:
    """The message names its status, and not its address, which may hold a key."""
    with webhook(500) as (url, _), pytest.raises(Transient, match="answered 500") as problem:
        tell(webhook=SecretStr(url))
    assert "127.0.0.1" not in str(problem.value)


def test_a_webhook_that_is_away_is_told_again_later() -> None:
    """So is one that nobody answers for."""
    with pytest.raises(Transient, match="can't be reached"):
        tell(webhook=SecretStr(f"http://127.0.0.1:{free_port()}/"))


def test_a_mail_says_how_many_and_where() -> None:
    """To everybody in the settings."""
    with mail_server() as (port, heard):
        tell(smtp_port=port, mail_to=("it@example.org", "duty@example.org"))
    assert "Subject: HILUM: 3 urgent results reach nobody" in heard
    assert "3 urgent results have not been taken by: archive, pacs." in heard
    assert [line for line in heard if line.lower().startswith("rcpt")] == [
        "rcpt TO:<it@example.org>",
        "rcpt TO:<duty@example.org>",
    ]


def test_a_mail_that_is_not_taken_is_sent_again_later() -> None:
    """Whatever the server's reason."""
    with mail_server(b"554 no") as (port, _), pytest.raises(Transient, match="can't be sent"):
        tell(smtp_port=port, mail_to=("it@example.org",))
    with pytest.raises(Transient, match="can't be sent"):
        tell(smtp_port=free_port(), mail_to=("it@example.org",))
