"""What is known of the duties' runs, written by whoever runs one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import text

from db.engine import transaction
from domain.duties import DutyName, DutyRecord

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine

_BEGIN = text("""
INSERT INTO duties AS d (name, runs, last_started_at) VALUES (:name, 1, now())
ON CONFLICT (name) DO UPDATE SET runs = d.runs + 1, last_started_at = now()
""")
_END = text("""
UPDATE duties SET last_finished_at = now(), last_seconds = :seconds, last_count = :count, last_error = NULL
WHERE name = :name
""")
_FAIL = text("""
UPDATE duties SET failures = failures + 1, last_finished_at = now(), last_seconds = :seconds, last_error = :error
WHERE name = :name
""")
_RECORDS = text("""
SELECT
    name, runs, failures, last_started_at, last_finished_at, last_seconds, last_count, last_error,
    extract(epoch FROM now() - last_started_at)::float AS age_seconds
FROM duties
""")


class PostgresDutyBook:
    """The table `duties`."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def begin(self, name: DutyName) -> None:
        """Write down that a run begins."""
        with transaction(self._engine) as connection:
            connection.execute(_BEGIN, {"name": name})

    def end(self, name: DutyName, *, seconds: float, count: int) -> None:
        """Write down that it ended well."""
        with transaction(self._engine) as connection:
            connection.execute(_END, {"name": name, "seconds": seconds, "count": count})

    def fail(self, name: DutyName, *, seconds: float, error: str) -> None:
        """Write down that it failed."""
        with transaction(self._engine) as connection:
            connection.execute(_FAIL, {"name": name, "seconds": seconds, "error": error})

    def records(self) -> tuple[DutyRecord, ...]:
        """Return what is known of every duty, also of one that never ran."""
        with transaction(self._engine) as connection:
            return records(connection)


def records(connection: Connection) -> tuple[DutyRecord, ...]:
    """Return what is known of every duty, also of one that never ran."""
    known = {row["name"]: row for row in connection.execute(_RECORDS).mappings()}
    return tuple(
        DutyRecord(**{**known[name], "name": name}) if name in known else DutyRecord(name=name) for name in DutyName
    )
