"""What is to be known of a database server before Hilum relies on it; nothing is changed."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import text

from db.engine import oldest_revision, schema_revision, speaking_plainly, transaction

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy import Connection, Engine

_SETTINGS = text("""
SELECT name, setting FROM pg_settings
WHERE name IN (
    'server_version_num', 'fsync', 'synchronous_commit', 'full_page_writes', 'max_connections',
    'superuser_reserved_connections', 'reserved_connections', 'data_checksums', 'TimeZone'
)
""")
_DATABASE = text("""
SELECT
    current_user AS role,
    (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) AS is_superuser,
    (SELECT pg_encoding_to_char(encoding) FROM pg_database WHERE datname = current_database()) AS encoding,
    has_schema_privilege(current_schema(), 'CREATE') AS may_create,
    (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend') AS connections
""")
_FORBIDDEN = text("""
SELECT c.relname FROM pg_class AS c
WHERE c.relnamespace = quote_ident(current_schema())::regnamespace AND NOT CASE
    WHEN c.relkind IN ('r', 'p') THEN
        has_table_privilege(c.oid, 'SELECT') AND has_table_privilege(c.oid, 'INSERT')
        AND has_table_privilege(c.oid, 'UPDATE') AND has_table_privilege(c.oid, 'DELETE')
    WHEN c.relkind IN ('v', 'm') THEN has_table_privilege(c.oid, 'SELECT')
    WHEN c.relkind = 'S' THEN has_sequence_privilege(c.oid, 'USAGE')
    ELSE true
END
ORDER BY 1
""")
_FOREIGN = text("""
SELECT relname FROM pg_class
WHERE relnamespace = quote_ident(current_schema())::regnamespace AND relkind IN ('r', 'p')
    AND NOT pg_has_role(relowner, 'USAGE')
ORDER BY 1
""")
_BACKEND = text("SELECT pg_backend_pid()")
_CLOCK = text("SELECT extract(epoch FROM clock_timestamp())::float")
_LOOKS_AT_THE_CLOCK = 5


@dataclass(frozen=True, kw_only=True, slots=True)
class Checkup:
    """A server and a database, as our role sees them."""

    revision: str | None
    """Of the schema; None: there are no tables of Hilum's."""
    oldest_revision: str | None
    """Of the code that the schema takes; None: only its own."""
    settings: Mapping[str, str]
    """Of the server, for this connection, by name."""
    role: str
    is_superuser: bool
    encoding: str
    may_create: bool
    """Whether the role may make tables."""
    connections: int
    """How many are open now, ours included."""
    forbidden: tuple[str, ...]
    """Tables, views and sequences that the role may not use."""
    foreign: tuple[str, ...]
    """Tables that the role may use, but not change as migrations do."""
    is_pooled: bool
    """Whether what stands before the server gives one session to several connections in turn."""
    ahead_seconds: float
    """How much the server's clock is before this machine's."""


def check_up(engine: Engine) -> Checkup:
    """Look at the server and the database.

    Raises:
        Transient: the server is away, or refuses the login.
    """
    revision = schema_revision(engine)
    oldest = oldest_revision(engine)
    with transaction(engine) as connection:
        settings = {row.name: row.setting for row in connection.execute(_SETTINGS)}
        return Checkup(
            revision=revision,
            oldest_revision=oldest,
            settings=settings,
            **connection.execute(_DATABASE).mappings().one(),
            forbidden=tuple(connection.execute(_FORBIDDEN).scalars()),
            foreign=tuple(connection.execute(_FOREIGN).scalars()),
            ahead_seconds=_ahead(connection),
            is_pooled=_is_pooled(engine),
        )


def _ahead(connection: Connection) -> float:
    """Return by how much the server's clock is before ours, by the quickest of a few answers."""
    looks: list[tuple[float, float]] = []
    for _ in range(_LOOKS_AT_THE_CLOCK):
        before = time.time()
        there = float(connection.execute(_CLOCK).scalar_one())
        after = time.time()
        looks.append((after - before, there - (before + after) / 2))
    return min(looks)[1]


def _is_pooled(engine: Engine) -> bool:
    """Whether a connection loses its session to another one between two statements."""
    with speaking_plainly(), engine.execution_options(isolation_level="AUTOCOMMIT").connect() as first:
        session = first.execute(_BACKEND).scalar_one()
        with transaction(engine) as second:
            second.execute(_BACKEND)
            return bool(first.execute(_BACKEND).scalar_one() != session)
