"""Every check that there is for an installation, in the order in which they are shown."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from hilum.doctor import (
    capacity,
    certificates,
    classification,
    clock,
    database,
    disks,
    installation,
    neighbours,
    ports,
    store,
    work,
)
from hilum.doctor.check import Check, not_applicable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from hilum.doctor.check import Finding
    from hilum.doctor.database import Visit
    from hilum.settings import Settings

SETTINGS = "settings"
_START_SECONDS = 150.0
"""An embedded server that recovers from a crash may take two minutes."""
_PEER_SECONDS = 60.0
"""A few answers, each of which may take five seconds."""


def catalogue(settings: Settings, source: Path | None, visit: Visit) -> tuple[Check, ...]:
    """Return the checks for these settings; `source` is the file that they came from."""
    return (
        Check(
            name=SETTINGS,
            about="the settings' file, and who may read it",
            look=lambda: installation.settings_file(source),
        ),
        Check(name="account", about="who runs this", look=installation.account),
        Check(name="home", about="the home folder, its owner and rights", look=lambda: installation.home(settings)),
        *_database(settings, visit),
        *_disks(settings),
        Check(name="clock", about="whether NTP keeps the clock", look=clock.clock),
        *_ports(settings),
        *_certificates(settings),
        *_neighbours(settings),
        *_classification(settings, source),
        *_capacity(settings),
        Check(
            name="duties",
            about="whether the scheduler's duties are done",
            look=lambda: work.duties(settings, visit),
            limit_s=_START_SECONDS,
        ),
        Check(name="jobs", about="held jobs, paused lanes", look=lambda: work.jobs(visit), limit_s=_START_SECONDS),
        Check(name="systemd", about="whether Hilum's units are enabled and run", look=work.units),
    )


def _database(settings: Settings, visit: Visit) -> Iterator[Check]:
    yield Check(
        name="database.connection",
        about="whether it answers, and its version",
        look=lambda: database.connection(settings, visit),
        limit_s=_START_SECONDS,
    )
    judges: tuple[tuple[str, str, Callable[..., Iterator[Finding]]], ...] = (
        ("database.schema", "its tables, missing migrations", database.schema),
        ("database.settings", "fsync, time zone, encoding, poolers", database.server_settings),
        ("database.connections", "whether it takes enough", partial(database.connections, settings)),
        ("database.clock", "its clock beside this machine's", database.clock),
        ("database.rights", "what our role may do", partial(database.rights, embedded=database.is_embedded(settings))),
    )
    for name, about, judge in judges:
        yield Check(
            name=name,
            about=about,
            look=partial(database.needing_database, judge, visit),
            limit_s=_START_SECONDS,
        )


def _disks(settings: Settings) -> Iterator[Check]:
    yield Check(name="disk.space", about="free space, inodes", look=lambda: disks.space(settings))
    yield Check(name="disk.speed", about="how long a small file takes to be safe", look=lambda: disks.speed(settings))
    yield Check(name="disk.mounts", about="kinds of file systems, mount options", look=lambda: disks.mounts(settings))
    yield Check(name="disk.shelves", about="one file system for all films", look=lambda: disks.shelves(settings))
    yield Check(
        name="store",
        about="whether films can be kept; in a bucket an object is put, read, deleted",
        look=lambda: store.store(settings),
        limit_s=4 * settings.store.timeout_seconds + 10,
        waits=True,
    )


def _ports(settings: Settings) -> Iterator[Check]:
    for own in ports.ports(settings):
        yield Check(
            name=f"ports.{own.setting.removesuffix('.port').replace('.', '_')}",
            about=f"{own.setting}: free, or held by Hilum",
            look=partial(ports.port, settings, own),
            waits=True,
        )


def _certificates(settings: Settings) -> Iterable[Check]:
    return [
        Check(
            name=f"certificates.{own.name}",
            about="expiry, chain, key and its rights",
            look=partial(certificates.certificates, own),
        )
        for own in certificates.papers(settings)
    ] or [_none("certificates", "files for TLS", "the settings name none")]


def _neighbours(settings: Settings) -> Iterator[Check]:
    names = [*(one.name for one in settings.peers), *(one.name for one in settings.ris)]
    for name in names:
        yield Check(
            name=f"peers.{name}",
            about="whether it answers, and takes what routes send it",
            look=partial(neighbours.peer, settings, name),
            limit_s=_PEER_SECONDS,
            waits=True,
        )
    if not names:
        yield _none("peers", "whether each answers", "there are none in the settings")
    others: tuple[tuple[str, str, object, Callable[[Settings], Iterator[Finding]]], ...] = (
        ("oidc", "the identity provider", settings.oidc.issuer, neighbours.identity_provider),
        ("audit", "the audit repository", settings.audit.syslog_host, neighbours.audit_repository),
        ("alarm.webhook", "whether it can be reached", settings.alarm.webhook, neighbours.webhook),
        ("alarm.mail", "whether the mail server answers", settings.alarm.mail_to, neighbours.mail_server),
    )
    for name, about, is_set, look in others:
        if is_set:
            yield Check(name=name, about=about, look=partial(look, settings), limit_s=_PEER_SECONDS, waits=True)
        else:
            yield _none(name, about, "not set")


def _classification(settings: Settings, source: Path | None) -> Iterator[Check]:
    yield Check(
        name="model",
        about="every file of the active network, and its results on its own films",
        look=lambda: classification.model(source),
        limit_s=classification.MODEL_SECONDS + 10,
    )
    yield Check(
        name="decoders",
        about="a small film in each accepted transfer syntax",
        look=classification.decoders,
        limit_s=classification.DECODERS_SECONDS + 10,
    )
    yield Check(
        name="gpu",
        about="whether what worker.device says is there",
        look=lambda: classification.gpu(settings),
        limit_s=classification.GPU_SECONDS + 10,
    )


def _capacity(settings: Settings) -> Iterator[Check]:
    yield Check(name="memory", about="enough for all processes", look=lambda: capacity.memory(settings))
    yield Check(name="open-files", about="how many a process may open", look=lambda: capacity.open_files(settings))
    yield Check(name="cores", about="as many as processes need", look=lambda: capacity.cores(settings))
    yield Check(name="shared-memory", about="for the embedded server", look=lambda: capacity.shared_memory(settings))


def _none(name: str, about: str, why: str) -> Check:
    return Check(name=name, about=about, look=lambda: [not_applicable(why)])
