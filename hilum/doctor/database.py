"""The database: reachable, of this version's schema, set up so that what is committed stays."""

from __future__ import annotations

import threading
from contextlib import ExitStack
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

from domain.errors import HilumError
from hilum import bootstrap, supervise
from hilum.doctor.check import failure, not_applicable, ok, warning
from hilum.node_processes import receiving
from hilum.settings import EMBEDDED, without_password

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Self

    from db.checkup import Checkup
    from db.engine import Engine
    from hilum.doctor.check import Finding
    from hilum.settings import Settings

_OLDEST_VERSION = 14
_SUPPORTED_UNTIL = {
    14: date(2026, 11, 12),
    15: date(2027, 11, 11),
    16: date(2028, 11, 9),
    17: date(2029, 11, 8),
    18: date(2030, 11, 14),
}
"""As the PostgreSQL project has announced."""
_DURABLE = {
    "fsync": "what is committed may be lost with the power",
    "full_page_writes": "a page that was half written when the power went is lost",
    "synchronous_commit": "what senders were told is safe may be lost with the power",
}
_AHEAD_WARNING_S, _AHEAD_FAILURE_S = 2.0, 60.0
"""Leases and due times are the database's; the log, the reports' dates and sessions of the pages are this machine's."""
_NODE, _WORKER, _LANE, _OTHER = 3, 6, 1, 3
"""Connections in ordinary work: of a receiving process, of a worker, for each of its lanes, of any other process."""


class NotMade(HilumError):
    """There is no embedded database yet."""


class Visit:
    """The one look at the database that all its checks share; a server that it started is stopped at the end."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._lock = threading.Lock()
        self._opened = ExitStack()
        self._engine: Engine | None = None
        self._failure: HilumError | None = None
        self._checkup: Checkup | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._opened.close()

    def engine(self) -> Engine:
        """Return the database; the first call starts an embedded server that does not run, but makes none.

        Raises:
            NotMade: it is embedded, and was never started.
            Misconfigured: the embedded server does not start.
        """
        with self._lock:
            if self._failure is not None:
                raise self._failure
            if self._engine is None:
                try:
                    self._engine = self._open()
                except HilumError as error:
                    self._failure = error
                    raise
            return self._engine

    def checkup(self) -> Checkup:
        """Return what was seen of server and database.

        Raises:
            NotMade: there is none yet.
            Transient: the server is away.
            Misconfigured: the embedded server does not start.
        """
        engine = self.engine()
        from db.checkup import check_up

        with self._lock:
            if self._failure is not None:
                raise self._failure
            if self._checkup is None:
                try:
                    self._checkup = check_up(engine)
                except HilumError as error:
                    self._failure = error
                    raise
            return self._checkup

    def _open(self) -> Engine:
        if is_embedded(self._settings) and not (self._settings.embedded_data / "PG_VERSION").exists():
            raise NotMade(f"there is no database in {self._settings.embedded_data} yet")
        return self._opened.enter_context(bootstrap.database(self._settings, role="doctor"))


def is_embedded(settings: Settings) -> bool:
    """Whether the server is our own."""
    return settings.database.url == EMBEDDED


def connection(settings: Settings, visit: Visit) -> Iterator[Finding]:
    """Look whether the server answers, and how old it is."""
    try:
        seen = visit.checkup()
    except NotMade as error:
        yield not_applicable(str(error), "hilum up makes it, or hilum db upgrade")
        return
    except HilumError as error:
        yield failure(str(error), _how_to_reach(settings))
        return
    yield from server_version(int(seen.settings["server_version_num"]) // 10_000, datetime.now(UTC).date())


def _how_to_reach(settings: Settings) -> str:
    if is_embedded(settings):
        return f"see {settings.embedded_data / 'log'}"
    return f"psql {without_password(settings.database.url).replace('+psycopg2', '')}, and check database.url"


def server_version(version: int, today: date) -> Iterator[Finding]:
    """Judge the major version of a server."""
    end = _SUPPORTED_UNTIL.get(version)
    if version < _OLDEST_VERSION:
        yield failure(f"PostgreSQL {version} is too old", f"upgrade the server to {_OLDEST_VERSION} or newer")
    elif end is not None and today > end:
        yield warning(f"PostgreSQL {version} gets no corrections since {end}", "upgrade the server")
    else:
        yield ok(f"PostgreSQL {version} answers")


def needing_database(look: Callable[[Checkup], Iterator[Finding]], visit: Visit) -> Iterator[Finding]:
    """Look at what was seen of the database, where it can be reached at all."""
    try:
        seen = visit.checkup()
    except HilumError as error:
        yield not_applicable(f"not looked at: {error}")
        return
    yield from look(seen)


def schema(seen: Checkup) -> Iterator[Finding]:
    """Judge whether the tables are such that this version can work with them."""
    from db.engine import SCHEMA_REVISION
    from db.upgrade import steps

    if seen.revision is None:
        yield failure("there are no tables of Hilum's", "hilum db upgrade")
    elif seen.revision < SCHEMA_REVISION:
        behind = sum(seen.revision < step.revision <= SCHEMA_REVISION for step in steps())
        yield failure(f"revision {seen.revision}: {behind} migrations are missing", "hilum db upgrade --pre")
    elif seen.revision > SCHEMA_REVISION and (seen.oldest_revision or seen.revision) > SCHEMA_REVISION:
        yield failure(
            f"revision {seen.revision} is of a newer Hilum and does not take this one",
            "install the newer Hilum here as well",
        )
    else:
        yield ok(f"revision {seen.revision}")


def server_settings(seen: Checkup) -> Iterator[Finding]:
    """Judge what the server is set to."""
    off = [name for name in _DURABLE if seen.settings[name] == "off"]
    for name in off:
        yield failure(f"{name} is off: {_DURABLE[name]}", f"ALTER SYSTEM SET {name} = on; SELECT pg_reload_conf();")
    if not off:
        yield ok(f"{', '.join(_DURABLE)} are on")
    if seen.encoding != "UTF8":
        yield failure(
            f"the database's encoding is {seen.encoding}", "make a database with ENCODING 'UTF8' TEMPLATE template0"
        )
    if seen.settings["TimeZone"] != "UTC":
        yield failure(
            f"sessions have the time zone {seen.settings['TimeZone']}: what stands between drops our settings",
            "connect to the server itself (database.url)",
        )
    if seen.is_pooled:
        yield failure(
            "a pooler gives our session to others: new jobs wake nobody, and the scheduler's lock gets lost",
            "connect to the server itself (database.url), or set the pooler to pool_mode = session",
        )
    if seen.settings.get("data_checksums") == "off":
        yield ok(
            "data checksums are off: a disk that rots goes unnoticed", "with the server stopped: pg_checksums --enable"
        )


def connections(settings: Settings, seen: Checkup) -> Iterator[Finding]:
    """Judge whether the server takes as many connections as the processes of these settings open."""
    most = int(seen.settings["max_connections"]) - sum(
        int(seen.settings.get(name, "0")) for name in ("superuser_reserved_connections", "reserved_connections")
    )
    needed = connections_of(settings)
    told = f"{most} may be open, {seen.connections} are; these settings open about {needed}"
    how = f"max_connections = {2 * needed + 20} in postgresql.conf, then restart the server"
    if most < needed:
        yield failure(told, how)
    elif most < 2 * needed:
        yield warning(f"{told}, and more under load", how)
    else:
        yield ok(told)


def connections_of(settings: Settings) -> int:
    """Return about how many connections all processes of these settings open in ordinary work."""
    lanes = 1 + len(settings.told) + len(settings.senders)
    workers = len(supervise.worker_environments(settings.worker))
    others = len(supervise.roles(settings)) - 1  # the supervisor, and all roles but node and worker
    return receiving(settings) * _NODE + workers * (_WORKER + _LANE * lanes) + others * _OTHER


def clock(seen: Checkup) -> Iterator[Finding]:
    """Judge whether the clocks of server and machine agree."""
    by = abs(seen.ahead_seconds)
    told = f"the database's clock is {by:.3f} s {'ahead' if seen.ahead_seconds > 0 else 'behind'}"
    if by > _AHEAD_FAILURE_S:
        yield failure(told, "let both machines keep their clocks by NTP")
    elif by > _AHEAD_WARNING_S:
        yield warning(told, "let both machines keep their clocks by NTP")
    else:
        yield ok(told)


def rights(seen: Checkup, *, embedded: bool) -> Iterator[Finding]:
    """Judge what our role may do."""
    if seen.forbidden:
        yield failure(
            f"{seen.role} may not use {', '.join(seen.forbidden)}",
            f"GRANT ALL ON ALL TABLES IN SCHEMA … TO {seen.role}",
        )
    if seen.foreign:
        yield warning(
            f"{len(seen.foreign)} tables belong to another role, {seen.foreign[0]} among them: upgrades will fail",
            f"ALTER TABLE … OWNER TO {seen.role}",
        )
    if not seen.may_create:
        yield failure(f"{seen.role} may make no tables", f"ALTER DATABASE … OWNER TO {seen.role}")
    if seen.is_superuser and not embedded:
        yield warning(f"{seen.role} is a superuser, which Hilum does not need", "CREATE ROLE hilum LOGIN PASSWORD …")
    yield ok(f"{seen.role} may read, write and make tables" if not seen.forbidden else "the rest may be used")
