"""Brings a database to the schema that this version needs, or back.

A migration is a `pre` or a `post` step, as its file is called. A `pre` step only adds: processes of the version before
go on working. A `post` step takes away or tightens, and is for when the last of them has gone.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Final

from alembic import command
from alembic.config import Config
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from db.engine import oldest_revision, schema_revision, transaction
from domain.errors import Misconfigured, Transient

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine

UPGRADE_LOCK: Final = 0x48494C554D
""""HILUM": one upgrade at a time on one database, and none while it is dumped."""
MIGRATIONS: Final = Path(__file__).parent / "migrations"
_OLDEST_SERVER = 140000
_TRIES = 30
_PAUSE_SECONDS = 0.5
_LOCK_NOT_AVAILABLE = "55P03"
_PATIENCE = "SET LOCAL lock_timeout = '800ms'"
"""Shorter than the server waits before it looks for a deadlock, a second: of two that wait for each other it is the
upgrade that steps back and tries again, and nobody stands long in the queue behind it."""
_OLD_PROCESSES = text("""
SELECT DISTINCT split_part(application_name, ' ', 1) || coalesce(' at ' || host(client_addr), '')
FROM pg_stat_activity
WHERE datname = current_database() AND application_name LIKE 'hilum-%' AND pid <> pg_backend_pid()
AND split_part(application_name, ' ', 1) NOT IN ('hilum-listener', 'hilum-scheduler-lock')
AND split_part(application_name, ' ', 2) < :needed
ORDER BY 1
""")
"""Connections of processes whose code needs less; those of the time before said no revision. The two roles that are
left out belong to processes that have others."""


class Kind(StrEnum):
    """Which steps a migration belongs to."""

    PRE = "pre"
    POST = "post"


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """A migration."""

    revision: str
    kind: Kind
    needed: str
    """Of the code that works once it is applied: this step itself, or before a `post` step the last `pre` step."""


def steps(folder: Path = MIGRATIONS) -> list[Step]:
    """Return all migrations, the oldest first."""
    from alembic.script import ScriptDirectory

    found: list[Step] = []
    for script in reversed(list(ScriptDirectory.from_config(_config(None, folder)).walk_revisions())):
        kind = Kind(Path(script.path).name.split("_")[1])
        needed = script.revision if kind is Kind.PRE else found[-1].needed
        found.append(Step(revision=script.revision, kind=kind, needed=needed))
    return found


def pending(engine: Engine, folder: Path = MIGRATIONS) -> list[Step]:
    """Return the migrations that a database lacks, the oldest first; none where it is newer than we are.

    Raises:
        Transient: the server is away.
    """
    before = schema_revision(engine) or ""
    return [step for step in steps(folder) if step.revision > before]


def upgrade(engine: Engine, only: Kind | None = None, folder: Path = MIGRATIONS) -> tuple[str | None, str]:
    """Apply what is missing, while other upgrades wait; return the revision before and after.

    Args:
        engine: the database.
        only: `pre` for what new processes need before they start, `post` for the rest, None for both. A `post` step of
            an earlier version that lies before a missing `pre` step is applied with it.
        folder: the migrations.

    Raises:
        Misconfigured: the server is older than PostgreSQL 14; the database is newer than this version and does not take
            it; a `post` step is due, and processes of an older version are connected; or the `pre` steps are missing.
        Transient: the server is away, or too busy.
    """
    for _ in range(_TRIES):
        try:
            return _upgrade(engine, only, folder)
        except Transient as error:
            if not _found_no_room(error):
                raise
            time.sleep(_PAUSE_SECONDS)
    raise Transient("others held the tables that the upgrade changes for too long; try again")


def downgrade(engine: Engine, revision: str) -> None:
    """Take migrations back to a revision, or to `base`, which drops every table."""
    with transaction(engine) as connection:
        command.downgrade(_config(connection, MIGRATIONS), revision)


def _upgrade(engine: Engine, only: Kind | None, folder: Path) -> tuple[str | None, str]:
    known = steps(folder)
    with transaction(engine) as connection:
        _check_server(connection)
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": UPGRADE_LOCK})
        connection.execute(text(_PATIENCE))
        before = schema_revision(engine)
        if before is not None and before > known[-1].revision:
            _check_newer(engine, known[-1])
            return before, before
        due = _due(known, before, only)
        if due:
            _check_processes(connection, due)
            command.upgrade(_config(connection, folder), due[-1].revision)
            _record(connection, due)
    return before, due[-1].revision if due else (before or "")


def _due(known: list[Step], before: str | None, only: Kind | None) -> list[Step]:
    missing = [step for step in known if step.revision > (before or "")]
    last = known[-1].needed
    if only is Kind.PRE:
        return [step for step in missing if step.revision <= last]
    if only is Kind.POST and (before or "") < last:
        raise Misconfigured("the database lacks steps that this version needs; run first: hilum db upgrade --pre")
    return missing


def _check_newer(engine: Engine, last: Step) -> None:
    found = schema_revision(engine)
    if (oldest_revision(engine) or str(found)) > last.needed:
        raise Misconfigured(
            f"the database is at revision {found}, which does not take this version; install a newer Hilum"
        )


def _check_processes(connection: Connection, due: list[Step]) -> None:
    """Let no `post` step come while somebody works who does not survive it."""
    needed = [step.needed for step in due if step.kind is Kind.POST]
    if not needed:
        return
    old = connection.execute(_OLD_PROCESSES, {"needed": needed[-1]}).scalars().all()
    if old:
        raise Misconfigured(
            f"the next steps are for when no process older than revision {needed[-1]} is left; still connected: "
            f"{', '.join(old)}; stop them, then upgrade again"
        )


def _record(connection: Connection, due: list[Step]) -> None:
    """Note what no longer works; it is only ever a `post` step that makes it so."""
    needed = [step.needed for step in due if step.kind is Kind.POST]
    if needed:
        connection.execute(text("UPDATE schema_compatibility SET oldest_revision = :needed"), {"needed": needed[-1]})


def _found_no_room(error: Transient) -> bool:
    cause = error.__cause__
    return isinstance(cause, DBAPIError) and getattr(cause.orig, "pgcode", None) == _LOCK_NOT_AVAILABLE


def _check_server(connection: Connection) -> None:
    version = int(connection.execute(text("SHOW server_version_num")).scalar_one())
    if version < _OLDEST_SERVER:
        raise Misconfigured(f"PostgreSQL {version // 10000} is too old; 14 or newer is needed")


def _config(connection: Connection | None, folder: Path) -> Config:
    config = Config()
    config.set_main_option("script_location", str(folder))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config
