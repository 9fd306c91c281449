"""One moment of the database, to be copied while everything goes on."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Final

from sqlalchemy import text

from db import client_programs
from db.deletions import IS_GONE
from db.engine import speaking_plainly, transaction
from db.upgrade import UPGRADE_LOCK
from domain.backup import NamedFilm

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from pathlib import Path

    from sqlalchemy import Connection, Engine

BACKUP_LOCK: Final = 0x48494C554D02
""""HILUM", and a number: held, shared, for as long as a backup copies films. Who deletes films asks for it first."""
_AT_ONCE = 10_000
_LOCK_WAIT = "--lock-wait-timeout=60s"
_FILMS = f"""
SELECT path, digest, size_bytes FROM instances AS i WHERE NOT {IS_GONE.format(instance="i.id", digest="i.digest")}
UNION
SELECT path, digest, size_bytes FROM conflicts AS c
WHERE path IS NOT NULL AND NOT {IS_GONE.format(instance="c.instance_id", digest="c.digest")}
"""  # noqa: S608 - constants
_MOMENT = text("""
SELECT pg_export_snapshot() AS identifier, now() AS made_at, pg_database_size(current_database()) AS size,
    current_setting('server_version_num')::int / 10000 AS major,
    (SELECT version_num FROM alembic_version) AS revision, (SELECT count(*) FROM studies) AS studies
""")
_FILMS_NOW = text(f"SELECT path FROM ({_FILMS}) AS film WHERE path = ANY(:places)")  # noqa: S608 - constants


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    """What the database holds at one moment; a transaction of its own keeps it."""

    engine: Engine
    connection: Connection
    identifier: str
    made_at: datetime
    revision: str
    server_major: int
    database_bytes: int
    studies: int

    def films(self) -> list[NamedFilm]:
        """Return every film that a row names, those that were kept aside included; each place once."""
        rows = self.connection.execution_options(yield_per=_AT_ONCE).execute(text(_FILMS))
        found = {path: NamedFilm(place=path, digest=digest, size_bytes=size) for path, digest, size in rows}
        return list(found.values())

    def dump(self, file: Path) -> None:
        """Write the whole database to a file, as `pg_restore` reads it.

        Raises:
            Misconfigured: there is no `pg_dump` that fits the server.
            Transient: it failed.
        """
        client_programs.run(
            self.engine,
            "pg_dump",
            self.server_major,
            "--format=custom",
            "--no-owner",
            "--no-privileges",
            _LOCK_WAIT,
            f"--snapshot={self.identifier}",
            f"--file={file}",
        )


@contextmanager
def films_stay(engine: Engine) -> Iterator[None]:
    """For the block, let nobody delete films who asks for the lock.

    Raises:
        Transient: the database is away.
    """
    with speaking_plainly(), engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("SELECT pg_advisory_lock_shared(:lock)"), {"lock": BACKUP_LOCK})
        try:
            yield
        finally:
            connection.invalidate()  # a session's lock ends with the session


@contextmanager
def snapshot(engine: Engine) -> Iterator[Snapshot]:
    """Hold one moment for the block; migrations wait meanwhile, other work does not.

    Raises:
        Transient: the database is away.
    """
    lock = {"lock": UPGRADE_LOCK}
    with (
        speaking_plainly(),
        engine.connect().execution_options(isolation_level="AUTOCOMMIT") as guard,
        engine.connect().execution_options(isolation_level="REPEATABLE READ") as connection,
    ):
        guard.execute(text("SELECT pg_advisory_lock_shared(:lock)"), lock)
        try:
            yield _taken(engine, connection)
        finally:
            guard.invalidate()


def _taken(engine: Engine, connection: Connection) -> Snapshot:
    connection.execute(text("SET LOCAL idle_in_transaction_session_timeout = 0"))  # a dump takes its time
    row = connection.execute(_MOMENT).one()
    return Snapshot(
        engine=engine,
        connection=connection,
        identifier=row.identifier,
        made_at=row.made_at,
        revision=row.revision,
        server_major=row.major,
        database_bytes=row.size,
        studies=row.studies,
    )


def still_named(engine: Engine, places: Collection[str]) -> set[str]:
    """Return those of the places that a row names now.

    Raises:
        Transient: the database is away.
    """
    with transaction(engine) as connection:
        return set(connection.execute(_FILMS_NOW, {"places": list(places)}).scalars())
