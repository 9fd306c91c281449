"""What the long-running processes do from start to stop."""

from __future__ import annotations

import sys
import threading
from typing import TYPE_CHECKING, cast

from hilum import bootstrap, stopping

if TYPE_CHECKING:
    from types import ModuleType

    from hilum.settings import Settings


def run_node(settings: Settings, *, supervised: bool) -> None:
    """Receive films until told to stop.

    It listens before the log and the database are loaded: a modality that tests the connection is answered at once.

    Raises:
        Misconfigured: the address can't be listened on, or the database has another schema.
    """
    _leave_decoders_out()
    stop = _stop(supervised=supervised)
    node = bootstrap.node(settings)
    port = node.start()
    try:
        from hilum import log

        events = log.start(settings.log, role="node")
        senders = [peer.ae_title for peer in settings.senders] or "any calling AE title"
        events.info("node-listening", host=settings.node.host, port=port, senders=senders)
        with bootstrap.database(settings, role="node") as engine:
            if bootstrap.wait_for_schema(engine, events, stop):
                bootstrap.open_storage(node, settings, engine, events)
                events.info("node-ready", port=port)
                stop.wait()
            node.stop()
    finally:
        node.stop()
    events.info("node-stopped")


def run_worker(settings: Settings, *, supervised: bool) -> None:
    """Classify studies and deliver reports until told to stop; the work in hand is finished first.

    Raises:
        Misconfigured: the model is damaged, or the database has another schema.
    """
    from hilum import log

    stop = _stop(supervised=supervised)
    events = log.start(settings.log, role="worker")
    with bootstrap.database(settings, role="worker") as engine:
        if bootstrap.wait_for_schema(engine, events, stop):
            bootstrap.work(settings, engine, events, stop)
    events.info("worker-stopped")


def _leave_decoders_out() -> None:
    """Keep pydicom from loading what only decoding needs: the node never looks at pixels, and starts sooner so."""
    for module in ("PIL", "gdcm", "jpeg_ls", "openjpeg", "pylibjpeg", "requests", "rle"):
        sys.modules.setdefault(module, cast("ModuleType", None))


def _stop(*, supervised: bool) -> threading.Event:
    stop = stopping.on_signals()
    if supervised:
        stopping.with_parent(stop)
    return stop
