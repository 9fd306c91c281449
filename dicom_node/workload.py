"""How many senders each process of the node serves: shared memory, two numbers each."""

from __future__ import annotations

import mmap
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_BYTES = 4


class Workload:
    """Numbers of connections and associations by process; made before the processes are forked.

    Each process writes only its own numbers, so that no lock is shared with a process that may be killed.
    """

    def __init__(self, processes: int) -> None:
        size = processes * _BYTES
        shared = memoryview(mmap.mmap(-1, 2 * size))
        self._connections = shared[:size].cast("I")
        self._associations = shared[size:].cast("I")
        self._own = 0
        self._lock = threading.Lock()

    def join(self, process: int) -> None:
        """Count for a process from now on."""
        self._own = process
        self.clear(process)

    def clear(self, process: int) -> None:
        """Forget the connections of a process that ended."""
        self._connections[process] = 0
        self._associations[process] = 0

    def associations(self) -> int:
        """Return the associations of all processes."""
        return sum(self._associations)

    def is_above_least(self) -> bool:
        """Whether another process has fewer connections."""
        return self._connections[self._own] > min(self._connections)

    @contextmanager
    def one_connection(self) -> Iterator[None]:
        """Count a connection for the block."""
        with self._counted(self._connections):
            yield

    @contextmanager
    def one_association(self) -> Iterator[None]:
        """Count an association for the block."""
        with self._counted(self._associations):
            yield

    @contextmanager
    def _counted(self, numbers: memoryview) -> Iterator[None]:
        with self._lock:
            numbers[self._own] += 1
        try:
            yield
        finally:
            with self._lock:
                numbers[self._own] -= 1
