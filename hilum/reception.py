"""Wires the node: where it listens, whom it hears, and that it may take films."""

from __future__ import annotations

from typing import TYPE_CHECKING

from domain.errors import Misconfigured
from hilum import bootstrap

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable

    from db.engine import Engine
    from dicom_node.access import TlsFiles
    from dicom_node.receiver import Listener, Node
    from hilum.settings import Settings
    from worker.events import Events


def listener(settings: Settings) -> Listener:
    """Say where the node listens and whom it hears.

    Raises:
        Misconfigured: there are peers, but none of them may send; or the files for TLS are not all named.
    """
    from dicom_node.access import Access, Caller
    from dicom_node.receiver import Listener, Timeouts

    if settings.peers and not settings.senders:
        raise Misconfigured("peers: none has may_send = true, so nobody could send films; set it for the senders")
    node = settings.node
    callers = tuple(
        Caller(
            ae_title=peer.ae_title,
            networks=peer.sends_from,
            maximum_associations=peer.maximum_associations,
            may_send=peer.may_send,
            association_ends_study=peer.association_ends_study,
        )
        # Of two peers with one AE title the sender counts.
        for peer in sorted(settings.peers, key=lambda peer: not peer.may_send)
    )
    return Listener(
        host=node.host,
        port=node.port,
        access=Access(
            ae_title=node.ae_title,
            requires_called_ae_title=node.check_called_ae_title,
            callers=callers,
            maximum_associations=node.maximum_associations,
            readers=frozenset(peer.ae_title.strip() for peer in settings.peers if peer.reads_worklist),
            asked={peer.ae_title: peer.name for peer in settings.receivers if peer.commits_results},
        ),
        timeouts=Timeouts(
            acse=node.acse_timeout_seconds, dimse=node.dimse_timeout_seconds, idle=node.idle_timeout_seconds
        ),
        tls=tls_files(settings),
    )


def tls_files(settings: Settings) -> TlsFiles | None:
    """Return what the node's TLS port needs; None where there is none.

    Raises:
        Misconfigured: certificate or key is not named.
    """
    from dicom_node.access import TlsFiles

    node = settings.node
    if not node.tls_port:
        return None
    if node.tls_certificate is None or node.tls_key is None:
        raise Misconfigured("node.tls_port is set; node.tls_certificate and node.tls_key must be set too")
    return TlsFiles(
        port=node.tls_port,
        certificate=node.tls_certificate,
        key=node.tls_key,
        client_authorities=node.tls_client_authorities,
    )


def open_storage(node: Node, settings: Settings, engine: Engine, events: Events) -> Callable[[threading.Event], int]:
    """Let the node take films; return what brings store and database together after a crash."""
    from db.confirmations import PostgresConfirmations
    from dicom_node.reconcile import reconcile
    from hilum import storage

    rows = storage.intake(settings, engine)
    place = storage.storage(settings, rows, events)
    if drafts := place.store.sweep():
        events.warning("drafts-removed", count=drafts)
    place.store.warm()  # here, since this process may have been forked
    node.open_storage(
        place,
        bootstrap.commitments(settings, engine),
        PostgresConfirmations(engine),
        bootstrap.reading_worklist(settings, engine),
    )
    return lambda stop: reconcile(place, rows, stop)
