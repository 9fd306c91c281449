"""How many jobs a second go through Hilum's queue, beside procrastinate and pgqueuer on the same PostgreSQL server?

The server is the embedded one with its default durability. Each queue has databases of its own: an empty one, and one
with many jobs that ended, written as the queue itself leaves them. All are measured in turns, the order turned round
each time; what is told are medians of the rounds:

enqueue  one connection; each job in a transaction of its own, and in groups of a hundred (Hilum: a transaction for
         each group, the others: their own way to add many).
work     jobs claimed and ended per second by 1 and 4 worker processes that do nothing with them, from the first claim
         to the last end, as each queue's own records have them; the tables are vacuumed and analysed before.
claim    milliseconds of single claims of one job while others wait (median), in short turns.

Every queue writes down each change of a job's state: Hilum by a trigger into job_history, procrastinate by triggers
into procrastinate_events, pgqueuer by its statements into pgqueuer_log.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from rival_queues import RIVALS, Rival
from sqlalchemy import text

from db.engine import transaction
from tests.conftest import embedded_server, new_database

WORKERS = (1, 4)
_CLAIM = "claim of one, ms"
_GROUP = 100
_TURNS = 10
_WORKER = Path(__file__).with_name("queue_worker.py")
_DURABILITY = ("server_version", "fsync", "synchronous_commit", "full_page_writes", "shared_buffers")

Cell = tuple[str, str, int]
"""What was measured, of which queue, with how many jobs that ended before."""


@dataclass(frozen=True, slots=True)
class Stall:
    """A queue with a database of its own, in which so many jobs have ended."""

    rival: Rival
    url: str
    done: int


def settings(batch: int) -> str:
    """Say how each queue is driven."""
    return f"""
Hilum: psycopg2, SQLAlchemy's pool; {batch} jobs a claim, ended together, one thread claims and one ends
procrastinate {version("procrastinate")}: psycopg {version("psycopg")} with its C library, AsyncConnectionPool, uvloop;
  concurrency {batch}, {batch + 2} connections, all else by default
pgqueuer {version("pgqueuer")}: asyncpg {version("asyncpg")}, a pool of {batch}, uvloop; batch_size {batch}, durable
  tables, optimize_autovacuum, all else by default
"""


def measure(stall: Stall, arguments: argparse.Namespace) -> Iterator[tuple[str, float]]:
    """Yield what one queue does in one round."""
    rival = stall.rival
    singles = arguments.jobs // 4
    yield "enqueue one by one, jobs/s", singles / rival.add(singles)
    rest = arguments.jobs - singles
    yield f"enqueue by {_GROUP}, jobs/s", rest / rival.add_together(rest, _GROUP)
    for number, workers in enumerate(WORKERS):
        if number:
            rival.add_together(arguments.jobs, _GROUP)
        yield f"work, {workers} worker{'s'[: workers - 1]}, jobs/s", drained(stall, workers, arguments)


def claims(stalls: Sequence[Stall], arguments: argparse.Namespace) -> dict[Cell, list[float]]:
    """Return the median milliseconds of a single claim; the queues take short turns, for disks have moods."""
    found: dict[Cell, list[float]] = {}
    share = max(arguments.claims // _TURNS, 1)
    for stall in stalls:
        stall.rival.add_together(2 * share * _TURNS, _GROUP)  # half of them go on waiting
        stall.rival.tidy()
    for _ in range(_TURNS):
        for stall in stalls:
            times = found.setdefault((_CLAIM, stall.rival.name, stall.done), [])
            times.extend(stall.rival.claim_singly(share))
    return {cell: [1000 * statistics.median(times)] for cell, times in found.items()}


def drained(stall: Stall, workers: int, arguments: argparse.Namespace) -> float:
    """Let workers loose on the waiting jobs and return how many they ended per second."""
    rival = stall.rival
    rival.tidy()
    command = [sys.executable, str(_WORKER), rival.name, stall.url, str(arguments.batch)]
    with ExitStack() as stack:
        started = [
            stack.enter_context(subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True))
            for _ in range(workers)
        ]
        for each in started:
            if each.stdout is None or each.stdout.readline() != "ready\n":
                sys.exit(f"a worker of {rival.name} did not start")
        let_go = time.time()
        for each in started:
            if each.stdin is not None:
                each.stdin.write("go\n")
                each.stdin.flush()
        codes = [each.wait() for each in started]
    if any(codes):
        sys.exit(f"a worker of {rival.name} failed")
    count, first, last = rival.ended(let_go)
    if count != arguments.jobs:
        sys.exit(f"{rival.name}: {count} of {arguments.jobs} jobs ended")
    return count / (last - first)


def prepared(stack: ExitStack, server_url: str, done: int) -> Iterator[Stall]:
    """Make the databases of all queues, empty and with jobs that ended before."""
    for before in dict.fromkeys((0, done)):
        for kind in RIVALS.values():
            url = stack.enter_context(new_database(server_url))
            rival = kind(url)
            stack.callback(rival.engine.dispose)
            rival.install()
            began = time.perf_counter()
            rival.fill(before)
            print(f"{rival.name}: {before} jobs that ended, in {time.perf_counter() - began:.0f} s", file=sys.stderr)
            yield Stall(rival, url, before)


def measure_all(stalls: Sequence[Stall], arguments: argparse.Namespace) -> dict[Cell, list[float]]:
    """Measure every queue in every round, and at last the claims."""
    found: dict[Cell, list[float]] = {}
    for number in range(arguments.rounds):
        for stall in stalls[:: -1 if number % 2 else 1]:
            for what, value in measure(stall, arguments):
                found.setdefault((what, stall.rival.name, stall.done), []).append(value)
                place = f"round {number + 1}  {stall.done:>8} done  {stall.rival.name:<14}"
                print(f"{place} {what}: {value:.2f}", file=sys.stderr)
    return found | claims(stalls, arguments)


def table(medians: dict[Cell, float]) -> list[tuple[str, ...]]:
    """Return a row for each question, with the ratio of Hilum to the better of its peers."""
    rows: list[tuple[str, ...]] = [("", "done before", *RIVALS, "Hilum / better peer"), ("---",) * (len(RIVALS) + 3)]
    for what, done in dict.fromkeys((what, done) for what, _, done in medians):
        values = [medians[what, name, done] for name in RIVALS]
        rows.append((what, f"{done}", *(f"{value:.2f}" for value in values), f"{ratio(what, values):.2f}"))
    return rows


def ratio(what: str, values: Sequence[float]) -> float:
    """Return how many times better Hilum, the first, is than the better of the others."""
    ours, *others = values
    return min(others) / ours if what.endswith("ms") else ours / max(others)


def aged(medians: dict[Cell, float], most: int) -> list[str]:
    """Say how much slower a claim is with many jobs that ended than with none."""
    return [f"{name} {medians[_CLAIM, name, most] / medians[_CLAIM, name, 0]:.2f}" for name in RIVALS]


def parsed() -> argparse.Namespace:
    """Return the options."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--jobs", type=int, help="jobs in each measurement (4000; 400 with --quick)")
    parser.add_argument("--done", type=int, help="jobs that ended before (1 000 000; 20 000 with --quick)")
    parser.add_argument("--batch", type=int, default=10, help="jobs that a worker has at once: pgqueuer's default")
    parser.add_argument("--rounds", type=int, help="5; 1 with --quick")
    parser.add_argument("--quick", action="store_true", help="see whether it works; the figures mean nothing")
    arguments = parser.parse_args()
    quick = arguments.quick
    arguments.jobs = arguments.jobs or (400 if quick else 4000)
    arguments.done = (20_000 if quick else 1_000_000) if arguments.done is None else arguments.done
    arguments.rounds = arguments.rounds or (1 if quick else 5)
    arguments.claims = min(arguments.jobs, 50 if quick else 500)
    return arguments


def main() -> None:
    """Measure, print a table and one line of JSON."""
    arguments = parsed()
    with embedded_server() as server_url, ExitStack() as stack:
        stalls = list(prepared(stack, server_url, arguments.done))
        with transaction(stalls[0].rival.engine) as connection:
            shown = {name: connection.execute(text(f"SHOW {name}")).scalar_one() for name in _DURABILITY}
        found = measure_all(stalls, arguments)
    medians = {cell: statistics.median(values) for cell, values in found.items()}
    print(f"{os.cpu_count()} cores; {', '.join(f'{name} {value}' for name, value in shown.items())}")
    print(f"{arguments.jobs} jobs in each measurement, medians of {arguments.rounds} rounds")
    print(settings(arguments.batch))
    for row in table(medians):
        print("| " + " | ".join(row) + " |")
    if arguments.done:
        print(f"\nclaims with {arguments.done} jobs done / with none: {', '.join(aged(medians, arguments.done))}")
    print(json.dumps([{"what": cell[0], "queue": cell[1], "done": cell[2], "values": found[cell]} for cell in found]))


if __name__ == "__main__":
    main()
