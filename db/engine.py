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
    "schema_revision",
    "speaking_plainly",
    "transaction",
]

SCHEMA_REVISION = "0028"
"""The migration that this code needs; a test keeps it equal to Alembic's head."""

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
        role: what the process does; the server shows it as the application's name.
    """
    address = make_url(url).set(drivername="postgresql+psycopg2")
    return create_engine(
        address,
        pool_pre_ping=True,
        pool_size=8,
        max_overflow=24,
        pool_timeout=_POOL_TIMEOUT_SECONDS,
        connect_args={
            "application_name": application_name(role),
            **CONNECTING,
            "options": "-c timezone=UTC "
            f"-c idle_in_transaction_session_timeout={_LONGEST_SILENCE_IN_TRANSACTION_SECONDS}s",
        },
    )


def application_name(role: str) -> str:
    """Return what the server calls the connections of processes of a role."""
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

    Raises:
        Misconfigured: the database was never migrated, or to another revision.
        Transient: the server is away.
    """
    found = schema_revision(engine)
    if found != SCHEMA_REVISION:
        state = (
            "has no tables of Hilum's"
            if found is None
            else f"is at revision {found}, this version needs {SCHEMA_REVISION}"
        )
        raise Misconfigured(f"the database {state}; run: hilum db upgrade")


def schema_revision(engine: Engine) -> str | None:
    """Return the database's migration, None for an empty database."""
    try:
        with transaction(engine) as connection:
            return connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one_or_none()
    except ProgrammingError:
        return None
