"""A service manager's end of the line: a real datagram socket, and what processes say on it."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.peers import wait_for

_LONGEST_DATAGRAM = 4096


@dataclass
class ServiceManager:
    """Hears what a process says, and tells it how long the watchdog waits."""

    own: socket.socket
    address: str
    heard: list[str] = field(default_factory=list)
    """All lines so far."""

    def environment(self, *, seconds: float) -> dict[str, str]:
        """Return what a process is started with."""
        return {"NOTIFY_SOCKET": self.address, "WATCHDOG_USEC": str(round(seconds * 1e6))}

    def count(self, line: str) -> int:
        """Return how often a line was heard."""
        self._listen()
        return self.heard.count(line)

    def wait_for(self, line: str, *, times: int = 1) -> None:
        """Wait until a line was heard so often."""
        wait_for(lambda: self.count(line) >= times)

    def statuses(self) -> list[str]:
        """Return what it said that it does, in order."""
        self._listen()
        return [line.removeprefix("STATUS=") for line in self.heard if line.startswith("STATUS=")]

    def _listen(self) -> None:
        while True:
            try:
                self.heard += self.own.recv(_LONGEST_DATAGRAM).decode().splitlines()
            except BlockingIOError:
                return


@contextmanager
def service_manager(folder: Path) -> Iterator[ServiceManager]:
    """Listen on a socket in a folder for the block."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as own:
        address = str(folder / "notify")
        own.bind(address)
        own.setblocking(False)  # noqa: FBT003 - the library's own argument
        yield ServiceManager(own=own, address=address)
