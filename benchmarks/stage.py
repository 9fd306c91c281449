"""What the benchmark of the whole way stands on: films of full size, senders, a PACS that tells what it has stored."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from io import BytesIO
from pathlib import Path

import numpy as np
import psutil
from PIL import Image
from sqlalchemy import Engine, text

from db.engine import transaction
from dicom_node.wrap import wrap_film
from hilum.demo.run import FILMS
from hilum.settings import load
from hilum.supervise import worker_environments
from tests.conftest import migrated
from tests.films import film
from tests.peers import STORESCU, Hilum, Orthanc, free_port, hilum, orthanc, settings_file, wait_for

ROWS, COLUMNS = 2500, 2048
QUIET_SECONDS = 0.2
"""How long a study must be quiet here; taken off the latencies."""

_BASES = 6
_HEADER_BYTES = 4096
"""All UIDs lie before; the pixels come after."""
_PATIENCE_SECONDS = 300.0
_PROBES = 20

# Orthanc calls this after an instance is in its index and its storage. The line is shorter than PIPE_BUF: never mixed.
_LUA = """function OnStoredInstance(instance, tags, metadata, origin)
  local pipe = io.open("{pipe}", "a")
  pipe:write(tags["StudyInstanceUID"] .. "\\n")
  pipe:close()
end
"""


@dataclass(frozen=True, slots=True)
class Sent:
    """A film in a file, in a study of its own."""

    path: Path
    study_uid: str


class FilmMaker:
    """Makes any number of films out of a few: only their UIDs are replaced."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)  # noqa: S311 - no secret
        self._bases = [_base(path, number) for number, path in enumerate(_chosen())]

    def write(self, folder: Path, count: int) -> list[Sent]:
        """Write films and sync them, so that nobody who is measured pays for it."""
        folder.mkdir(exist_ok=True)
        films = [self._written(folder, number) for number in range(count)]
        os.sync()
        return films

    def _written(self, folder: Path, number: int) -> Sent:
        content, uids = self._bases[number % len(self._bases)]
        header, new = content[:_HEADER_BYTES], [self._uid(len(uid)) for uid in uids]
        for old, uid in zip(uids, new, strict=True):
            header = header.replace(old.encode(), uid.encode())
        path = folder / f"{new[2]}.dcm"
        with path.open("wb") as file:
            file.write(header)
            file.write(memoryview(content)[_HEADER_BYTES:])
        return Sent(path, new[0])

    def _uid(self, length: int) -> str:
        return "2.25.1" + "".join(self._random.choices("0123456789", k=length - 6))


def _chosen() -> list[Path]:
    """Return as many bundled films of each class."""
    classes = sorted(folder for folder in FILMS.iterdir() if folder.is_dir())
    return [path for folder in classes for path in sorted(folder.glob("*.jpg"))[: _BASES // len(classes)]]


def _base(path: Path, number: int) -> tuple[bytes, tuple[str, str, str]]:
    """Return a bundled film as a DX of full size and 16 bits, and its three UIDs: study, series, instance."""
    with Image.open(path) as picture:
        grey = np.asarray(picture.convert("L").resize((COLUMNS, ROWS), Image.Resampling.BILINEAR))
    dataset = wrap_film(grey.astype(np.uint16) * 257, patient_id=f"BENCH-{number}", patient_name=f"Bench^Film {number}")
    content = BytesIO()
    dataset.save_as(content, enforce_file_format=True)
    return content.getvalue(), (dataset.StudyInstanceUID, dataset.SeriesInstanceUID, dataset.SOPInstanceUID)


@dataclass
class Arrivals:
    """When the report of each study was stored, by the clock of `time.perf_counter`."""

    at: dict[str, float] = field(default_factory=dict)
    _news: threading.Condition = field(default_factory=threading.Condition)

    def note(self, study_uid: str, when: float) -> None:
        """Remember the first report of a study."""
        with self._news:
            self.at.setdefault(study_uid, when)
            self._news.notify_all()

    def wait_for(self, studies: Iterable[str], seconds: float = _PATIENCE_SECONDS) -> None:
        """Wait until each study has its report."""
        wanted = set(studies)
        with self._news:
            if not self._news.wait_for(lambda: wanted <= self.at.keys(), seconds):
                sys.exit(
                    f"{len(wanted - self.at.keys())} of {len(wanted)} studies have no report after {seconds:.0f} s"
                )


@dataclass(frozen=True, slots=True)
class Pacs:
    """Orthanc, and when it stored what."""

    server: Orthanc
    arrivals: Arrivals

    def stamp_error_seconds(self) -> float:
        """Return the median distance of the stamps from the moment when Orthanc's answer to a POST is here."""
        late = []
        for number in range(_PROBES):
            dataset, content = film(5000 + number, rows=64), BytesIO()
            dataset.save_as(content, enforce_file_format=True)
            self.server.post("/instances", content.getvalue())
            answered = time.perf_counter()
            self.arrivals.wait_for([str(dataset.StudyInstanceUID)])
            late.append(self.arrivals.at[str(dataset.StudyInstanceUID)] - answered)
        return sorted(late)[_PROBES // 2]


@contextmanager
def pacs(folder: Path) -> Iterator[Pacs]:
    """Run Orthanc, which says through a pipe what it has stored: nothing is polled, no core is taken by asking."""
    pipe, script = folder / "stored", folder / "stored.lua"
    os.mkfifo(pipe)
    script.write_text(_LUA.format(pipe=pipe))
    arrivals = Arrivals()
    ends = os.open(pipe, os.O_RDWR)  # both ends, so that Orthanc never waits for a reader

    def listen() -> None:
        with os.fdopen(ends, "rb", buffering=0) as lines:
            while (line := lines.read(65536)) != b"end\n":
                now = time.perf_counter()
                for uid in line.decode().split():
                    arrivals.note(uid.rstrip("\0"), now)

    thread = threading.Thread(target=listen, daemon=True)
    thread.start()
    with orthanc(folder / "orthanc", sync=True, lua=script) as server:
        yield Pacs(server, arrivals)
    os.write(ends, b"end\n")
    thread.join()


def store(port: int, films: Sequence[Sent], stamps: dict[str, float]) -> None:
    """Send films over one association with dcmtk; note for each study when its C-STORE response was there.

    The sender's start is over when the first response comes, so it is not counted.
    """
    command = [str(STORESCU), "-v", "-pdu", "131072", "-aet", "XRAY1", "-aec", "HILUM", "127.0.0.1", str(port)]
    process = subprocess.Popen(
        [*command, *(str(each.path) for each in films)],
        env={**os.environ, "TCP_NODELAY": "1"},
        stdout=subprocess.DEVNULL,  # a dot for each PDU
        stderr=subprocess.PIPE,
        text=True,
    )
    waiting = iter(films)
    said = []
    for line in process.stderr or ():
        said.append(line)
        if "Received Store Response (Success)" in line:
            stamps[next(waiting).study_uid] = time.perf_counter()
    if process.wait():
        sys.exit(f"a sender failed: {''.join(said[-5:])}")


def store_from_many(port: int, films: Sequence[Sent], senders: int) -> dict[str, float]:
    """Send films as fast as it goes from several senders at once; return when each response was there."""
    stamps: dict[str, float] = {}
    shares = [films[number::senders] for number in range(senders)]
    threads = [threading.Thread(target=store, args=(port, share, stamps)) for share in shares if share]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if len(stamps) < len(films):
        sys.exit("not every film was taken")
    return stamps


@dataclass(frozen=True, slots=True)
class Installation:
    """A database, a spool and settings of Hilum's."""

    config: Path
    engine: Engine
    port: int

    @contextmanager
    def node(self) -> Iterator[None]:
        """Run the node for the block, from the time that all of its processes listen."""
        with hilum(self.config, "node") as running:
            running.wait_until("node-ready")
            count = len(psutil.Process(running.process.pid).children())
            wait_for(lambda: sum(line["event"] == "node-ready" for line in running.events()) >= max(count, 1))
            yield

    @contextmanager
    def workers(self) -> Iterator[float]:
        """Run the workers that `hilum up` would run here; yield how many seconds it took until all were ready."""
        began = time.time()
        with ExitStack() as stack:
            settings, _ = load(self.config)
            running = [
                stack.enter_context(hilum(self.config, "worker", environment=environment))
                for environment in worker_environments(settings.worker)
            ]
            for worker in running:
                worker.wait_until("worker-ready")
            yield max(map(ready_at, running)) - began

    @contextmanager
    def worker(self) -> Iterator[float]:
        """Run the worker for the block; yield how many seconds it took from its start to `worker-ready`."""
        began = time.time()
        with hilum(self.config, "worker") as running:
            running.wait_until("worker-ready")
            yield ready_at(running) - began

    def outcomes(self) -> dict[str, int]:
        """Return how many findings have which outcome."""
        with transaction(self.engine) as connection:
            rows = connection.execute(text("SELECT outcome, count(*) FROM findings GROUP BY outcome"))
            return {outcome: count for outcome, count in rows}  # noqa: C416 - rows are no tuples for mypy

    def must_have_classified(self, count: int) -> None:
        """End the benchmark if the network did not see what it was meant to see: refusing is faster."""
        outcomes = self.outcomes()
        if outcomes.get("could-not-process") or sum(outcomes.values()) < count:
            sys.exit(f"not every film was classified: {outcomes}")


def ready_at(running: Hilum) -> float:
    """Return when the worker said that it is ready, in seconds since 1970."""
    told = next(line["timestamp"] for line in running.events() if line["event"] == "worker-ready")
    return datetime.fromisoformat(told).timestamp()


@contextmanager
def installation(folder: Path, server_url: str, receiver: Pacs | None) -> Iterator[Installation]:
    """Make a database, a spool and settings; without a receiver nothing is delivered."""
    folder.mkdir()
    port = free_port()
    peers: list[dict[str, object]] = [
        {"name": "xray", "ae_title": "XRAY1", "host": "127.0.0.1", "port": 1, "may_send": True}
    ]
    if receiver is not None:
        address = {"host": "127.0.0.1", "port": receiver.server.dicom_port}
        peers.append({"name": "pacs", "ae_title": "ORTHANC", "receives_results": True, **address})
    with migrated(server_url) as engine:
        config = settings_file(
            folder,
            home=str(folder / "home"),
            database={"url": engine.url.render_as_string(hide_password=False)},
            node={"port": port, "study_quiet_seconds": QUIET_SECONDS},
            peers=peers,
        )
        yield Installation(config, engine, port)
