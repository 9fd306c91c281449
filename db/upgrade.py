"""Brings a database to the schema that this version needs, or back."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from alembic import command
from alembic.config import Config
from sqlalchemy import text

from db.engine import SCHEMA_REVISION, schema_revision, transaction
from domain.errors import Misconfigured

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine

_OLDEST_SERVER = 140000
_LOCK = 0x48494C554D  # "HILUM": one upgrade at a time on one database


def upgrade(engine: Engine) -> tuple[str | None, str]:
    """Apply what is missing, while other upgrades wait; return the revision before and after.

    Raises:
        Misconfigured: the server is older than PostgreSQL 14, or the database is newer than this version.
        Transient: the server is away.
    """
    before = schema_revision(engine)
    if before is not None and before not in known_revisions():
        raise Misconfigured(
            f"the database is at revision {before}, which this version does not know; install a newer Hilum"
        )
    with transaction(engine) as connection:
        _check_server(connection)
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
        command.upgrade(_config(connection), "head")
    return before, SCHEMA_REVISION


def downgrade(engine: Engine, revision: str) -> None:
    """Take migrations back to a revision, or to `base`, which drops every table."""
    with transaction(engine) as connection:
        command.downgrade(_config(connection), revision)


def known_revisions() -> list[str]:
    """Return all revisions, the newest first."""
    from alembic.script import ScriptDirectory

    return [script.revision for script in ScriptDirectory.from_config(_config(None)).walk_revisions()]


def _check_server(connection: Connection) -> None:
    version = int(connection.execute(text("SHOW server_version_num")).scalar_one())
    if version < _OLDEST_SERVER:
        raise Misconfigured(f"PostgreSQL {version // 10000} is too old; 14 or newer is needed")


def _config(connection: Connection | None) -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config
