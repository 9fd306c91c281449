"""How long from film to stored report, and how many a second, beside a naive worker in the same run?

dcmtk's storescu sends films of 2048 x 2500 pixels and 16 bits, each a study of its own, made of bundled chest films.
Node, the workers that `hilum up` would run, embedded PostgreSQL, Orthanc as the PACS (with SyncStorageArea) and the
senders share the machine; Hilum has its default settings but for the quiet time, which is 0.2 s and taken off the
latencies. The naive worker (see naive_worker.py) takes films from dcmtk's storescp, which syncs nothing.

latency  from the C-STORE response, as storescu's log tells it, to the report stored in Orthanc, as a Lua script of
         Orthanc's tells it through a pipe; open loop, at random moments, each film on an association of its own. How
         late the script's stamps are is measured and printed. The quiet time begins with the node's transaction, a few
         milliseconds before the response.
backlog  studies a second when several senders send as fast as they can, from the start of the first to the last report;
         and when all films wait already, from the moment that the worker is ready, and from its start.
share    films a second of workers that deliver nothing, when all films wait, against the network alone on prepared
         squares, in batches of the same size, before and after; and, to explain it, reading, preparing and the network
         in one process with as many threads as cores.
start    from the start of the worker to `worker-ready`, the database running.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from bare_network import bare, in_one_process, square_of
from bench_ingest import storescp
from sqlalchemy import text
from stage import QUIET_SECONDS, FilmMaker, Installation, Pacs, Sent, installation, pacs, store, store_from_many

from db.engine import transaction
from hilum import bootstrap
from hilum.settings import load
from tests.conftest import embedded_server
from tests.peers import ORTHANC, STORESCU, require, wait_for

PARTS = ("latency", "backlog", "share", "start")
RATES = {0.2: 100.0, 1.0: 60.0, 3.0: 60.0}
"""Studies a second, and for how many seconds."""
SENDERS = 3
STARTS = 5
_WARM_UP = 3
_NETWORK_SECONDS = 10.0
_NAIVE = Path(__file__).with_name("naive_worker.py")


@dataclass
class Bench:
    """Where everything happens, and what was found."""

    arguments: argparse.Namespace
    folder: Path
    database: str
    pacs: Pacs
    maker: FilmMaker
    rows: dict[str, list[tuple[str, ...]]] = field(default_factory=dict)
    figures: dict[str, Any] = field(default_factory=dict)
    _number: int = 0

    def new_folder(self) -> Path:
        """Return a place that does not exist yet."""
        self._number += 1
        return self.folder / str(self._number)

    @contextmanager
    def films(self, count: int) -> Iterator[list[Sent]]:
        """Keep new films for the block."""
        folder = self.new_folder()
        yield self.maker.write(folder, count)
        shutil.rmtree(folder)

    @contextmanager
    def hilum(self, *, delivers: bool = True) -> Iterator[Installation]:
        """Make an installation; its spool is removed at the end, for films of full size fill a disk."""
        folder = self.new_folder()
        with installation(folder, self.database, self.pacs if delivers else None) as made:
            yield made
        shutil.rmtree(folder)

    @contextmanager
    def naive(self, folder: Path) -> Iterator[float]:
        """Run the naive worker on a folder; yield how many seconds it took to be ready."""
        began = time.perf_counter()
        command = [sys.executable, str(_NAIVE), str(folder), str(self.pacs.server.dicom_port)]
        log = folder.with_suffix(".log")
        with log.open("wb") as errors:
            process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True)
        try:
            if process.stdout is None or process.stdout.readline() != "ready\n":
                sys.exit(f"the naive worker did not start: {log.read_text()}")
            yield time.perf_counter() - began
            if process.poll() is not None:
                sys.exit(f"the naive worker ended: {log.read_text()}")
        finally:
            process.terminate()
            process.wait()

    def tell(self, part: str, *cells: str, **figures: object) -> None:
        """Note a row of a table and its figures."""
        self.rows.setdefault(part, []).append(cells)
        self.figures.setdefault(part, []).append({"name": cells[0], **figures})
        print(f"{part}: {'  '.join(cells)}", file=sys.stderr)


def measure_latency(bench: Bench) -> None:
    """Send films at random moments, to Hilum at each rate, and to the naive worker at the lowest."""
    with bench.hilum() as made, made.node(), made.workers():
        warm_up(bench, made.port)
        for rate, seconds in bench.arguments.rates.items():
            tell_latency(bench, "Hilum", rate, open_loop(bench, made.port, rate, seconds), QUIET_SECONDS)
        made.must_have_classified(sum(row["studies"] for row in bench.figures["latency"]))
    if bench.arguments.naive:
        rate = min(bench.arguments.rates)
        folder = bench.new_folder()
        with storescp(folder) as receiver, bench.naive(folder):
            warm_up(bench, receiver.port)
            found = open_loop(bench, receiver.port, rate, bench.arguments.rates[rate])
            tell_latency(bench, "naive worker", rate, found, 0.0)
        shutil.rmtree(folder)


def warm_up(bench: Bench, port: int) -> None:
    """Send films one after the other that are not counted."""
    with bench.films(_WARM_UP) as films:
        for each in films:
            store(port, [each], {})
            bench.pacs.arrivals.wait_for([each.study_uid])


def open_loop(bench: Bench, port: int, rate: float, seconds: float) -> list[float]:
    """Send films at moments that do not depend on answers; return the seconds from response to report."""
    moments = list(arrivals(bench.arguments.seed, rate, seconds))
    answered: dict[str, float] = {}
    with bench.films(len(moments)) as films:
        begin = time.perf_counter()
        senders = []
        for moment, each in zip(moments, films, strict=True):
            time.sleep(max(begin + moment - time.perf_counter(), 0.0))
            senders.append(threading.Thread(target=store, args=(port, [each], answered)))
            senders[-1].start()
        for sender in senders:
            sender.join()
        if len(answered) < len(films):
            sys.exit("not every film was taken")
        bench.pacs.arrivals.wait_for(answered)
    return [bench.pacs.arrivals.at[study] - when for study, when in answered.items()]


def arrivals(seed: int, rate: float, seconds: float) -> Iterator[float]:
    """Yield moments of a Poisson process, the same for the same seed; at least one."""
    source = random.Random(seed)  # noqa: S311 - no secret
    moment = 0.0
    while True:
        yield moment
        moment += source.expovariate(rate)
        if moment >= seconds:
            return


def tell_latency(bench: Bench, who: str, rate: float, found: Sequence[float], quiet: float) -> None:
    """Note the percentiles, without the quiet time."""
    values = sorted(each - quiet for each in found)
    shown = {f"p{share}": values[min(len(values) * share // 100, len(values) - 1)] for share in (50, 95, 99)}
    shown["worst"] = values[-1]
    cells = (f"{1000 * value:.0f}" for value in shown.values())
    bench.tell("latency", who, f"{rate:g}", str(len(values)), *cells, rate=rate, studies=len(values), **shown)


def measure_backlog(bench: Bench) -> None:
    """Let films come as fast as they can, and let them wait before the worker starts."""
    backlog_of_hilum(bench)
    if bench.arguments.naive:
        backlog_of_naive(bench)


def backlog_of_hilum(bench: Bench) -> None:
    """Measure both ways to have a backlog."""
    count = bench.arguments.studies
    with bench.hilum() as made:
        with made.node(), made.workers(), bench.films(count) as films:
            warm_up(bench, made.port)
            tell_rush(bench, "Hilum", made.port, films)
        made.must_have_classified(count)
    with bench.hilum() as made:
        with made.node(), bench.films(count) as films:
            store_from_many(made.port, films, SENDERS)
        began = time.perf_counter()
        with made.workers() as ready:
            tell_waiting(bench, "Hilum", films, began, ready)
        made.must_have_classified(count)


def backlog_of_naive(bench: Bench) -> None:
    """Measure the same for the naive worker."""
    folder = bench.new_folder()
    with storescp(folder) as receiver, bench.naive(folder), bench.films(bench.arguments.studies) as films:
        warm_up(bench, receiver.port)
        tell_rush(bench, "naive worker", receiver.port, films)
    shutil.rmtree(folder)
    folder = bench.new_folder()
    with storescp(folder) as receiver, bench.films(bench.arguments.studies) as films:
        store_from_many(receiver.port, films, SENDERS)
    began = time.perf_counter()
    with bench.naive(folder) as ready:
        tell_waiting(bench, "naive worker", films, began, ready)
    shutil.rmtree(folder)


def tell_rush(bench: Bench, who: str, port: int, films: Sequence[Sent]) -> None:
    """Send films as fast as it goes and note how many reports a second came of it."""
    began = time.perf_counter()
    answered = store_from_many(port, films, SENDERS)
    last = last_report(bench, films)
    rate, taken = len(films) / (last - began), len(films) / (max(answered.values()) - began)
    bench.tell(
        "backlog", who, "films come", f"{rate:.2f}", f"{taken:.1f} taken", way="come", rate=rate, taken_per_second=taken
    )


def tell_waiting(bench: Bench, who: str, films: Sequence[Sent], began: float, ready: float) -> None:
    """Note how many reports a second came of films that waited."""
    last = last_report(bench, films)
    rate, whole = len(films) / (last - began - ready), len(films) / (last - began)
    remark = f"{whole:.2f} with its start"
    bench.tell("backlog", who, "films wait", f"{rate:.2f}", remark, way="wait", rate=rate, with_start_per_second=whole)


def last_report(bench: Bench, films: Sequence[Sent]) -> float:
    """Wait for all reports and return when the last one was stored."""
    bench.pacs.arrivals.wait_for([each.study_uid for each in films])
    return max(bench.pacs.arrivals.at[each.study_uid] for each in films)


def measure_share(bench: Bench) -> None:
    """Measure the worker between two measurements of its network alone."""
    count = bench.arguments.studies
    with bench.hilum(delivers=False) as made:
        settings, _ = load(made.config)
        network = bootstrap.classifier(settings)
        with bench.films(count) as films:
            with made.node():
                store_from_many(made.port, films, SENDERS)
            squares = [square_of(each.path) for each in films[: 4 * network.batch]]
            before = bare(network, squares, bench.arguments.network_seconds)
            done = workers_alone(made, count)
            after = bare(network, squares, bench.arguments.network_seconds)
            made.must_have_classified(count)
            threads = in_one_process(network, [each.path for each in films])
    alone = (before + after) / 2
    share = done / alone
    bench.tell("share", "the network alone", f"{alone:.1f}", "1.00", rate=alone, before=before, after=after)
    bench.tell("share", "the workers", f"{done:.1f}", f"{share:.2f}", rate=done, share=share)
    name = "read, prepare, network in one process"
    bench.tell("share", name, f"{threads:.1f}", f"{threads / alone:.2f}", rate=threads, share=threads / alone)


def workers_alone(made: Installation, count: int) -> float:
    """Return films a second of the workers from the moment that they are ready, by the times in the jobs' history."""
    began = time.time()
    last = text("SELECT count(*) AS done, max(happened_at) AS last FROM job_history WHERE after = 'done'")

    def ended() -> float:
        with transaction(made.engine) as connection:
            row = connection.execute(last).one()
        return float(row.last.timestamp()) if row.done == count else 0.0

    with made.workers() as ready:
        moment = wait_for(ended, seconds=300)
    return count / (moment - began - ready)


def measure_start(bench: Bench) -> None:
    """Start the worker again and again."""
    with bench.hilum() as made:
        times = []
        for _ in range(bench.arguments.starts):
            with made.worker() as ready:
                times.append(ready)
    middle = statistics.median(times)
    bench.tell("start", "hilum worker", f"{middle:.2f}", f"{max(times):.2f}", median=middle, times=times)


HEADS = {
    "latency": ("ms, quiet time taken off", "studies/s", "studies", "p50", "p95", "p99", "worst"),
    "backlog": ("backlog", "", "studies/s", ""),
    "share": ("films wait, nothing is delivered", "films/s", "share of the network"),
    "start": ("s to worker-ready", "median", "slowest"),
}


def show(bench: Bench) -> None:
    """Print the tables, the ratios and one line of JSON."""
    print(f"{os.cpu_count()} cores; {bench.arguments.studies} studies in a backlog; seed {bench.arguments.seed}")
    for part, rows in bench.rows.items():
        print()
        for row in [HEADS[part], ("---",) * len(HEADS[part]), *rows]:
            print("| " + " | ".join(row) + " |")
    for name, ratio in bench.figures["ratios"].items():
        print(f"{name}: {ratio:.2f}")
    print(f"a report's stamp is {bench.figures['stamp_error_ms']:+.1f} ms from Orthanc's own answer (median)\n")
    print(json.dumps(bench.figures))


def ratios(figures: dict[str, Any]) -> dict[str, float]:
    """Return how many times better than the naive worker Hilum is."""
    found = {}
    latency = {row["name"]: row for row in reversed(figures.get("latency", []))}
    if "naive worker" in latency:
        found["naive latency / Hilum's, p50, unloaded"] = latency["naive worker"]["p50"] / latency["Hilum"]["p50"]
    rates = figures.get("backlog", [])
    backlog = ([row for row in rates if row["name"] == name] for name in ("Hilum", "naive worker"))
    for what, ours, naive in zip(("films come", "films wait"), *backlog, strict=False):
        found[f"Hilum's backlog rate / naive, {what}"] = ours["rate"] / naive["rate"]
    return found


def parsed() -> argparse.Namespace:
    """Return the options."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=PARTS, default=PARTS, help="parts to run")
    parser.add_argument("--studies", type=int, help="studies in a backlog (200; 24 with --quick)")
    parser.add_argument("--naive", action=argparse.BooleanOptionalAction, default=True, help="run the naive worker too")
    parser.add_argument("--quick", action="store_true", help="see whether it works; the figures mean nothing")
    parser.add_argument("--seed", type=int, default=20261125)
    arguments = parser.parse_args()
    arguments.studies = arguments.studies or (24 if arguments.quick else 200)
    arguments.rates = {rate: seconds / (10 if arguments.quick else 1) for rate, seconds in RATES.items()}
    arguments.starts = 2 if arguments.quick else STARTS
    arguments.network_seconds = _NETWORK_SECONDS / (5 if arguments.quick else 1)
    return arguments


def main() -> None:
    """Measure and print."""
    arguments = parsed()
    require(STORESCU, ORTHANC)
    parts = {
        "latency": measure_latency,
        "backlog": measure_backlog,
        "share": measure_share,
        "start": measure_start,
    }
    with (
        tempfile.TemporaryDirectory(prefix="hilum-e2e-") as name,
        embedded_server() as database,
        pacs(Path(name)) as archive,
    ):
        bench = Bench(arguments, Path(name), database, archive, FilmMaker(arguments.seed))
        bench.figures["stamp_error_ms"] = 1000 * archive.stamp_error_seconds()
        for part in arguments.only:
            parts[part](bench)
        bench.figures["ratios"] = ratios(bench.figures)
        show(bench)


if __name__ == "__main__":
    main()
