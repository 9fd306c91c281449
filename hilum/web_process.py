"""The web server's process, and the tokens of the programs that talk to it."""

from __future__ import annotations

import hashlib
import secrets
from datetime import timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from domain.errors import Misconfigured
from domain.meters import NO_METERS
from hilum import __version__, bootstrap, machine, stopping, storage
from hilum.watchdog import watchdog

if TYPE_CHECKING:
    from collections.abc import Sequence

    from db.engine import Engine
    from domain.meters import Meters
    from hilum.settings import Settings
    from web.access import Client
    from web.application import Services
    from web.pages.house import House
    from web.pages.single_sign_on import Provider
    from worker.events import Events

_TOKEN_BYTES = 32
_LIVE_SECONDS = 15.0
"""For each answer to our own request whether the server lives."""
_PATIENCE = timedelta(minutes=5)
"""A classification that is due for longer is not to be expected soon: it takes seconds."""


def run(settings: Settings, *, supervised: bool) -> None:
    """Serve DICOMweb until told to stop.

    Raises:
        Misconfigured: no port is set, the address can't be listened on, or the database has another schema.
    """
    from hilum import log, metrics
    from web.application import application
    from web.server import Address, is_live, listen, serve

    web = settings.web
    if not web.port:
        raise Misconfigured("web.port is not set; set it to a TCP port")
    address = Address(host=web.host, port=web.port, certificate=web.tls_certificate, key=web.tls_key)
    own = listen(address)
    stop = stopping.on_signals()
    if supervised:
        stopping.with_parent(stop)
    watched = watchdog()
    watched.stops_with(stop)
    events = log.start(settings.log, role="web")
    with bootstrap.database(settings, role="web") as engine:
        if bootstrap.wait_for_schema(engine, events, stop, watched.waits):
            shown = metrics.show(settings, "web", events)
            app = application(services(settings, engine, events, shown.meters), house(settings, engine, events))
            machine.give_back_memory()
            shown.is_ready.set()
            events.info("web-ready", host=web.host, port=own.getsockname()[1], count=len(settings.web_clients))
            status = f"serving on port {own.getsockname()[1]}"
            watched.watch(
                lambda: is_live(own, timeout_s=_LIVE_SECONDS, is_secure=web.tls_certificate is not None),
                status,
                events,
                stop,
            )
            serve(app, own, address, stop)
    own.close()
    events.info("web-stopped")


def services(settings: Settings, engine: Engine, events: Events, meters: Meters = NO_METERS) -> Services:
    """Return what the web application is made of."""
    from db.outbox import PostgresDeliveries
    from db.results import PostgresResults
    from dicom_node.web_door import WebFilmDoor
    from dicom_node.web_library import ResultReports
    from dicom_node.web_worklist import WebWorklist
    from hilum.couriers import report_settings
    from web.application import Services

    storage.refuse_another_owner(settings)
    deliveries = PostgresDeliveries(engine)
    patience = timedelta(seconds=settings.upkeep.escalation_after_seconds)
    place = storage.storage(settings, storage.intake(settings, engine), events)
    return Services(
        library=ResultReports(PostgresResults(engine), place.store, report_settings(settings)),
        door=WebFilmDoor(place),
        desk=WebWorklist(bootstrap.reading_worklist(settings, engine)),
        overdue=lambda: deliveries.overdue(older_than=patience),
        clients=_clients(settings),
        largest_bytes=settings.web.largest_megabytes * 1_000_000,
        events=events,
        meters=meters,
    )


def house(settings: Settings, engine: Engine, events: Events) -> House:
    """Return what the pages are made of."""
    from db.accounts import PostgresAccounts, PostgresSessions
    from db.api_tokens import PostgresTokens
    from db.audit import PostgresAuditTrail
    from db.quality import PostgresQuality
    from db.reading_list import PostgresReadingList, PostgresSavedFilters
    from db.reading_news import PostgresReadingNews
    from domain.reading_list import ReadingDesk
    from hilum.control_room import control_room
    from hilum.study_room import study_room
    from hilum.uploads import upload_room
    from web.pages.clock import Clock
    from web.pages.house import House

    web = settings.web
    zone = ZoneInfo(web.time_zone) if web.time_zone else None
    return House(
        accounts=PostgresAccounts(engine),
        sessions=PostgresSessions(engine),
        tokens=PostgresTokens(engine),
        trail=PostgresAuditTrail(engine),
        uploads=upload_room(settings, engine, events),
        operations=control_room(settings, engine),
        quality=PostgresQuality(engine),
        registration=web.registration,
        public_url=web.public_url,
        is_secure=web.is_secure,
        lasting=timedelta(hours=web.session_hours),
        idle=timedelta(minutes=web.idle_minutes),
        version=__version__,
        clock=Clock(zone),
        provider=provider(settings),
        studies=study_room(settings, engine, events),
        reading=ReadingDesk(
            list=PostgresReadingList(engine, patience=_PATIENCE, zone=zone),
            news=PostgresReadingNews(engine),
            filters=PostgresSavedFilters(engine),
        ),
    )


def provider(settings: Settings) -> Provider | None:
    """Return the hospital's identity provider, if there is one."""
    from domain.accounts import Role
    from web.pages.single_sign_on import Provider

    own = settings.oidc
    if not own.issuer:
        return None
    return Provider(
        issuer=own.issuer,
        client_id=own.client_id,
        client_secret=own.client_secret.get_secret_value(),
        scope=own.scope,
        login_claim=own.login_claim,
        name_claim=own.name_claim,
        role_claim=own.role_claim,
        roles={
            Role.ADMIN: frozenset(own.admins),
            Role.RADIOLOGIST: frozenset(own.radiologists),
            Role.OPERATOR: frozenset(own.operators),
            Role.CLINICIAN: frozenset(own.clinicians),
        },
    )


def new_token() -> tuple[str, str]:
    """Return a new token and its SHA-256 in hexadecimal."""
    token = secrets.token_urlsafe(_TOKEN_BYTES)
    return token, hashlib.sha256(token.encode()).hexdigest()


def _clients(settings: Settings) -> Sequence[Client]:
    from domain.ids import AeTitle
    from web.access import Client, Right

    return [
        Client(
            name=AeTitle(client.name),
            token_sha256=client.token_sha256,
            rights=frozenset(Right(right) for right in client.may),
        )
        for client in settings.web_clients
    ]
