"""Wires the rooms together, by hand, in one place: what each process is made of."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from domain.errors import Misconfigured, Transient
from hilum.settings import EMBEDDED

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from db.commitments import PostgresCommitments
    from db.engine import Engine
    from dicom_node.requestor import PeerAddress
    from dicom_node.store import Store, StoreAddress
    from dicom_node.worklist import ReadingWorklist
    from hilum.peer_settings import Peer
    from hilum.settings import Settings
    from models.classifier import NetworkClassifier
    from models.package import Package
    from models.registry import Registry
    from worker.events import Events

_DATABASE_PATIENCE_SECONDS = 2.0


@contextmanager
def database(settings: Settings, *, role: str) -> Iterator[Engine]:
    """Yield an engine for the database of the settings; an embedded server is started if it does not run.

    Raises:
        Misconfigured: the embedded server does not start.
    """
    from db.engine import connect

    with _address(settings) as url:
        engine = connect(url, role=role)
        try:
            yield engine
        finally:
            engine.dispose()


@contextmanager
def _address(settings: Settings) -> Iterator[str]:
    if settings.database.url != EMBEDDED:
        yield settings.database.url
        return
    from db.embedded import borrowed

    with borrowed(settings.embedded_data) as url:
        yield url


def keep_database(settings: Settings, events: Events) -> None:
    """Start the embedded server again if it died; another server is somebody else's to keep.

    To be called again and again: while the dead one's last processes end, the new one can't start.
    """
    if settings.database.url != EMBEDDED:
        return
    from db.embedded import is_running, start

    if not is_running(settings.embedded_data):
        events.error("database-died")
        try:
            start(settings.embedded_data)
        except Misconfigured as error:
            events.error("database-not-started", reason=str(error))
        else:
            events.info("database-started")


def upgrade(engine: Engine, events: Events, stop: threading.Event) -> bool:
    """Bring the database to what this version needs, waiting for the server if it is away; say whether it is done.

    Raises:
        Misconfigured: the server is too old, the database too new, or a process too old for what is due.
    """
    from db.upgrade import Kind
    from db.upgrade import upgrade as apply_migrations

    def apply() -> None:
        before, after = apply_migrations(engine, Kind.PRE)
        if before != after:
            events.info("database-upgraded", version=after)

    return _when_reachable(apply, events, stop, None)


def wait_for_schema(
    engine: Engine, events: Events, stop: threading.Event, waits: Callable[[str], None] | None = None
) -> bool:
    """Wait until the database answers; say whether it did before the stop.

    `waits` is told again and again that this takes time.

    Raises:
        Misconfigured: its schema does not fit this version.
    """
    from db.engine import check_schema

    return _when_reachable(lambda: check_schema(engine), events, stop, waits)


def _when_reachable(
    act: Callable[[], None], events: Events, stop: threading.Event, waits: Callable[[str], None] | None
) -> bool:
    """Act as soon as the database can be reached; say whether that was before the stop."""
    while not stop.is_set():
        try:
            act()
        except Transient as error:
            events.warning("database-away", reason=str(error))
            if waits is not None:
                waits("waiting for the database")
            stop.wait(_DATABASE_PATIENCE_SECONDS)
        else:
            return True
    return False


def film_store(settings: Settings, *, for_reading: bool = False) -> Store:
    """Return where received films are kept.

    Raises:
        Misconfigured: a folder can't be made or is missing, or what a bucket needs is not installed.
    """
    from dicom_node.store import open_store

    return open_store(store_address(settings), for_reading=for_reading)


def store_address(settings: Settings) -> StoreAddress:
    """Return where received films are kept, as another process can be told it."""
    from dicom_node.store import StoreAddress

    store = settings.store
    return StoreAddress(
        url=store.url if store.is_bucket else settings.spool.as_uri(),
        drafts=str(settings.spool),
        must_exist=bool(store.url),
        endpoint=store.endpoint,
        region=store.region,
        access_key=store.access_key.get_secret_value(),
        secret_key=store.secret_key.get_secret_value(),
        timeout_s=store.timeout_seconds,
    )


def commitments(settings: Settings, engine: Engine) -> PostgresCommitments:
    """Return the requests for storage commitment of the peers that may send."""
    from db.commitments import PostgresCommitments

    # Of two peers with one AE title the first is answered.
    return PostgresCommitments(engine, peers={peer.ae_title: peer.name for peer in reversed(settings.senders)})


def reading_worklist(settings: Settings, engine: Engine) -> ReadingWorklist:
    """Return the studies to read, as workstations see them."""
    from db.worklist import PostgresWorklist
    from dicom_node.worklist import ReadingWorklist

    own = settings.worklist
    return ReadingWorklist(PostgresWorklist(engine), label=own.label, retrieve_from=own.retrieve_ae_title)


def registry(settings: Settings) -> Registry:
    """Return the networks that are installed."""
    from models.registry import Registry

    return Registry(settings.installed_networks)


def classifier(settings: Settings, model: str | None = None) -> NetworkClassifier:
    """Load the active network and run it once, so that it is ready; or `model`, a package's folder or its name.

    Raises:
        Misconfigured: there is no such network, it is damaged, or `worker.device` asks for a GPU that is not there.
    """
    return ready(settings, package(settings, model))


def package(settings: Settings, model: str | None = None) -> Package:
    """Return the active network, or `model`, a package's folder or its name, with every file checked.

    Raises:
        Misconfigured: there is no such network, or it is damaged.
    """
    from models.package import load_package

    installed = registry(settings)
    if model is None:
        return installed.active()
    return load_package(Path(model) if Path(model).is_dir() else installed.find(model))


def ready(
    settings: Settings, model: Package, *, device: Literal["auto", "cpu", "gpu"] | None = None
) -> NetworkClassifier:
    """Load a checked network where the settings want it computed, or on a device, and run it once.

    Raises:
        Misconfigured: a file of it is no network, or `worker.device` asks for a GPU that is not there.
    """
    from models.classifier import NetworkClassifier
    from models.runtime import open_runtime

    runtime = open_runtime(model, device or settings.worker.device, settings.worker.threads or None)
    network = NetworkClassifier(model, runtime)
    network.warm_up()
    return network


def echo(settings: Settings, name: str, *, timeout_s: float | None = None) -> str:
    """C-ECHO a peer of the settings and say what it answered, after so many seconds at most, or as for deliveries.

    Raises:
        Misconfigured: there is no such peer.
        Transient: it does not answer.
    """
    from dicom_node.requestor import TIMEOUT_S
    from dicom_node.sender import echo as ask
    from domain.ids import AeTitle

    peer = peer_named(settings, name)
    place = f"{name} ({peer.ae_title}@{peer.host}:{peer.port})"
    try:
        patience = TIMEOUT_S if timeout_s is None else timeout_s
        status = ask(address_of(peer), AeTitle(settings.node.ae_title), timeout_s=patience)
    except Transient as error:
        raise Transient(f"{place}: {error}") from error
    if status != 0:
        raise Transient(f"{place} answered C-ECHO with status 0x{status:04X}")
    return f"{place} answers"


def peer_named(settings: Settings, name: str) -> Peer:
    """Return a peer of the settings.

    Raises:
        Misconfigured: there is no such peer.
    """
    peer = next((peer for peer in settings.peers if peer.name == name), None)
    if peer is None:
        known = ", ".join(peer.name for peer in settings.peers) or "none"
        raise Misconfigured(f"there is no peer {name!r} in the settings; known: {known}")
    return peer


def address_of(peer: Peer) -> PeerAddress:
    """Return where a peer is and what it is called."""
    from dicom_node.requestor import PeerAddress
    from domain.ids import AeTitle

    return PeerAddress(name=peer.name, ae_title=AeTitle(peer.ae_title), host=peer.host, port=peer.port)
