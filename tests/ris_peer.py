"""An information system that takes messages by MLLP on a loopback port, and answers what a test wants."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

START, END = b"\x0b", b"\x1c\r"
Answer = Callable[[bytes], bytes | None]
"""Makes the bytes that go back, frame included; None: silence until the peer hangs up."""


def control_id(message: bytes) -> str:
    """Return MSH-10."""
    return message.split(b"\r")[0].split(b"|")[9].decode()


def acknowledgement(code: str, text: str = "", *, about: str | None = None) -> Answer:
    """Answer with an acknowledgement, of the message itself or of another."""

    def answer(message: bytes) -> bytes:
        msa = f"MSA|{code}|{about or control_id(message)}" + (f"|{text}" if text else "")
        return START + f"MSH|^~\\&|RIS|HOSP|HILUM||20260102||ACK^R01^ACK|7|P|2.5.1\r{msa}\r".encode() + END

    return answer


def silence(_: bytes) -> None:
    """Say nothing."""


def said(content: bytes) -> Answer:
    """Answer with these bytes."""
    return lambda _: content


@dataclass
class FakeRis:
    """Takes one message for each connection and answers by a script; the last answer is given for ever."""

    script: Sequence[Answer] = (acknowledgement("AA"),)
    context: ssl.SSLContext | None = None
    heard: list[bytes] = field(default_factory=list)
    _ended: threading.Event = field(default_factory=threading.Event)

    def serve(self, listening: socket.socket) -> None:
        """Serve one caller after the other."""
        while not self._ended.is_set():
            try:
                connection, _ = listening.accept()
            except OSError:
                return
            with connection:
                connection.settimeout(10)
                try:
                    self._take(connection if self.context is None else self._secured(connection))
                except OSError:
                    continue

    def _secured(self, connection: socket.socket) -> socket.socket:
        assert self.context is not None
        return self.context.wrap_socket(connection, server_side=True)

    def _take(self, connection: socket.socket) -> None:
        received = b""
        while not received.endswith(END):
            piece = connection.recv(65536)
            if not piece:
                return
            received += piece
        message = received[len(START) : -len(END)]
        answer = self.script[min(len(self.heard), len(self.script) - 1)]
        self.heard.append(message)
        reply = answer(message)
        if reply is None:
            connection.recv(1)  # until the caller hangs up
        else:
            connection.sendall(reply)
        connection.close()


@contextmanager
def listening(ris: FakeRis, port: int = 0) -> Iterator[int]:
    """Let it listen, and yield the port."""
    with socket.create_server(("127.0.0.1", port)) as server:
        thread = threading.Thread(target=ris.serve, args=(server,), daemon=True)
        thread.start()
        try:
            yield server.getsockname()[1]
        finally:
            ris._ended.set()
            server.shutdown(socket.SHUT_RDWR)
            thread.join()
