"""What a process shows of its work to those who watch; where the settings name no port, nothing is counted."""

from __future__ import annotations

import os
import shutil
import socket
import tempfile
import threading
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from domain.measures import FREE_BYTES, NODE, OPEN_ASSOCIATIONS, RESERVE_BYTES, WORKER
from domain.meters import NO_METERS, Reading
from domain.traces import NO_TRACES
from hilum.metrics_settings import WORKER_PORTS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from dicom_node.workload import Workload
    from domain.meters import Meter, Meters
    from domain.traces import Tracer
    from hilum.settings import Settings
    from worker.events import Events

    Read = Callable[[], Iterable[Reading]]

_BACKLOG = 16
_MEGABYTE = 1_000_000
_SHARED_MEMORY = Path("/dev/shm")  # noqa: S108 - the folder in it has a name of its own, and is ours alone


@dataclass(frozen=True, kw_only=True)
class Shown:
    """Where a process counts, and says that it is ready for its work."""

    meters: Meters = NO_METERS
    is_ready: threading.Event = field(default_factory=threading.Event)


@contextmanager
def traced(settings: Settings, role: str) -> Iterator[Tracer]:
    """Tell of steps of studies for the block, where the settings say to whom.

    Raises:
        Misconfigured: what that needs is not installed.
    """
    if not settings.traces.endpoint:
        yield NO_TRACES
        return
    from hilum.spans import StudySpans

    spans = StudySpans(settings, role)
    try:
        yield spans
    finally:
        spans.close()


def show(settings: Settings, role: str, events: Events, read: Read = tuple, *, reads: tuple[Meter, ...] = ()) -> Shown:
    """Begin to show the figures of a process that has no others beside it.

    A port that is taken is told in the log, and the process works without: nobody waits for a film because of it.

    Args:
        settings: the settings.
        role: node, worker, scheduler or web.
        events: the log.
        read: looks values up when somebody asks; never raises.
        reads: what it looks up.
    """
    port: int = getattr(settings.metrics, f"{role}_port")
    if not port:
        return Shown()
    try:
        own = _first_free(settings.metrics.host, port, WORKER_PORTS if role == WORKER else 1)
    except OSError as error:
        _tell(events, settings, port, error)
        return Shown()
    from hilum.exporter import meters

    is_ready = threading.Event()
    return Shown(meters=meters(role, own, read, reads, is_ready), is_ready=is_ready)


def _memory() -> Path | None:
    """Return where files are in memory; None: nowhere, and the usual folder has to do.

    The library maps its files: on a disk that is full, a count would end the receiving process (SIGBUS).
    """
    return _SHARED_MEMORY if os.access(_SHARED_MEMORY, os.W_OK | os.X_OK) else None


class NodeWindow:
    """The figures of the node's receiving processes: each counts in a file, the first of them shows the sum.

    The socket and the folder belong to the process that keeps the others alive, so that nothing is counted twice or
    forgotten when one of them dies: its successor goes on counting where it ended.
    """

    def __init__(self, settings: Settings, workload: Workload) -> None:
        """Listen, where the settings say so."""
        self._settings = settings
        self._workload = workload
        self._own: socket.socket | None = None
        self._problem: OSError | None = None
        self._folder = Path()
        if not settings.metrics.node_port:
            return
        try:
            self._own = _listen(settings.metrics.host, settings.metrics.node_port)
            self._folder = Path(tempfile.mkdtemp(prefix="hilum-metrics-", dir=_memory()))
        except OSError as error:
            self._problem = error

    def tell(self, events: Events) -> None:
        """Tell if nothing can be shown."""
        if self._problem is not None:
            _tell(events, self._settings, self._settings.metrics.node_port, self._problem)

    def join(self, number: int) -> Shown:
        """Count in this receiving process; its number is known to no other one that runs."""
        if self._own is None or self._problem is not None:
            return Shown()
        from hilum.exporter import shared_meters, show_sum

        reads = (OPEN_ASSOCIATIONS, FREE_BYTES, RESERVE_BYTES)
        shown = Shown(meters=shared_meters(NODE, self._folder, number, reads))
        if number == 0:
            show_sum(self._own, self._folder, self._read, shown.is_ready)
        return shown

    def close(self) -> None:
        """Show nothing more."""
        if self._own is not None:
            self._own.close()
            shutil.rmtree(self._folder, ignore_errors=True)

    def _read(self) -> Iterator[Reading]:
        yield Reading(meter=OPEN_ASSOCIATIONS, value=self._workload.associations())
        yield from disk(self._settings)


def disk(settings: Settings) -> Iterator[Reading]:
    """Say how much of this host's spool is free, and what is kept in reserve."""
    spool = settings.spool
    try:
        # Before the node has made the spool, the disk is asked on which it will be.
        free = shutil.disk_usage(next(folder for folder in (spool, *spool.parents) if folder.exists())).free
    except OSError:
        return
    yield Reading(meter=FREE_BYTES, value=free)
    yield Reading(meter=RESERVE_BYTES, value=settings.node.reserve_megabytes * _MEGABYTE)


def _first_free(host: str, port: int, count: int) -> socket.socket:
    for later in range(1, count):
        with suppress(OSError):
            return _listen(host, port + later - 1)
    return _listen(host, port + count - 1)


def _listen(host: str, port: int) -> socket.socket:
    family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    own = socket.socket(family, socket.SOCK_STREAM)
    try:
        own.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        own.bind(address)
        own.listen(_BACKLOG)
    except OSError:
        own.close()
        raise
    return own


def _tell(events: Events, settings: Settings, port: int, error: OSError) -> None:
    events.error("metrics-not-shown", host=settings.metrics.host, port=port, reason=error.strerror or "no such address")
