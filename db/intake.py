"""What the node writes: received instances with their studies, series and jobs, many in one transaction."""

from __future__ import annotations

import json
import threading
from dataclasses import asdict, dataclass, field, fields
from types import MappingProxyType
from typing import TYPE_CHECKING
from uuid import uuid4

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from db.deletions import IS_GONE
from db.engine import speaking_plainly, transaction
from db.queue import notify
from db.wakeups import CHANNEL
from domain.errors import Transient
from domain.film import ConflictPolicy, ReceivedInstance, Reception, Recorded
from domain.ids import StudyId
from domain.jobs import CLASSIFY_LANE, JobKind

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import timedelta
    from typing import Any

    from sqlalchemy import Connection, Engine, Row


_TAKE = text("SELECT reception, study_id, path FROM take_instances(:instances, :kind, :lane, :max_attempts, :channel)")
_PATHS = text(f"""
SELECT path FROM instances AS i WHERE path LIKE :shelf AND NOT {IS_GONE.format(instance="i.id", digest="i.digest")}
UNION ALL
SELECT path FROM conflicts AS c WHERE path LIKE :shelf
AND NOT {IS_GONE.format(instance="c.instance_id", digest="c.digest")}
""")  # noqa: S608 - constants
_GOING = text("""
SELECT path FROM film_deletions WHERE removed_at IS NULL AND restored_at IS NULL AND path LIKE :shelf
""")
_COMPLETE = text("""
UPDATE jobs SET run_after = now(), turn = turn - (run_after - now())
WHERE kind = :kind AND subject_id = ANY(:studies) AND state = 'waiting' AND reason IS NULL AND run_after > now()
""")
_LARGEST_GROUP = 64
_NOBODY: Mapping[str, timedelta] = MappingProxyType({})
_FIELDS = tuple(one.name for one in fields(ReceivedInstance) if one.name != "identity")


@dataclass(slots=True)
class _Waiting:
    """An instance of one thread, and what became of it."""

    instance: ReceivedInstance
    recorded: Recorded | None = None
    problem: Exception | None = None
    settled: threading.Event = field(default_factory=threading.Event)


class PostgresIntake:
    """Records received instances; what several threads bring at once is committed together.

    Whoever comes while nobody commits, commits for all who wait. Nobody is answered before the commit.
    """

    def __init__(
        self,
        engine: Engine,
        *,
        quiet: timedelta,
        max_attempts: int,
        quiet_by_sender: Mapping[str, timedelta] = _NOBODY,
        on_conflict: ConflictPolicy = ConflictPolicy.KEEP_FIRST,
        workitems_expire: timedelta | None = None,
        to_read: bool = True,
    ) -> None:
        """Record nothing yet.

        Args:
            engine: the database.
            quiet: a study with no new instance for this long is complete.
            max_attempts: tries of a classification before it is held.
            quiet_by_sender: the same as `quiet` by calling AE title, where it differs.
            on_conflict: what is done with other content under a known UID.
            workitems_expire: after this long a study that nobody has begun to read leaves the reading worklist; None:
                there is no such list.
            to_read: whether radiologists are to find the studies in their list.
        """
        self._plain = engine
        # One statement that commits by itself: no round trips for BEGIN and COMMIT.
        self._engine = engine.execution_options(isolation_level="AUTOCOMMIT")
        self._quiet = quiet
        self._quiet_by_sender = quiet_by_sender
        self._on_conflict = on_conflict
        self._workitems_expire = workitems_expire
        self._to_read = to_read
        self._max_attempts = max_attempts
        self._connection: Connection | None = None
        """Used by the thread that commits, kept since checking one out costs as much as the statement."""
        self._queue: list[_Waiting] = []
        self._lock = threading.Lock()
        self._committing = threading.Lock()

    def record(self, instance: ReceivedInstance) -> Recorded:
        """Commit the instance's rows and its study's job; known content changes nothing."""
        mine = _Waiting(instance)
        with self._lock:
            self._queue.append(mine)
        while not mine.settled.is_set():
            with self._committing:
                if not mine.settled.is_set():
                    self._commit_group()
        if mine.problem is not None:
            raise mine.problem
        assert mine.recorded is not None  # noqa: S101 - settled without a problem
        return mine.recorded

    def complete(self, study_ids: Sequence[StudyId]) -> None:
        """Make studies due at once whose jobs still wait for quiet; those that wait for another try go on waiting."""
        values = {"studies": list(study_ids), "kind": JobKind.CLASSIFY}
        with transaction(self._plain) as connection:
            if connection.execute(_COMPLETE, values).rowcount:
                notify(connection, CLASSIFY_LANE)

    def paths_on(self, shelf: str) -> set[str]:
        """Return the places of all instances on a shelf of the store, but for those that were deleted on purpose."""
        with transaction(self._plain) as connection:
            return set(connection.execute(_PATHS, {"shelf": f"{shelf}/%"}).scalars())

    def going_from(self, shelf: str) -> set[str]:
        """Return the places on a shelf whose files are about to be removed on purpose."""
        with transaction(self._plain) as connection:
            return set(connection.execute(_GOING, {"shelf": f"{shelf}/%"}).scalars())

    def close(self) -> None:
        """Let go of the connection that is kept; the next instance opens another one."""
        with self._committing:
            self._disconnect()

    def _commit_group(self) -> None:
        with self._lock:
            group, self._queue = self._queue[:_LARGEST_GROUP], self._queue[_LARGEST_GROUP:]
        try:
            self._settle(group)
        except Transient as error:
            for waiting in group:
                waiting.problem = error
        except Exception:  # noqa: BLE001 - one of them is at fault: each for itself
            for waiting in group:
                self._settle_alone(waiting)
        for waiting in group:
            waiting.settled.set()

    def _settle(self, group: Sequence[_Waiting]) -> None:
        for waiting, recorded in zip(group, self._record([one.instance for one in group]), strict=True):
            waiting.recorded = recorded

    def _settle_alone(self, waiting: _Waiting) -> None:
        try:
            self._settle([waiting])
        except Exception as error:  # noqa: BLE001 - its own thread raises it
            waiting.problem = error

    def _record(self, instances: Sequence[ReceivedInstance]) -> list[Recorded]:
        # In one order everywhere: two processes that lock the same studies never wait for each other in a ring.
        places = sorted(range(len(instances)), key=lambda place: instances[place].study_uid)
        values = {
            "instances": json.dumps([self._as_dict(instances[place]) for place in places]),
            "kind": JobKind.CLASSIFY,
            "lane": CLASSIFY_LANE,
            "max_attempts": self._max_attempts,
            "channel": CHANNEL,
        }
        rows = self._execute(values)
        answers = {
            place: Recorded(reception=Reception(row.reception), study_id=StudyId(row.study_id), path=row.path)
            for place, row in zip(places, rows, strict=True)
        }
        return [answers[place] for place in range(len(instances))]

    def _execute(self, values: Mapping[str, object]) -> Sequence[Row[*tuple[Any, ...]]]:
        """Execute on the connection that is kept; what broke it is tried once more, for taking twice is harmless."""
        if self._connection is not None:
            try:
                return self._connection.execute(_TAKE, values).all()
            except DBAPIError as error:
                self._disconnect()
                if not error.connection_invalidated:
                    raise
        try:
            with speaking_plainly():
                self._connection = self._engine.connect()
                return self._connection.execute(_TAKE, values).all()
        except Exception:
            self._disconnect()
            raise

    def _disconnect(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def _as_dict(self, instance: ReceivedInstance) -> dict[str, object]:
        quiet = self._quiet_by_sender.get(instance.calling_ae_title, self._quiet)
        return {name: getattr(instance, name) for name in _FIELDS} | {
            "quiet_seconds": quiet.total_seconds(),
            "on_conflict": self._on_conflict,
            "identity": asdict(instance.identity),
            "to_read": self._to_read,
            **self._workitem(),
        }

    def _workitem(self) -> dict[str, object]:
        """Return what the item of the worklist is made of, if the study has none."""
        if self._workitems_expire is None:
            return {}
        return {
            "workitem_uid": f"2.25.{uuid4().int}",  # PS3.5 B.2
            "workitem_seconds": self._workitems_expire.total_seconds(),
        }
