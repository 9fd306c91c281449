"""Real code that stands in for what the scheduler needs of PostgreSQL."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from domain.duties import DutyName, DutyRecord
from domain.errors import Transient


@dataclass
class FakeDutyBook:
    """A book of duties in memory."""

    kept: dict[DutyName, DutyRecord] = field(default_factory=dict)
    is_away: bool = False

    def begin(self, name: DutyName) -> None:
        """Count a run."""
        self._change(name, runs=self._record(name).runs + 1, age_seconds=0.0)

    def end(self, name: DutyName, *, seconds: float, count: int) -> None:
        """Keep how it ended."""
        self._change(name, last_seconds=seconds, last_count=count, last_error=None)

    def fail(self, name: DutyName, *, seconds: float, error: str) -> None:
        """Keep why it failed."""
        self._change(name, last_seconds=seconds, last_error=error, failures=self._record(name).failures + 1)

    def records(self) -> tuple[DutyRecord, ...]:
        """Return what is known of every duty."""
        return tuple(self._record(name) for name in DutyName)

    def _record(self, name: DutyName) -> DutyRecord:
        if self.is_away:
            raise Transient("the database can't be reached")
        return self.kept.get(name, DutyRecord(name=name))

    def _change(self, name: DutyName, **changes: Any) -> None:  # noqa: ANN401 - fields of a record
        self.kept[name] = replace(self._record(name), **changes)


@dataclass
class FakeSchedulerLock:
    """A lock that is ours while the test says so."""

    is_free: bool = True
    is_connected: bool = True
    is_ours: bool = False

    def take(self) -> bool:
        """Take it if it is free."""
        if not self.is_connected:
            raise Transient("the database can't be reached")
        self.is_ours = self.is_free
        return self.is_ours

    def check(self) -> None:
        """Refuse without a connection."""
        if not (self.is_ours and self.is_connected):
            raise Transient("the connection is lost")

    def release(self) -> None:
        """Let go."""
        self.is_ours = False
