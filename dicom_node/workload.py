"""What the processes of the node know of each other: how many senders each serves, and whether it is well."""

from __future__ import annotations

import mmap
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_BYTES = 4
_BYTES_OF_A_TIME = 8


class Workload:
    """Shared memory of numbers by process; made before the processes are forked.

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
        self._turns = memoryview(mmap.mmap(-1, processes * _BYTES_OF_A_TIME)).cast("d")
        """When each process last looked for callers, by the monotonic clock; 0: it takes no films yet."""
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
        self._turns[process] = 0.0

    def turn(self) -> None:
        """Say that this process takes films, and looks for callers."""
        self._turns[self._own] = time.monotonic()

    def are_open(self) -> bool:
        """Whether all processes take films."""
        return all(self._turns)

    def longest_seconds(self) -> float:
        """Return how long ago it is that the slowest process that takes films looked for callers."""
        return max((time.monotonic() - turn for turn in self._turns if turn), default=0.0)

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
