"""Wires the worker: its lanes, its darkroom, its network, from start to stop."""

from __future__ import annotations

import os
import socket
import sys
import threading
import time
from dataclasses import asdict
from datetime import timedelta
from typing import TYPE_CHECKING

from hilum import bootstrap, machine, routing, stopping
from hilum.settings import environment_without_settings

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from db.engine import Engine
    from dicom_node.commitment import CommitmentSender
    from dicom_node.store import Store
    from domain.ports import Queue
    from domain.traces import Tracer
    from hilum.metrics import Shown
    from hilum.settings import Settings
    from hilum.watchdog import Watchdog
    from models.classifier import NetworkClassifier
    from worker.aftermath import Aftermath
    from worker.darkroom import Darkroom
    from worker.events import Events
    from worker.guard import Guard
    from worker.loop import Handler, Loop
    from worker.pipeline import Pipeline
    from worker.pulse import Pulse
    from worker.shadow import Shadowing

_STOP_SECONDS = 29.0
"""Whoever sent SIGTERM may kill after 30."""
_STOP_PATIENCE_SECONDS = 25.0
"""For what is at work."""
_LOADING_SECONDS = 900
"""Of a network, at most: for a GPU it is compiled, and the database may have used up the time planned for a start."""
_MESSAGES_SECONDS = 600.0
"""A job is at most a handful of messages to a DICOM peer, of 30 s patience each."""
_SHADOW_PATIENCE_SECONDS = 2.0
"""For its thread to give back what it was at, once its process is killed."""
_JOBS_AT_ONCE = 8
"""That a lane of deliveries or commitments claims together."""
_MOST_DECODERS, _MOST_DECODERS_BESIDE_A_GPU = 4, 16


def work(
    settings: Settings,
    engine: Engine,
    events: Events,
    stop: threading.Event,
    watchdog: Watchdog,
    shown: Shown,
    tracer: Tracer,
) -> None:
    """Run the lanes of a worker, a thread or a few each, until told to stop.

    Raises:
        Misconfigured: a lane found that the installation is wrong.
    """
    from db.queue import PostgresQueue
    from domain.jobs import CLASSIFY_LANE
    from worker import upkeep
    from worker.guard import Guard
    from worker.pulse import Pulse

    store = bootstrap.film_store(settings, for_reading=True)
    queue = PostgresQueue(engine)
    pulse = Pulse()

    def guard(lane: str) -> Guard:
        return Guard(lane=lane, queue=queue, events=events, stop=stop, pulse=pulse, meters=shown.meters, tracer=tracer)

    watchdog.waits("loading the network", _LOADING_SECONDS)
    darkroom = darkroom_of(settings, events)  # its processes start while the network is loaded
    network = bootstrap.classifier(settings)
    lanes: list[Pipeline | Loop] = [_pipeline(settings, engine, guard(CLASSIFY_LANE), network, darkroom)]
    darkroom.ready()
    threads = [_started(lanes[0])]
    events.info(
        "worker-ready",
        model=network.model.name,
        version=network.model.version,
        sha256=network.model.sha256,
        place=network.place,
        decoders=darkroom.size,
        peers=settings.told or "none: reports are kept in the database only",
    )
    status = f"working with {network.model.name} {network.model.version} on {network.place}"
    watchdog.turned(status)
    watchdog.watch(Check(network.warm_up, pulse, longest_step(settings)), status, events, stop)
    # DICOM toolkits take a second to load: while the first studies are classified.
    handlers = _handlers(settings, engine, store, darkroom, network, tracer)
    lanes += [_loop(settings, guard(lane), handler) for lane, handler in handlers.items()]
    threads += [_started(lane) for lane in lanes[1:]]
    shadow = _shadow(settings, engine, queue, events)
    shadow_thread = _started(shadow)
    lease = timedelta(seconds=settings.worker.lease_seconds)
    shown.is_ready.set()
    duties = upkeep.start([lane.leases for lane in (*lanes, shadow)], queue, events, lease=lease)
    if settings.receivers:
        import dicom_node.report  # noqa: F401 - for which the first report would have to wait
    stop.wait()
    stopping.at_latest(_STOP_SECONDS, events)
    queue.wake()
    shadow.end()
    _await(threads, lanes, events)
    shadow_thread.join(_SHADOW_PATIENCE_SECONDS)
    shadow.leases.abandon()
    duties.shutdown(wait=True)
    darkroom.close()
    queue.close()
    store.close()
    for lane in lanes:
        if lane.guard.failure is not None:
            raise lane.guard.failure


def longest_step(settings: Settings) -> float:
    """Return the seconds after which a thread that has not got on hangs: longer than the settings let a job take."""
    ris = max((one.timeout_seconds for one in settings.ris), default=0.0)
    return _MESSAGES_SECONDS + settings.worker.decode_seconds + 2 * ris


class Check:
    """Whether a worker is well: it gets on with its work, or else its network answers; and no thread hangs."""

    def __init__(self, predict: Callable[[], None], pulse: Pulse, longest_step_s: float) -> None:
        self._predict = predict
        self._pulse = pulse
        self._longest_step_s = longest_step_s
        self._steps = 0

    def __call__(self) -> bool:
        """Look, and let the network predict something where it has had nothing to do since the last look."""
        if self._pulse.longest_seconds() > self._longest_step_s:
            return False
        steps, self._steps = self._steps, self._pulse.steps
        if steps == self._pulse.steps:
            self._predict()
        return True


def _shadow(settings: Settings, engine: Engine, queue: Queue, events: Events) -> Shadowing:
    """Return the shadow's lane, under a guard of its own: nothing that happens there ends the worker."""
    from domain.jobs import SHADOW_LANE
    from hilum.shadowing import shadowing
    from worker.guard import Guard

    guard = Guard(lane=SHADOW_LANE, queue=queue, events=events)
    return shadowing(settings, engine, guard, _aftermath(settings, guard), worker=_name())


def _started(lane: Pipeline | Loop | Shadowing) -> threading.Thread:
    thread = threading.Thread(target=lane.run, name=lane.guard.lane, daemon=True)
    thread.start()
    return thread


def _await(threads: Sequence[threading.Thread], lanes: Sequence[Pipeline | Loop], events: Events) -> None:
    """Wait until what is at work has ended; give back what takes too long, for another worker."""
    deadline = time.monotonic() + _STOP_PATIENCE_SECONDS
    for thread in threads:
        thread.join(max(deadline - time.monotonic(), 0.0))
    for lane in lanes:
        if len(lane.leases):
            events.warning("work-abandoned", lane=lane.guard.lane, count=len(lane.leases))
            lane.leases.abandon()


def _pipeline(
    settings: Settings, engine: Engine, guard: Guard, network: NetworkClassifier, darkroom: Darkroom
) -> Pipeline:
    from db.studies import PostgresStudies
    from worker.pipeline import Pipeline

    return Pipeline(
        guard=guard,
        studies=PostgresStudies(engine, routes=routing.routes(settings)),
        darkroom=darkroom,
        classifier=network,
        worker=_name(),
        lease=timedelta(seconds=settings.worker.lease_seconds),
        aftermath=_aftermath(settings, guard),
        batch=settings.worker.batch or network.batch,
        patience=timedelta(milliseconds=settings.worker.batch_wait_milliseconds),
    )


def darkroom_of(settings: Settings, events: Events, *, size: int | None = None) -> Darkroom:
    """Return a darkroom of so many processes, None: as the settings say; they start at once."""
    from worker.darkroom import Darkroom

    most = _MOST_DECODERS_BESIDE_A_GPU if settings.worker.device != "cpu" and machine.gpus() else _MOST_DECODERS
    return Darkroom(
        [sys.executable, "-P", "-m", "hilum.developer_process"],
        {"store": asdict(bootstrap.store_address(settings)), "megabytes": settings.worker.decode_megabytes},
        environment=environment_without_settings(),
        size=size or settings.worker.decoders or min(machine.cores(), most),
        patience_s=settings.worker.decode_seconds,
        events=events,
    )


def _handlers(
    settings: Settings,
    engine: Engine,
    store: Store,
    darkroom: Darkroom,
    network: NetworkClassifier,
    tracer: Tracer,
) -> dict[str, Handler]:
    """Return what is done in the lanes of deliveries and commitments, by lane."""
    from db.confirmations import PostgresConfirmations
    from db.outbox import PostgresDeliveries
    from dicom_node.films import SpoolFilms
    from dicom_node.inquiry import CommitmentInquirer
    from domain.ids import AeTitle
    from domain.jobs import commit_lane, confirm_lane, deliver_lane
    from hilum.couriers import couriers
    from worker.commit import AnswerCommitment
    from worker.confirm import AskConfirmation
    from worker.deliver import Deliver

    handlers: dict[str, Handler] = {}
    if settings.told:
        asked = [peer for peer in settings.receivers if peer.commits_results]
        deliveries = PostgresDeliveries(engine, asked=[peer.name for peer in asked])
        deliver = Deliver(deliveries=deliveries, couriers=couriers(settings, store, darkroom, network), tracer=tracer)
        handlers.update({deliver_lane(name): deliver for name in settings.told})
        ask = AskConfirmation(
            confirmations=PostgresConfirmations(engine),
            inquirer=CommitmentInquirer(
                peers=[bootstrap.address_of(peer) for peer in asked], calling=AeTitle(settings.node.ae_title)
            ),
            patience=timedelta(seconds=settings.worker.commitment_seconds),
        )
        handlers.update({confirm_lane(peer.name): ask for peer in asked})
    if settings.senders:
        answer = AnswerCommitment(
            commitments=bootstrap.commitments(settings, engine),
            vault=SpoolFilms(store),
            reporter=_commitment_sender(settings),
        )
        handlers.update({commit_lane(peer.name): answer for peer in settings.senders})
    return handlers


def _loop(settings: Settings, guard: Guard, handler: Handler) -> Loop:
    from worker.loop import Loop

    return Loop(
        guard=guard,
        handler=handler,
        worker=_name(),
        lease=timedelta(seconds=settings.worker.lease_seconds),
        aftermath=_aftermath(settings, guard),
        batch=_JOBS_AT_ONCE,
    )


def _aftermath(settings: Settings, guard: Guard) -> Aftermath:
    from worker.aftermath import Aftermath
    from worker.retry import Backoff

    backoff = Backoff(
        first=timedelta(seconds=settings.worker.retry_seconds),
        limit=timedelta(seconds=settings.worker.retry_limit_seconds),
    )
    return Aftermath(queue=guard.queue, backoff=backoff, events=guard.events, meters=guard.meters)


def _name() -> str:
    """Return what the leases of this process are marked with."""
    return f"{socket.gethostname()}:{os.getpid()}"


def _commitment_sender(settings: Settings) -> CommitmentSender:
    from dicom_node.commitment import CommitmentSender
    from domain.ids import AeTitle

    return CommitmentSender(
        peers=[bootstrap.address_of(peer) for peer in settings.senders], calling=AeTitle(settings.node.ae_title)
    )
