"""A RIS that sends final reports by MLLP, and what it sends."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from tests.ris_peer import END, START

SECRET_NAME, SECRET_ID = "Sekret^Maria", "SECRET-7"
"""What must be in no log."""


def report(
    *observations: str,
    study: str = "",
    accession: str = "A1",
    patient: str = "P1",
    control: str = "M1",
    status: str = "F",
    at: str = "20260105101500+0000",
    header: str = "",
) -> bytes:
    """Return an ORU^R01 with these observations; an observation without a bar is a line of text."""
    msh = header or f"MSH|^~\\&|RIS|HOSP|HILUM||{at}||ORU^R01|{control}|P|2.3.1||||||UNICODE UTF-8"
    lines = [one if "|" in one else f"OBX||TX|RPT^Report||{one}||||||F" for one in observations]
    if study:
        lines.append(f"OBX||ST|113014^DICOM Study^DCM||{study}||||||F")
    obr = f"OBR|1||{accession}|71020^Chest^L||||||||||||||{accession}||||{at}|||{status}"
    return "\r".join([msh, f"PID|1||{patient}^^^H||{SECRET_NAME}", obr, *lines, ""]).encode()


@dataclass
class Conversation:
    """A connection to whoever takes reports."""

    connection: socket.socket

    def send(self, *messages: bytes) -> None:
        """Send messages at once."""
        self.connection.sendall(b"".join(START + message + END for message in messages))

    def hear(self) -> str:
        """Return the next acknowledgement, as its MSA segment."""
        received = b""
        while not received.endswith(END):
            piece = self.connection.recv(1)
            if not piece:
                return ""
            received += piece
        return next(line for line in received.removeprefix(START).decode().split("\r") if line.startswith("MSA"))

    def ask(self, message: bytes) -> str:
        """Send a message and return the acknowledgement's code."""
        self.send(message)
        return self.hear().split("|")[1]


@contextmanager
def conversation(port: int) -> Iterator[Conversation]:
    """Connect for the block."""
    with socket.create_connection(("127.0.0.1", port), 30) as connection:
        yield Conversation(connection)


def tell(port: int, message: bytes) -> str:
    """Send one message on a connection of its own; return the acknowledgement's code."""
    with conversation(port) as talk:
        return talk.ask(message)
