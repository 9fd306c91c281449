"""From the C-STORE of a film to its report in the PACS: how long it takes, how many a second, beside a naive worker.

Films of 2048 x 2500 pixels at 16 bits (10 MB), one study each, go from dcmtk's storescu into the node; Orthanc receives
the reports. Sender, `hilum up`, PostgreSQL and Orthanc share this machine. Parts:

latency   Studies arrive by chance (exponential pauses, fixed seed) at 0.2, 1 and 3 a second. Measured from the line in
          which storescu tells of the success until Orthanc tells of the report; it is asked every 20 ms, so that a time
          is up to 20 ms too long. The study's quiet time is taken off.
backlog   Studies are sent as fast as they go, over three associations: a second from the first film to the last report.
waiting   The films are in before the workers start: reports a second from the first to the last.
share     The same without a peer that receives reports, against the network alone on prepared films.
start     From the start of `hilum worker` to its READY, the database running.

The naive worker (benchmarks/naive_worker.py) does latency at 0.2 a second, and backlog.
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
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from sqlalchemy import Engine, text

sys.path.insert(0, str(Path(__file__).parents[1]))

from bench_ingest import _listens

from db.engine import transaction
from dicom_node.wrap import wrap_film
from hilum.demo.run import FILMS
from tests.conftest import embedded_server, migrated
from tests.films import saved
from tests.peers import STORESCU, Hilum, Orthanc, free_port, hilum, orthanc, require, settings_file, wait_for

COLUMNS, ROWS = 2048, 2500
QUIET_SECONDS = 0.2
_LOOK_SECONDS = 0.02
_SENDERS = 3
_PARTS = ("latency", "backlog", "waiting", "share", "start")
_ENVIRONMENT = {**os.environ, "TCP_NODELAY": "1"}


class Films:
    """Films of full size in studies of their own, made of the bundled ones."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._numbers = count()
        self._templates: list[tuple[bytes, list[str]]] = []
        for path in sorted(FILMS.rglob("*.jpg"))[::2]:
            with Image.open(path) as picture:
                grey = np.asarray(
                    picture.convert("L").resize((COLUMNS, ROWS), Image.Resampling.BICUBIC), dtype=np.uint16
                )
            noise = np.random.default_rng(0).integers(0, 16, grey.shape, dtype=np.uint16)
            dataset = wrap_film(grey * 15 + noise, patient_id="BENCH", patient_name="Bench", view_position="PA")
            file = saved(dataset, folder)
            uids = [str(dataset.StudyInstanceUID), str(dataset.SeriesInstanceUID), str(dataset.SOPInstanceUID)]
            self._templates.append((file.read_bytes(), uids))
            file.unlink()

    def write(self, number: int) -> list[Path]:
        """Write films."""
        return [self._one() for _ in range(number)]

    def _one(self) -> Path:
        number = next(self._numbers)
        content, uids = self._templates[number % len(self._templates)]
        for uid in uids:
            new = "2.25.1" + "".join(random.choices("0123456789", k=len(uid) - 6))  # noqa: S311 - no secret
            content = content.replace(uid.encode(), new.encode())
        path = self._folder / f"{number}.dcm"
        path.write_bytes(content)
        return path


@dataclass
class Site:
    """What takes films, and the PACS that gets the reports."""

    port: int
    pacs: Orthanc
    quiet_seconds: float = 0.0
    arrivals: dict[str, float] = field(default_factory=dict)
    """When Orthanc told of each study's report."""

    def watch(self, stop: threading.Event) -> None:
        """Ask the PACS again and again for new studies: each report makes one."""
        since = 0
        while not stop.wait(_LOOK_SECONDS):
            answer = self.pacs.get(f"/changes?since={since}&limit=1000")
            now = time.perf_counter()
            since = answer["Last"]
            self.arrivals.update(
                {change["ID"]: now for change in answer["Changes"] if change["ChangeType"] == "NewStudy"}
            )


def send(port: int, films: Sequence[Path]) -> float:
    """C-STORE films in one association; return when the last success was heard."""
    command = [str(STORESCU), "-v", "-pdu", "131072", "-aet", "XRAY1", "-aec", "HILUM", "127.0.0.1", str(port)]
    with subprocess.Popen(
        [*command, *map(str, films)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=_ENVIRONMENT, text=True
    ) as process:
        success = "Received Store Response (Success)"
        heard = [time.perf_counter() for line in process.stdout or () if success in line]
    if len(heard) != len(films):
        raise SystemExit(f"only {len(heard)} of {len(films)} films were taken")
    return heard[-1]


def latencies(site: Site, films: Films, *, rate: float, seconds: float) -> list[float]:
    """Send studies by chance and return how long each report took, sorted."""
    dice = random.Random(1)  # noqa: S311 - no secret
    studies = max(int(rate * seconds), 1)
    paths = films.write(studies)
    os.sync()
    before = len(site.arrivals)
    sent: list[float] = []
    threads = []
    due = time.perf_counter()
    for path in paths:
        due += dice.expovariate(rate)
        time.sleep(max(due - time.perf_counter(), 0))
        thread = threading.Thread(target=lambda path=path: sent.append(send(site.port, [path])))
        thread.start()
        threads.append(thread)
    for thread in threads:
        thread.join()
    wait_for(lambda: len(site.arrivals) == before + studies, seconds=120)
    for path in paths:
        path.unlink()
    # Reports come in the order of their films but for rare overtakings, which leave the sum of all times as it is.
    reported = sorted(list(site.arrivals.values())[before:])
    return sorted(end - start - site.quiet_seconds for start, end in zip(sorted(sent), reported, strict=True))


def backlog(site: Site, films: Films, studies: int) -> float:
    """Send studies as fast as they go; return how many a second, to the last report."""
    paths = films.write(studies)
    os.sync()
    before = len(site.arrivals)
    begun = time.perf_counter()
    threads = [threading.Thread(target=send, args=(site.port, paths[first::_SENDERS])) for first in range(_SENDERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    received = time.perf_counter() - begun
    wait_for(lambda: len(site.arrivals) == before + studies, seconds=300)
    for path in paths:
        path.unlink()
    print(f"  received in {received:.1f} s, {studies / received:.1f} a second")
    return studies / (max(site.arrivals.values()) - begun)


def config_for(folder: Path, engine: Engine, port: int, pacs: Orthanc | None) -> Path:
    """Write the settings: the defaults, but for a short quiet time."""
    peer = {"name": "pacs", "ae_title": "ORTHANC", "host": "127.0.0.1", "receives_results": True}
    sender = {"name": "xray", "ae_title": "XRAY1", "host": "127.0.0.1", "port": 1, "may_send": True}
    return settings_file(
        folder,
        home=str(folder / "home"),
        database={"url": engine.url.render_as_string(hide_password=False)},
        node={"port": port, "study_quiet_seconds": QUIET_SECONDS},
        peers=[sender] if pacs is None else [{**peer, "port": pacs.dicom_port}, sender],
    )


@contextmanager
def watched(site: Site) -> Iterator[Site]:
    """Note when reports arrive."""
    stop = threading.Event()
    thread = threading.Thread(target=site.watch, args=(stop,))
    thread.start()
    try:
        yield site
    finally:
        stop.set()
        thread.join()


@contextmanager
def hilums(folder: Path, url: str) -> Iterator[Site]:
    """Run Hilum between a sender and Orthanc."""
    with migrated(url) as engine, orthanc(folder / "orthanc") as pacs:
        port = free_port()
        config = config_for(folder, engine, port, pacs)
        with hilum(config, "up") as running:
            running.wait_until("node-ready")
            workers = sum(
                line["event"] == "process-started" and line["process"] == "worker" for line in running.events()
            )
            wait_for(lambda: sum(line["event"] == "worker-ready" for line in running.events()) == workers)
            with watched(Site(port=port, pacs=pacs, quiet_seconds=QUIET_SECONDS)) as site:
                yield site


def _all_workers_are_ready(running: Hilum) -> bool:
    events = running.events()
    started = sum(line["event"] == "process-started" and line["process"] == "worker" for line in events)
    return started == sum(line["event"] == "worker-ready" for line in events)


@contextmanager
def naive(folder: Path, warm: Path) -> Iterator[Site]:
    """Run storescp and the naive worker."""
    (folder / "in").mkdir()
    with orthanc(folder / "orthanc") as pacs:
        port = free_port()
        receive = ["/usr/bin/storescp", "--fork", "-pdu", "131072", "-aet", "HILUM", "-fe", ".dcm", "-od"]
        script = [sys.executable, str(Path(__file__).with_name("naive_worker.py")), str(folder / "in"), "127.0.0.1"]
        receiver = subprocess.Popen([*receive, str(folder / "in"), str(port)], env=_ENVIRONMENT)
        worker = subprocess.Popen(
            [*script, str(pacs.dicom_port), str(warm)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        try:
            if worker.stdout is None or worker.stdout.readline() != "ready\n":
                raise SystemExit("the naive worker does not start")
            wait_for(lambda: _listens(port))
            with watched(Site(port=port, pacs=pacs)) as site:
                yield site
        finally:
            for process in (receiver, worker):
                process.terminate()
                process.wait()


def waiting(folder: Path, url: str, films: Films, studies: int, *, reports: bool) -> float:
    """Let the workers find their films there; return how many they settle a second, from the first batch to the last."""
    with migrated(url) as engine, orthanc(folder / "orthanc") as pacs:
        port = free_port()
        config = config_for(folder, engine, port, pacs if reports else None)
        with hilum(config, "node") as node:
            node.wait_until("node-ready")
            paths = films.write(studies)
            send(port, paths)
            for path in paths:
                path.unlink()
        time.sleep(QUIET_SECONDS)
        os.sync()
        kind = "deliver" if reports else "classify"
        with hilum(config, "up"):
            wait_for(lambda: _done(engine, kind) == studies, seconds=300)
        with transaction(engine) as connection:
            query = "SELECT count(*) AS jobs, settled_at FROM jobs WHERE kind = :kind GROUP BY settled_at ORDER BY 2"
            batches = connection.execute(text(query), {"kind": kind}).all()
    shutil.rmtree(folder / "home")
    seconds = (batches[-1].settled_at - batches[0].settled_at).total_seconds()
    return (studies - batches[0].jobs) / seconds


def _done(engine: Engine, kind: str) -> int:
    with transaction(engine) as connection:
        query = text("SELECT count(*) FROM jobs WHERE kind = :kind AND state = 'done'")
        return int(connection.execute(query, {"kind": kind}).scalar_one())


_BARE = """
import sys, time
import pydicom
from dicom_node.pixels import render
from models.classifier import NetworkClassifier
from models.onnx_runtime import OnnxRuntime
from models.package import load_package
from models.preprocess import prepare
package = load_package()
network = NetworkClassifier(package, OnnxRuntime(package))
squares = [prepare(render(pydicom.dcmread(path))) for path in sys.argv[1:]]
network.warm_up()
films, begun = 0, time.perf_counter()
while time.perf_counter() - begun < 10:
    network.classify_squares((squares * 4)[: network.batch])
    films += network.batch
print(films / (time.perf_counter() - begun))
"""


def bare(films: Films) -> float:
    """Return how many prepared films a second the network takes, alone in a process with all cores."""
    paths = films.write(3)
    done = subprocess.run([sys.executable, "-c", _BARE, *map(str, paths)], check=True, capture_output=True, text=True)
    return float(done.stdout)


def cold_starts(folder: Path, url: str, runs: int) -> list[float]:
    """Return how long a worker took to be ready."""
    times = []
    with migrated(url) as engine:
        config = config_for(folder, engine, free_port(), None)
        for _ in range(runs):
            begun = time.perf_counter()
            with hilum(config, "worker") as worker:
                while not any(line["event"] == "worker-ready" for line in worker.events()):
                    time.sleep(0.01)
                times.append(time.perf_counter() - begun)
    return sorted(times)


def main() -> None:
    """Measure, print a table and one line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=_PARTS, action="append", help="a part; may be given again")
    parser.add_argument("--studies", type=int, default=200, help="studies in a backlog")
    parser.add_argument("--seconds", type=float, default=60, help="length of a run of latencies")
    parser.add_argument("--no-naive", action="store_true", help="without the naive worker")
    arguments = parser.parse_args()
    require(STORESCU)
    parts = arguments.only or _PARTS
    found: dict[str, Any] = {}

    def told(name: str, value: Any, unit: str) -> None:  # noqa: ANN401 - a number or some
        found[name] = value
        shown = ", ".join(f"{one:.3f}" for one in value) if isinstance(value, list) else f"{value:.2f}"
        print(f"{name:<58} {shown} {unit}", flush=True)

    with tempfile.TemporaryDirectory(dir="/var/tmp") as name, embedded_server() as url:
        root = Path(name)
        films = Films(root)
        with room(root) as folder:
            if "start" in parts:
                times = cold_starts(folder, url, 5)
                told("worker, start to READY, median of 5", statistics.median(times), "s")
        if "latency" in parts or "backlog" in parts:
            with room(root) as folder, hilums(folder, url) as site:
                measure("hilum", site, films, parts, arguments, told)
            if not arguments.no_naive:
                (warm,) = films.write(1)
                with room(root) as folder, naive(folder, warm) as site:
                    measure("naive", site, films, parts, arguments, told)
        if "waiting" in parts:
            with room(root) as folder:
                told(
                    "hilum, films waiting, reports", waiting(folder, url, films, arguments.studies, reports=True), "/s"
                )
        if "share" in parts:
            with room(root) as folder:
                told(
                    "hilum, films waiting, no reports",
                    waiting(folder, url, films, arguments.studies, reports=False),
                    "/s",
                )
            told("network alone, prepared films", bare(films), "/s")
            told("share", found["hilum, films waiting, no reports"] / found["network alone, prepared films"], "")
    print(json.dumps(found))


def measure(
    who: str,
    site: Site,
    films: Films,
    parts: Sequence[str],
    arguments: argparse.Namespace,
    told: Any,  # noqa: ANN401 - a function of main's
) -> None:
    """Measure latencies and backlog of one site."""
    latencies(site, films, rate=2, seconds=2)  # the first report loads what builds reports
    if "latency" in parts:
        for rate, times in ((0.2, 2), (1, 1), (3, 1)) if who == "hilum" else ((0.2, 1),):
            all_of_them = latencies(site, films, rate=rate, seconds=arguments.seconds * times)
            cuts = [float(np.percentile(all_of_them, cut)) for cut in (50, 95, 99)]
            told(f"{who}, {rate} studies/s, p50 p95 p99 of {len(all_of_them)}", cuts, "s")
    if "backlog" in parts:
        studies = arguments.studies if who == "hilum" else min(arguments.studies, 60)
        told(f"{who}, backlog of {studies}", backlog(site, films, studies), "/s")


@contextmanager
def room(root: Path) -> Iterator[Path]:
    """Make a folder for a part and take it away."""
    with tempfile.TemporaryDirectory(dir=root) as name:
        yield Path(name)


if __name__ == "__main__":
    main()
