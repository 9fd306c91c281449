"""Three job queues in PostgreSQL, each driven as its own documentation tells: Hilum's, procrastinate, pgqueuer.

A worker does nothing with a job but end it. All three write down every change of a job's state.
"""

from __future__ import annotations

import queue as queues
import threading
import time
import uuid
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any, ClassVar

import asyncpg
import procrastinate
import uvloop
from pgqueuer import PgQueuer
from pgqueuer.domain.types import QueueExecutionMode
from pgqueuer.ports.repository import EntrypointExecutionParameter
from pgqueuer.queries import Queries
from procrastinate.jobs import Status
from sqlalchemy import text

from db.engine import connect, transaction
from db.queue import PostgresQueue, enqueue, finish_all
from db.upgrade import upgrade
from domain.jobs import CLASSIFY_LANE, JobKind

if TYPE_CHECKING:
    from pgqueuer.models import Job as PgQueuerJob

    from domain.jobs import Job

_LEASE = timedelta(seconds=20)
_ATTEMPTS = 5
_SOON = timedelta(seconds=1)
"""How long a worker of pgqueuer's sleeps at most: it matters at the end only, when the queue is empty."""
_AS_FROM_A_DUMP = "SET LOCAL session_replication_role = replica"
"""Triggers and foreign keys rest: what they would write is written at once."""


class Rival(ABC):
    """A queue in a database of its own."""

    name: ClassVar[str]
    records: ClassVar[str]
    """Says when, as `at`, which `change` happened to a job, by the names in `claimed` and `settled`."""
    claimed: ClassVar[str]
    settled: ClassVar[str]
    filling: ClassVar[tuple[str, ...]]
    """Writes `:done` jobs as they are when they ended a day ago, with their history."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._plain_url = url.replace("postgresql+psycopg2", "postgresql", 1)
        self.engine = connect(url, role="bench")

    @abstractmethod
    def install(self) -> None:
        """Make the tables."""

    @abstractmethod
    def add(self, count: int) -> float:
        """Enqueue jobs, each in a transaction of its own, over one connection; return the seconds."""

    @abstractmethod
    def add_together(self, count: int, size: int) -> float:
        """Enqueue jobs in groups of a size; return the seconds."""

    @abstractmethod
    def claim_singly(self, count: int) -> list[float]:
        """Claim jobs one by one and return the seconds of each; end them afterwards."""

    @abstractmethod
    def work(self, batch: int) -> None:
        """Claim and end jobs until there are none: what a worker process does."""

    def fill(self, done: int) -> None:
        """Put in jobs that ended before."""
        with transaction(self.engine) as connection:
            connection.execute(text(_AS_FROM_A_DUMP))
            for statement in self.filling:
                connection.execute(text(statement), {"done": done})
        self.tidy()

    def tidy(self) -> None:
        """Do what autovacuum does in time: a queue's plans are no better than PostgreSQL's idea of its tables."""
        with self.engine.execution_options(isolation_level="AUTOCOMMIT").connect() as connection:
            connection.execute(text("VACUUM ANALYZE"))

    def ended(self, since: float) -> tuple[int, float, float]:
        """Return how many jobs ended since a time, when the first was claimed, and when the last one ended."""
        statement = f"""
            SELECT count(*) FILTER (WHERE change = :settled),
                   extract(epoch FROM min(at) FILTER (WHERE change = :claimed)),
                   extract(epoch FROM max(at) FILTER (WHERE change = :settled))
            FROM ({self.records}) AS records WHERE at >= to_timestamp(:since)
        """  # noqa: S608 - constants
        values = {"since": since, "claimed": self.claimed, "settled": self.settled}
        with transaction(self.engine) as connection:
            count, first, last = connection.execute(text(statement), values).one()
        return count, float(first or 0.0), float(last or 0.0)


class Hilum(Rival):
    """Jobs with leases, in lanes; a thread claims while another one ends, as in the worker's pipeline."""

    name = "Hilum"
    records = "SELECT happened_at AS at, after AS change FROM job_history"
    claimed, settled = "leased", "done"
    filling = (
        """WITH ended AS (
             INSERT INTO jobs
               (kind, lane, subject_id, state, attempts, max_attempts, run_after, turn, created_at, settled_at)
             SELECT 'classify', 'classify', n, 'done', 1, 5, at, at, at, at
             FROM generate_series(1, :done) AS n,
               LATERAL (SELECT now() - interval '1 day' - n * interval '1 ms' AS at) AS moment
             RETURNING id, settled_at)
           INSERT INTO job_history (job_id, happened_at, before, after, attempt, actor)
           SELECT id, settled_at, before, after, 1, 'host:1'
           FROM ended, (VALUES ('waiting', 'leased'), ('leased', 'done')) AS change (before, after)""",
    )

    def install(self) -> None:
        """Make the tables."""
        upgrade(self.engine)

    def add(self, count: int) -> float:
        """Enqueue in single transactions."""
        return self.add_together(count, 1)

    def add_together(self, count: int, size: int) -> float:
        """Enqueue in one transaction a group; there is no statement for many jobs."""
        first, began = time.time_ns() // 1000, time.perf_counter()  # each job is about another study
        for start in range(0, count, size):
            with transaction(self.engine) as connection:
                for number in range(start, min(start + size, count)):
                    enqueue(
                        connection,
                        JobKind.CLASSIFY,
                        CLASSIFY_LANE,
                        first + number,
                        max_attempts=_ATTEMPTS,
                        after=timedelta(0),
                    )
        return time.perf_counter() - began

    def claim_singly(self, count: int) -> list[float]:
        """Claim one by one."""
        queue, times, claimed = PostgresQueue(self.engine), [], []
        for _ in range(count):
            began = time.perf_counter()
            claimed += queue.claim(CLASSIFY_LANE, worker="bench", lease=_LEASE, limit=1)
            times.append(time.perf_counter() - began)
        self._end(claimed)
        return times

    def work(self, batch: int) -> None:
        """Claim in this thread and end in another one."""
        queue = PostgresQueue(self.engine)
        lists: queues.Queue[list[Job]] = queues.Queue(2)
        settler = threading.Thread(target=self._settle, args=(lists,))
        settler.start()
        while jobs := queue.claim(CLASSIFY_LANE, worker="bench", lease=_LEASE, limit=batch):
            lists.put(jobs)
        lists.put([])
        settler.join()

    def _settle(self, lists: queues.Queue[list[Job]]) -> None:
        while jobs := lists.get():
            self._end(jobs)

    def _end(self, jobs: list[Job]) -> None:
        with transaction(self.engine) as connection:
            if finish_all(connection, jobs):
                raise RuntimeError("a lease was lost")


class Procrastinate(Rival):
    """procrastinate with its psycopg pool: it fetches jobs one by one, `concurrency` of them at a time."""

    name = "procrastinate"
    records = "SELECT at, type::text AS change FROM procrastinate_events"
    claimed, settled = "started", "succeeded"
    filling = (
        """WITH ended AS (
             INSERT INTO procrastinate_jobs (queue_name, task_name, args, status, attempts)
             SELECT 'default', 'nothing', jsonb_build_object('number', n), 'succeeded', 1
             FROM generate_series(1, :done) AS n
             RETURNING id)
           INSERT INTO procrastinate_events (job_id, type, at)
           SELECT id, type::procrastinate_job_event_type, now() - interval '1 day'
           FROM ended, (VALUES ('deferred'), ('started'), ('succeeded')) AS event (type)""",
    )

    def install(self) -> None:
        """Make the tables."""

        async def make() -> None:
            async with self._opened(1) as (app, _):
                await app.schema_manager.apply_schema_async()

        uvloop.run(make())

    def add(self, count: int) -> float:
        """Defer one by one."""

        async def defer() -> float:
            async with self._opened(1) as (_, task):
                began = time.perf_counter()
                for number in range(count):
                    await task.defer_async(number=number)
                return time.perf_counter() - began

        return uvloop.run(defer())

    def add_together(self, count: int, size: int) -> float:
        """Defer in batches."""

        async def defer() -> float:
            async with self._opened(1) as (_, task):
                began = time.perf_counter()
                for start in range(0, count, size):
                    numbers = range(start, min(start + size, count))
                    await task.batch_defer_async(*({"number": number} for number in numbers))
                return time.perf_counter() - began

        return uvloop.run(defer())

    def claim_singly(self, count: int) -> list[float]:
        """Fetch one by one."""

        async def fetch() -> list[float]:
            async with self._opened(1) as (app, _):
                manager, times, claimed = app.job_manager, [], []
                worker = await manager.register_worker()
                for _ in range(count):
                    began = time.perf_counter()
                    claimed.append(await manager.fetch_job(queues=None, worker_id=worker))
                    times.append(time.perf_counter() - began)
                for job in claimed:
                    await manager.finish_job(job, Status.SUCCEEDED, delete_job=False)
                await manager.unregister_worker(worker)
                return times

        return uvloop.run(fetch())

    def work(self, batch: int) -> None:
        """Run its worker until there is no job."""

        async def run() -> None:
            async with self._opened(batch + 2) as (app, _):
                await app.run_worker_async(concurrency=batch, wait=False, install_signal_handlers=False)

        uvloop.run(run())

    @asynccontextmanager
    async def _opened(self, connections: int) -> AsyncIterator[tuple[procrastinate.App, Any]]:
        connector = procrastinate.PsycopgConnector(conninfo=self._plain_url, min_size=connections, max_size=connections)
        app = procrastinate.App(connector=connector)

        @app.task(name="nothing")
        async def nothing(number: int) -> None:
            """Do nothing."""

        async with app.open_async():
            yield app, nothing


class PgQueuerRival(Rival):
    """pgqueuer with an asyncpg pool: it takes jobs in batches, and deletes what ended, with a line in its log."""

    name = "pgqueuer"
    records = "SELECT created AS at, status::text AS change FROM pgqueuer_log"
    claimed, settled = "picked", "successful"
    filling = (
        """INSERT INTO pgqueuer_log (job_id, created, status, priority, entrypoint, aggregated)
           SELECT nextval(pg_get_serial_sequence('pgqueuer', 'id')), now() - interval '1 day' - n * interval '1 ms',
                  status::pgqueuer_status, 0, 'nothing', true
           FROM generate_series(1, :done) AS n, (VALUES ('queued'), ('picked'), ('successful')) AS event (status)""",
    )

    def install(self) -> None:
        """Make the tables, with the settings for autovacuum that its command recommends."""

        async def make() -> None:
            async with self._pool(1) as pool:
                queries = Queries.from_asyncpg_pool(pool)
                await queries.install()
                await queries.optimize_autovacuum()

        uvloop.run(make())

    def add(self, count: int) -> float:
        """Enqueue one by one."""

        async def run() -> float:
            async with self._pool(1) as pool:
                queries, began = Queries.from_asyncpg_pool(pool), time.perf_counter()
                for number in range(count):
                    await queries.enqueue("nothing", str(number).encode())
                return time.perf_counter() - began

        return uvloop.run(run())

    def add_together(self, count: int, size: int) -> float:
        """Enqueue lists."""

        async def run() -> float:
            async with self._pool(1) as pool:
                queries, began = Queries.from_asyncpg_pool(pool), time.perf_counter()
                for start in range(0, count, size):
                    payloads = [str(number).encode() for number in range(start, min(start + size, count))]
                    await queries.enqueue(["nothing"] * len(payloads), payloads, [0] * len(payloads))
                return time.perf_counter() - began

        return uvloop.run(run())

    def claim_singly(self, count: int) -> list[float]:
        """Dequeue one by one."""

        async def run() -> list[float]:
            async with self._pool(1) as pool:
                queries, times = Queries.from_asyncpg_pool(pool), []
                claimed: list[PgQueuerJob] = []
                for _ in range(count):
                    began = time.perf_counter()
                    claimed += await queries.dequeue(
                        batch_size=1,
                        entrypoints={"nothing": EntrypointExecutionParameter(concurrency_limit=0)},
                        queue_manager_id=uuid.UUID(int=1),
                        global_concurrency_limit=None,
                        heartbeat_timeout=timedelta(seconds=30),
                    )
                    times.append(time.perf_counter() - began)
                await queries.log_jobs([(job, "successful", None) for job in claimed])
                return times

        return uvloop.run(run())

    def work(self, batch: int) -> None:
        """Run its manager until the queue is empty."""

        async def run() -> None:
            async with self._pool(batch) as pool:
                manager = PgQueuer.from_asyncpg_pool(pool)

                @manager.entrypoint("nothing")
                async def nothing(job: PgQueuerJob) -> None:
                    """Do nothing."""

                await manager.run(dequeue_timeout=_SOON, batch_size=batch, mode=QueueExecutionMode.drain)

        uvloop.run(run())

    @asynccontextmanager
    async def _pool(self, connections: int) -> AsyncIterator[asyncpg.Pool]:
        async with asyncpg.create_pool(self._plain_url, min_size=connections, max_size=connections) as pool:
            yield pool


RIVALS: dict[str, type[Rival]] = {each.name: each for each in (Hilum, Procrastinate, PgQueuerRival)}
