"""The process of a shadow: `python -m hilum.shadow_process SOCKET`, started by a worker and by nobody else."""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path

from dicom_node.films import SpoolFilms
from dicom_node.store import StoreAddress, open_store
from domain.errors import Misconfigured
from domain.shadow import Appointment
from hilum.developer_process import PreparedFilms, limit_memory
from models.classifier import NetworkClassifier
from models.onnx_runtime import OnnxRuntime
from models.registry import Registry
from worker.understudy import refusal, serve

_LOWEST = 19
_WATCH_SECONDS = 1.0


def main() -> None:
    """Look at studies for the worker at the other end of the socket, with the time that nobody else wants."""
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1, signal.SIGUSR2):  # the worker ends us
        signal.signal(number, signal.SIG_IGN)
    _give_way()
    threading.Thread(target=_end_with, args=(os.getppid(),), daemon=True).start()
    connection = Connection(int(sys.argv[1]))
    greeting = json.loads(connection.recv_bytes())
    try:
        package = Registry(Path(greeting["networks"])).load_shadow(Appointment(*greeting["appointment"]))
        network = NetworkClassifier(package, OnnxRuntime(package, threads=1))
    except Misconfigured as error:
        connection.send_bytes(refusal(error))
        return
    store = open_store(StoreAddress(**greeting["store"]), for_reading=True)
    store.warm()  # before the limit: its own memory is none of a study's, nor is that of the network
    limit_memory(greeting["megabytes"])
    serve(connection, network, PreparedFilms(SpoolFilms(store)))
    store.close()


def _give_way() -> None:
    """Run only where a core is idle, as far as the system can do that."""
    with suppress(OSError):
        os.nice(_LOWEST)
    if hasattr(os, "SCHED_IDLE"):
        with suppress(OSError):
            os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))


def _end_with(parent: int) -> None:
    """End when the worker is gone, also in the midst of a computation that has no end."""
    while os.getppid() == parent:
        time.sleep(_WATCH_SECONDS)
    os._exit(1)


if __name__ == "__main__":
    main()
