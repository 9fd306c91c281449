"""A process that works for this one, with a socket to it; what it sends back is data, never code."""

from __future__ import annotations

import signal
import socket
import subprocess
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING

from domain.errors import Crashed
from worker.developer import QUIT

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_START_SECONDS = 60.0
_LONGEST_REPLY_BYTES = 16 * 1024 * 1024
"""A plate of 2800 rows and columns."""
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
"""The processes share the cores; none of them needs more than one."""


class Child:
    """One process and the socket to it: `ask` sends it a request and returns the two parts of its reply."""

    def __init__(
        self, command: Sequence[str], greeting: bytes, environment: Mapping[str, str], *, work: str = "decoding a film"
    ) -> None:
        """Start it and wait until it is ready.

        Args:
            command: what starts it; the number of its socket is added.
            greeting: the first that it is sent; what it answers is kept as `welcome`.
            environment: the variables it gets.
            work: what it is for, to be named when it fails.

        Raises:
            OSError, EOFError: it does not start.
        """
        self._work = work
        ours, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(
                [*command, str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,  # what a library says of a film may quote a patient's data
                start_new_session=True,  # Ctrl-C is for the worker, which ends it
                env=environment,
            )
        self._socket = Connection(ours.detach())
        try:
            self._socket.send_bytes(greeting)
            if not self._socket.poll(_START_SECONDS):
                self._process.kill()  # which ends what is waited for
            self.welcome = self._socket.recv_bytes(_LONGEST_REPLY_BYTES)
        except (OSError, EOFError):
            self.end()
            raise

    def is_dead(self) -> bool:
        """Whether it ended while nobody asked it anything."""
        return self._process.poll() is not None

    def ask(self, request: bytes, seconds: float) -> tuple[bytes, bytes]:
        """Return the two parts of the reply.

        Raises:
            Crashed: it ended, or took too long; it is of no use any more.
        """
        try:
            self._socket.send_bytes(request)
            if not self._socket.poll(seconds):
                raise Crashed(f"{self._work} took longer than {seconds:.0f} seconds")
            return self._socket.recv_bytes(_LONGEST_REPLY_BYTES), self._socket.recv_bytes(_LONGEST_REPLY_BYTES)
        except (OSError, EOFError) as error:
            raise Crashed(f"{self._work} ended its process ({self._how()})") from error

    def quit(self) -> None:
        """Let it end by itself; it is killed if it does not."""
        try:
            self._socket.send_bytes(QUIT)
            self._process.wait(1.0)
        except (OSError, subprocess.TimeoutExpired):
            pass
        self.end()

    def kill(self) -> None:
        """Kill it, if it lives: whoever asks it gets `Crashed`, and is to `end` it."""
        self._process.kill()

    def end(self) -> None:
        """Kill it, if it lives, and let go of it."""
        self._process.kill()
        self._process.wait()
        self._socket.close()

    def _how(self) -> str:
        try:
            status = self._process.wait(1.0)
        except subprocess.TimeoutExpired:
            return "it closed its socket"
        if status >= 0:
            return f"exit status {status}"
        return signal.strsignal(-status) or f"signal {-status}"
