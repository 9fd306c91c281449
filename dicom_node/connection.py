"""A connected socket as the upper layer needs it: whole reads with a time limit, also over TLS."""

from __future__ import annotations

import select
import socket
import ssl
import struct
import time

from pynetdicom.transport import AssociationSocket

CLOSED = "Evt17"
"""Of the state machine: the connection is closed (PS3.8 Section 9.2.3)."""


class Connection(AssociationSocket):
    """A connected socket; reads are whole or fail, and take no longer than the DIMSE timeout."""

    socket: socket.socket | None
    _seconds: float | None = None

    def set_timeout(self, seconds: float | None) -> None:
        """Let every read and write of whole values take no longer than this.

        A plain socket leaves that to the kernel, which saves a system call for each read.
        """
        self._seconds = seconds
        own = self.socket
        if own is None:
            return
        if isinstance(own, ssl.SSLSocket):
            own.settimeout(seconds)
            return
        own.settimeout(None)
        whole, fraction = divmod(seconds or 0.0, 1)
        interval = struct.pack("@ll", int(whole), int(fraction * 1e6))
        own.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, interval)
        own.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, interval)

    def read_into(self, view: memoryview) -> bool:
        """Fill the view; say whether the peer sent so much before it closed.

        Raises:
            OSError: the connection broke, or the time was up.
        """
        own = self.socket
        if own is None:
            return False
        is_plain = not isinstance(own, ssl.SSLSocket)
        begun = time.monotonic()
        while view:
            count = own.recv_into(view, 0, socket.MSG_WAITALL) if is_plain else own.recv_into(view)
            if not count:
                return False
            view = view[count:]
            # A read is short at the end of its time, or when the process was stopped for a moment.
            if view and self._seconds is not None and time.monotonic() - begun >= self._seconds:
                raise TimeoutError
        return True

    def has_pending(self) -> bool:
        """Whether bytes were decrypted already that a poll of the descriptor does not see."""
        return isinstance(self.socket, ssl.SSLSocket) and bool(self.socket.pending())

    @property
    def ready(self) -> bool:
        """Whether there is something to read; unlike the original it takes any number of descriptors."""
        own = self.socket
        if own is None or not self._is_connected:
            return False
        if self.has_pending():
            return True
        try:
            poll = select.poll()
            poll.register(own, select.POLLIN)
            return bool(poll.poll(0))
        except (OSError, ValueError):
            self.event_queue.put(CLOSED)
            return False
