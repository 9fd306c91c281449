"""How many senders each process of the node serves: shared memory, a row each."""

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

    def __init__(self, processes: int, callers: int) -> None:
        """Begin with nothing to do.

        Args:
            processes: how many there are.
            callers: how many kinds of callers are counted apart.
        """
        self.processes = processes
        self._columns = 1 + callers
        """Of each process: its connections, then its associations by caller."""
        self._numbers = memoryview(mmap.mmap(-1, processes * self._columns * _BYTES)).cast("i")
        self._own = 0
        self._lock = threading.Lock()

    def join(self, process: int) -> None:
        """Count for a process from now on."""
        self._own = process
        self.clear(process)

    def clear(self, process: int) -> None:
        """Forget the connections of a process that ended."""
        for column in range(self._columns):
            self._numbers[process * self._columns + column] = 0

    def own_connections(self) -> int:
        """Return the connections of this process."""
        return self._numbers[self._own * self._columns]

    def associations(self, caller: int | None = None) -> int:
        """Return the associations of a caller, or of all, in all processes."""
        if caller is not None:
            return sum(self._numbers[1 + caller :: self._columns])
        return sum(self._numbers) - sum(self._numbers[:: self._columns])

    def is_above_least(self) -> bool:
        """Whether another process has fewer connections."""
        return self.own_connections() > min(self._numbers[:: self._columns])

    @contextmanager
    def one_connection(self) -> Iterator[None]:
        """Count a connection for the block."""
        with self._counted(0):
            yield

    @contextmanager
    def one_association(self, caller: int) -> Iterator[None]:
        """Count an association of a caller for the block."""
        with self._counted(1 + caller):
            yield

    @contextmanager
    def _counted(self, column: int) -> Iterator[None]:
        place = self._own * self._columns + column
        with self._lock:
            self._numbers[place] += 1
        try:
            yield
        finally:
            with self._lock:
                self._numbers[place] -= 1
