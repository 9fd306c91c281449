"""Wires the node: where it listens, whom it hears, and where it puts what it hears."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from domain.errors import Misconfigured
from domain.priority import Priority, PriorityRule
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
        ),
        timeouts=Timeouts(
            acse=node.acse_timeout_seconds, dimse=node.dimse_timeout_seconds, idle=node.idle_timeout_seconds
        ),
        tls=_tls_files(settings),
    )


def _tls_files(settings: Settings) -> TlsFiles | None:
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


def open_storage(node: Node, settings: Settings, engine: Engine, events: Events) -> Callable[[threading.Event], None]:
    """Let the node take films; return what brings spool and database together after a crash."""
    from db.intake import PostgresIntake
    from dicom_node.arrivals import Storage
    from dicom_node.reconcile import reconcile
    from dicom_node.spool import Spool

    intake = PostgresIntake(
        engine,
        quiet=timedelta(seconds=settings.node.study_quiet_seconds),
        max_attempts=settings.worker.max_attempts,
        quiet_by_sender={
            peer.ae_title: timedelta(seconds=peer.study_quiet_seconds)
            for peer in settings.senders
            if peer.study_quiet_seconds is not None
        },
        on_conflict=settings.node.on_conflict,
    )
    spool = Spool(settings.spool)
    if drafts := spool.sweep():
        events.warning("drafts-removed", count=drafts)
    reserve = settings.node.reserve_megabytes * 1_000_000
    storage = Storage(
        spool=spool, intake=intake, events=events, reserve_bytes=reserve, priority_rules=_priority_rules(settings)
    )
    node.open_storage(storage, bootstrap.commitments(settings, engine))
    return lambda stop: reconcile(storage, intake, stop)


def _priority_rules(settings: Settings) -> tuple[PriorityRule, ...]:
    titles = {"": "", **{peer.name: peer.ae_title for peer in settings.peers}}
    return tuple(
        PriorityRule(
            priority=Priority[rule.priority],
            calling_ae_title=titles[rule.peer],
            requested_priority=rule.requested_priority,
            location=rule.location,
        )
        for rule in settings.priorities
    )
