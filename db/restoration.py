"""Fills an empty database from a dump."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import text

from db import client_programs
from db.engine import transaction
from domain.errors import Misconfigured

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy import Engine

_RELATIONS = text("""
SELECT count(*) FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
WHERE nspname NOT LIKE 'pg\\_%' AND nspname <> 'information_schema'
""")


def is_empty(engine: Engine) -> bool:
    """Whether nobody has made a table in the database.

    Raises:
        Transient: the server is away.
    """
    with transaction(engine) as connection:
        return int(connection.execute(_RELATIONS).scalar_one()) == 0


def fitting_major(engine: Engine, dumped: int) -> int:
    """Return the server's major version, if a dump of another server can be restored there.

    Raises:
        Misconfigured: the server is older than the dumped one, or there is no `pg_restore` that fits it.
        Transient: the server is away.
    """
    with transaction(engine) as connection:
        major = int(connection.execute(text("SHOW server_version_num")).scalar_one()) // 10000
    if major < dumped:
        raise Misconfigured(
            f"the backup comes from PostgreSQL {dumped}, the server is PostgreSQL {major}; restore to {dumped} or newer"
        )
    client_programs.program("pg_restore", major)
    return major


def restore(engine: Engine, dump: Path, major: int) -> None:
    """Bring back everything in one transaction: afterwards the database has all of it, or is empty as before.

    Raises:
        Transient: it failed.
    """
    client_programs.run(
        engine,
        "pg_restore",
        major,
        "--single-transaction",
        "--exit-on-error",
        "--no-owner",
        "--no-privileges",
        str(dump),
    )
