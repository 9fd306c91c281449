"""One engine per process, transactions whose failures speak Hilum's language, and the check of the schema's version."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import psycopg2
from sqlalchemy import Engine, create_engine, make_url, text
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError, ProgrammingError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from domain.errors import Misconfigured, Transient

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Connection

__all__ = [
    "CONNECTING",
    "SCHEMA_REVISION",
    "Engine",
    "application_name",
    "check_schema",
    "connect",
    "oldest_revision",
    "schema_revision",
    "speaking_plainly",
    "transaction",
]

SCHEMA_REVISION = "0029"
"""The migration that this code needs; a test keeps it equal to the newest `pre` step. Revisions are ordered as text."""

CONNECTING = {
    "connect_timeout": 5,
    "keepalives_idle": 30,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 20_000,
}
"""In seconds, the last in milliseconds. A server whose machine lost its power says nothing: without these the kernel
goes on trying for a quarter of an hour, and senders wait for their answer as long. A commit that takes long is none of
this: the server's machine acknowledges what it was sent."""
_POOL_TIMEOUT_SECONDS = 10
_LONGEST_SILENCE_IN_TRANSACTION_SECONDS = 10
"""A process that is stopped or hangs between a statement and its commit keeps rows locked, and others waiting: then
the server rolls back and ends the connection. Within a transaction nothing of ours takes nearly as long."""

_UNWRAPPED = (psycopg2.OperationalError, psycopg2.InterfaceError)
"""SQLAlchemy passes the driver's errors on as they are where it prepares a connection, as for single statements."""


def connect(url: str, *, role: str) -> Engine:
    """Return an engine for a PostgreSQL address; nothing is connected yet.

    Args:
        url: `postgresql+psycopg2://…`; a plain `postgresql://…` means the same.
        role: what the process does; the server shows it as the application's name, with the revision that we need.
    """
    address = make_url(url).set(drivername="postgresql+psycopg2")
    return create_engine(
        address,
        pool_pre_ping=True,
        pool_size=8,
        max_overflow=24,
        pool_timeout=_POOL_TIMEOUT_SECONDS,
        connect_args={
            "application_name": f"{application_name(role)} {SCHEMA_REVISION}",
            **CONNECTING,
            "options": "-c timezone=UTC "
            f"-c idle_in_transaction_session_timeout={_LONGEST_SILENCE_IN_TRANSACTION_SECONDS}s",
        },
    )


def application_name(role: str) -> str:
    """Return the first word of what the server calls the connections of processes of a role."""
    return f"hilum-{role}"


@contextmanager
def transaction(engine: Engine) -> Iterator[Connection]:
    """Open a transaction, commit it at the end of the block, roll it back on an error.

    Raises:
        Transient: the server is away, shutting down, or out of connections.
    """
    with speaking_plainly(), engine.begin() as connection:
        yield connection


@contextmanager
def speaking_plainly() -> Iterator[None]:
    """Turn the driver's errors that pass with time into Hilum's own.

    Raises:
        Transient: the server is away, shutting down, or out of connections.
    """
    try:
        yield
    except (OperationalError, InterfaceError, PoolTimeout, *_UNWRAPPED) as error:
        raise Transient(_why_away(str(error))) from error
    except DBAPIError as error:
        if error.connection_invalidated:
            raise Transient("the database closed the connection") from error
        raise


def _why_away(message: str) -> str:
    """Tell apart, as far as the driver's English text does, what only an operator can mend."""
    if "authentication failed" in message or "no password supplied" in message or "pg_hba.conf" in message:
        return "the database refuses the login; check user and password in database.url"
    if "does not exist" in message:
        return "the database server has no such database or user; check database.url"
    if "unsupported startup parameter" in message:
        return "what stands before the database refuses our settings of a session; connect to the server itself"
    return "the database can't be reached or is busy"


def check_schema(engine: Engine) -> None:
    """Refuse to work on a database that this version does not fit.

    It fits one that has the migration that this code needs, and a newer one that says that it still takes this code.

    Raises:
        Misconfigured: the database was never migrated, not far enough, or too far.
        Transient: the server is away.
    """
    found = schema_revision(engine)
    if found is None:
        raise Misconfigured("the database has no tables of Hilum's; run: hilum db upgrade")
    if found < SCHEMA_REVISION:
        raise Misconfigured(
            f"the database is at revision {found}, this version needs {SCHEMA_REVISION}; run: hilum db upgrade --pre"
        )
    if found > SCHEMA_REVISION and (oldest := oldest_revision(engine) or found) > SCHEMA_REVISION:
        raise Misconfigured(
            f"the database is at revision {found} and takes only versions of revision {oldest} or newer, this one is "
            f"of {SCHEMA_REVISION}; install a newer Hilum"
        )


def schema_revision(engine: Engine) -> str | None:
    """Return the database's migration, None for an empty database."""
    return _word(engine, "SELECT version_num FROM alembic_version")


def oldest_revision(engine: Engine) -> str | None:
    """Return the oldest `SCHEMA_REVISION` whose code the database takes; None where it is too old to say."""
    return _word(engine, "SELECT oldest_revision FROM schema_compatibility")


def _word(engine: Engine, query: str) -> str | None:
    """Return the one value of a query; None where there is no such table."""
    try:
        with transaction(engine) as connection:
            return connection.execute(text(query)).scalar_one_or_none()
    except ProgrammingError:
        return None
