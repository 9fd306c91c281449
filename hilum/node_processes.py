"""The node's processes: one that listens and keeps the others alive, and those that receive."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING, cast

from domain.errors import Misconfigured, Transient
from hilum import bootstrap, metrics, reception, stopping
from hilum.self_check import SelfCheck
from hilum.watchdog import watchdog

if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from types import ModuleType

    from dicom_node.receiver import Listener, Node, Sockets
    from dicom_node.workload import Workload
    from hilum.metrics import NodeWindow, Shown
    from hilum.settings import Settings
    from hilum.watchdog import Watchdog
    from worker.events import Events

_MOST_BY_DEFAULT = 4
_CHECK_SECONDS = 0.2
_PAUSE_SECONDS = 1.0
_STOP_PATIENCE_SECONDS = 20.0
_RECONCILIATION_PAUSE_SECONDS = 10.0
_ECHO_SECONDS = 15.0
_MISCONFIGURED = 2
_FOR_TRACES = ("requests",)


def run(settings: Settings, *, supervised: bool) -> None:
    """Receive films until told to stop.

    The socket belongs to this process, so that connections wait, and are not refused, while a receiving process is
    started again. It listens before the log and the database are loaded: a modality that tests the connection is
    answered at once.

    Raises:
        Misconfigured: the address can't be listened on, or the database has another schema.
    """
    _leave_out(_FOR_TRACES if settings.traces.endpoint else ())
    listener = reception.listener(settings)
    from dicom_node.receiver import listen
    from dicom_node.workload import Workload

    count = receiving(settings)
    sockets = listen(listener)
    watched = watchdog()
    if watched.is_there:
        from dicom_node.self_echo import with_ourselves

        listener = with_ourselves(listener, sockets)
    workload = Workload(count, len(listener.access.callers) + 1)
    window = metrics.NodeWindow(settings, workload)
    receivers = _Receivers(settings, listener, sockets, workload, window)
    receivers.start()
    stop = stopping.on_signals()
    if supervised:
        stopping.with_parent(stop)
    try:
        from hilum import log

        events = log.start(settings.log, role="node", tell=receivers.tell)
        senders = [peer.ae_title for peer in settings.senders] or "any calling AE title"
        events.info(
            "node-listening", host=settings.node.host, port=sockets.plain.getsockname()[1], senders=senders, count=count
        )
        window.tell(events)
        receivers.keep(events, stop, watched)
    finally:
        watched.stopping()
        receivers.stop()
        sockets.close()
        window.close()
    events.info("node-stopped")


def receiving(settings: Settings) -> int:
    """Return how many processes receive."""
    return settings.node.processes or min(os.cpu_count() or 1, _MOST_BY_DEFAULT)


class _Receivers:
    """The receiving processes."""

    def __init__(
        self, settings: Settings, listener: Listener, sockets: Sockets, workload: Workload, window: NodeWindow
    ) -> None:
        self._settings = settings
        self._listener = listener
        self._sockets = sockets
        self._workload = workload
        self._window = window
        self._running: dict[int, int] = {}
        """Number of the process by its pid."""

    def start(self) -> None:
        for number in range(self._workload.processes):
            self._start(number)

    def keep(self, events: Events, stop: threading.Event, watched: Watchdog) -> None:
        """Start again what dies, and tell the watchdog how all are, until told to stop.

        Raises:
            Misconfigured: a process found that the installation is wrong.
        """
        check = SelfCheck(watched, self._is_answered)
        try:
            while not stop.wait(_CHECK_SECONDS):
                self._tend(events, stop)
                if check.turn(events):
                    self._tell(watched, events)
        finally:
            check.stop()

    def _is_answered(self) -> bool:
        from dicom_node.self_echo import doors, is_answered

        return all(is_answered(door, timeout_s=_ECHO_SECONDS) for door in doors(self._listener, self._sockets))

    def _tell(self, watched: Watchdog, events: Events) -> None:
        """Tell the watchdog that a C-ECHO was answered, unless a process hangs: another may have answered."""
        count = self._workload.processes
        if not watched.is_ready and not self._workload.are_open():
            watched.waits("listening; waiting for the database and the store")
        elif watched.seconds and self._workload.longest_seconds() > watched.interval:
            events.warning("self-check-failed", reason="a receiving process hangs")
        else:
            watched.turned(f"listening on port {self._sockets.plain.getsockname()[1]}, {count} receiving processes")

    def _tend(self, events: Events, stop: threading.Event) -> None:
        for pid, number in list(self._running.items()):
            done, status = os.waitpid(pid, os.WNOHANG)
            if done:
                self._ended(pid, number, os.waitstatus_to_exitcode(status), events, stop)

    def tell(self, number: int) -> None:
        """Send all a signal."""
        for pid in list(self._running):
            with suppress(ProcessLookupError):
                os.kill(pid, number)

    def stop(self) -> None:
        """End all: ask first."""
        for pid in self._running:
            os.kill(pid, signal.SIGTERM)
        deadline = time.monotonic() + _STOP_PATIENCE_SECONDS
        while self._running and time.monotonic() < deadline:
            self._reap()
            time.sleep(0.02)
        for pid in self._running:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
        self._running.clear()

    def _reap(self) -> None:
        for pid in list(self._running):
            if os.waitpid(pid, os.WNOHANG)[0]:
                del self._running[pid]

    def _ended(self, pid: int, number: int, status: int, events: Events, stop: threading.Event) -> None:
        del self._running[pid]
        if status == _MISCONFIGURED:
            sys.exit(_MISCONFIGURED)  # it has said why
        events.error("process-died", process=f"node {number}", status=status, seconds=_PAUSE_SECONDS)
        self._workload.clear(number)
        if not stop.wait(_PAUSE_SECONDS):
            self._start(number)

    def _start(self, number: int) -> None:
        pid = os.fork()
        if pid == 0:
            os._exit(self._live(number))
        self._running[pid] = number

    def _live(self, number: int) -> int:
        """Live the life of a receiving process; return its exit status."""
        try:
            self._receive(number)
        except Misconfigured as error:
            sys.stderr.write(f"hilum: {error}\n")
            return _MISCONFIGURED
        except Exception as error:  # noqa: BLE001 - the process ends, and its parent starts another
            sys.stderr.write(f"hilum: {type(error).__name__}\n")
            return 1
        return 0

    def _receive(self, number: int) -> None:
        from dicom_node.receiver import Node

        settings, stop = self._settings, stopping.on_signals()
        stopping.with_parent(stop)
        self._workload.join(number)
        shown = self._window.join(number)
        with metrics.traced(settings, "node") as tracer:
            node = Node(self._listener, self._sockets, self._workload, shown.meters, tracer)
            self._serve(node, number, stop, shown)

    def _serve(self, node: Node, number: int, stop: threading.Event, shown: Shown) -> None:
        settings = self._settings
        node.start()
        try:
            from hilum import log

            events = log.start(settings.log, role="node")
            with bootstrap.database(settings, role="node") as engine:
                if bootstrap.wait_for_schema(engine, events, stop):
                    reconcile = reception.open_storage(node, settings, engine, events)
                    events.info("node-ready", port=self._sockets.plain.getsockname()[1], process=number)
                    shown.is_ready.set()
                    if number == 0:
                        _reconcile(reconcile, events, stop)
                    stop.wait()
                node.stop()
        finally:
            node.stop()


def _reconcile(reconcile: Callable[[threading.Event], int], events: Events, stop: threading.Event) -> None:
    """Bring spool and database together, as soon as both are there."""
    while not stop.is_set():
        try:
            reconcile(stop)
        except (Transient, OSError) as error:
            events.warning("reconciliation-interrupted", error=type(error).__name__)
            stop.wait(_RECONCILIATION_PAUSE_SECONDS)
        else:
            events.info("reconciled")
            return


def _leave_out(but: Collection[str]) -> None:
    """Keep pydicom from loading what only decoding needs: the node never looks at pixels, and starts sooner so."""
    for module in {"PIL", "imagecodecs", "jpeg_ls", "openjpeg", "pylibjpeg", "requests"}.difference(but):
        sys.modules.setdefault(module, cast("ModuleType", None))
