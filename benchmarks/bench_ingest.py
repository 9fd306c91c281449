"""How fast does the node take films, beside Orthanc and dcmtk's storescp in the same run?

dcmtk's storescu sends films over 1, 8 and 32 associations at once, each film a study of its own, to each receiver in
turn; their order is turned round from round to round, and what is reported is the median of the rounds. Orthanc runs
with SyncStorageArea and Hilum as it is delivered, so that both answer only for what is on the disk; storescp syncs
nothing. TCP_NODELAY is set and the PDUs are 128 KiB for all. The time of one C-STORE is taken at one of the senders.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field
from itertools import product
from pathlib import Path
from typing import Self

import psutil

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.conftest import embedded_server, migrated
from tests.films import film, saved
from tests.peers import STORESCU, free_port, hilum, orthanc, require, settings_file, wait_for

STORESCP = Path("/usr/bin/storescp")
ROWS = {0.5: 512, 10.0: 2240}
"""Rows and columns of a 16-bit film by its size in MB."""
_SAMPLE_SECONDS = 0.2
_SLICE = 500
_PAUSE_SECONDS = 0.5


@dataclass(frozen=True)
class Receiver:
    """Somebody who listens."""

    name: str
    ae_title: str
    port: int
    pid: int
    log: Path | None = None

    def complaints(self) -> str:
        """Return what it logged that is no information, as far as it has a log."""
        lines = [] if self.log is None else self.log.read_text().splitlines()
        return "\n".join([line for line in lines if '"level": "info"' not in line][-10:])


@dataclass
class Run:
    """One receiver in one round."""

    receiver: str
    megabytes: float
    associations: int
    films: int
    seconds: float
    store_seconds: list[float] = field(repr=False)
    memory_bytes: int

    @property
    def rate(self) -> float:
        """Films a second."""
        return self.films / self.seconds


class Template:
    """A film whose UIDs are replaced in place: thousands of films cost no more than writing them."""

    def __init__(self, folder: Path, megabytes: float) -> None:
        dataset = film(1, rows=ROWS[megabytes])
        path = saved(dataset, folder)
        self._content = path.read_bytes()
        path.unlink()
        self._uids = [str(dataset.StudyInstanceUID), str(dataset.SeriesInstanceUID), str(dataset.SOPInstanceUID)]

    def write(self, folder: Path, count: int) -> list[Path]:
        """Write films with UIDs of their own."""
        paths = []
        for number in range(count):
            content = self._content
            for uid in self._uids:
                new = "2.25.1" + "".join(random.choices("0123456789", k=len(uid) - 6))  # noqa: S311 - no secret
                content = content.replace(uid.encode(), new.encode())
            path = folder / f"{number}.dcm"
            path.write_bytes(content)
            paths.append(path)
        return paths


class Memory:
    """The most memory that a process and its descendants had, shared pages counted once (PSS)."""

    def __init__(self, pid: int) -> None:
        self._process = psutil.Process(pid)
        self._stop = threading.Event()
        self._most = 0
        self._thread = threading.Thread(target=self._watch)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    @property
    def most(self) -> int:
        """Bytes."""
        return self._most

    def _watch(self) -> None:
        while not self._stop.wait(_SAMPLE_SECONDS):
            total = 0
            for process in [self._process, *self._process.children(recursive=True)]:
                try:
                    total += process.memory_full_info().pss
                except psutil.Error:  # it ended
                    continue
            self._most = max(self._most, total)


def drive(receiver: Receiver, films: Sequence[Path], associations: int) -> tuple[float, list[float]]:
    """Send the films over several associations at once; return seconds, and the seconds of single C-STOREs."""
    command = [str(STORESCU), "-pdu", "131072", "-aet", "XRAY1", "-aec", receiver.ae_title, "127.0.0.1"]
    command.append(str(receiver.port))
    environment = {**os.environ, "TCP_NODELAY": "1"}
    shares = [films[number::associations] for number in range(associations)]
    before = time.perf_counter()
    watched = subprocess.Popen(
        [*command[:1], "-v", *command[1:], *map(str, shares[0])],
        env=environment,
        stdout=subprocess.DEVNULL,  # a dot for each PDU
        stderr=subprocess.PIPE,
        text=True,
    )
    others = [subprocess.Popen([*command, *map(str, share)], env=environment) for share in shares[1:]]
    single: list[float] = []
    said: deque[str] = deque(maxlen=10)
    sent = before
    for line in watched.stderr or ():
        now = time.perf_counter()
        said.append(line)
        if "Sending file" in line:
            sent = now
        elif "Received Store Response" in line:
            single.append(now - sent)
    if any([watched.wait(), *(other.wait() for other in others)]):
        words = "".join(said) + receiver.complaints()
        sys.exit(f"{receiver.name}: a sender failed; the last words of the first sender and of the node:\n{words}")
    return time.perf_counter() - before, single


@contextmanager
def started(folder: Path, names: Sequence[str]) -> Iterator[list[Receiver]]:
    """Run the receivers; they stay until the end, and wait while another one is driven."""
    with ExitStack() as stack:
        found = []
        if "orthanc" in names:
            pacs = stack.enter_context(orthanc(folder / "orthanc", sync=True))
            found.append(Receiver("orthanc", "ORTHANC", pacs.dicom_port, _listener(pacs.dicom_port)))
        if "storescp" in names:
            found.append(stack.enter_context(storescp(folder / "storescp")))
        if "hilum" in names:
            found.append(stack.enter_context(node(folder)))
        yield found


@contextmanager
def storescp(folder: Path) -> Iterator[Receiver]:
    """Run dcmtk's receiver, one process for each association."""
    require(STORESCP)
    folder.mkdir()
    port = free_port()
    command = [str(STORESCP), "--fork", "-pdu", "131072", "-aet", "STORESCP", "-od", str(folder), str(port)]
    process = subprocess.Popen(command, env={**os.environ, "TCP_NODELAY": "1"})
    try:
        wait_for(lambda: _listens(port))
        yield Receiver("storescp", "STORESCP", port, process.pid)
    finally:
        process.terminate()
        process.wait()


@contextmanager
def node(folder: Path) -> Iterator[Receiver]:
    """Run Hilum's node, with its database."""
    with embedded_server() as url, migrated(url) as engine:
        port = free_port()
        config = settings_file(
            folder,
            home=str(folder / "home"),
            database={"url": engine.url.render_as_string(hide_password=False)},
            node={"port": port, "study_quiet_seconds": 3600},
        )
        with hilum(config, "node") as running:
            count = len(psutil.Process(running.process.pid).children())
            wait_for(lambda: sum(line["event"] == "node-ready" for line in running.events()) >= max(count, 1))
            yield Receiver("hilum", "HILUM", port, running.process.pid, running.log)


def _listener(port: int) -> int:
    return next(
        connection.pid
        for connection in psutil.net_connections("tcp")
        if connection.status == psutil.CONN_LISTEN and connection.laddr.port == port and connection.pid
    )


def _listens(port: int) -> bool:
    return any(
        connection.status == psutil.CONN_LISTEN and connection.laddr.port == port
        for connection in psutil.net_connections("tcp")
    )


def sync_milliseconds(folder: Path) -> float:
    """Return the median time of writing and syncing half a megabyte here."""
    content, times = os.urandom(500_000), []
    for number in range(50):
        before = time.perf_counter()
        with (folder / f"sync-{number}").open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        times.append(time.perf_counter() - before)
        (folder / f"sync-{number}").unlink()
    return 1000 * statistics.median(times)


def measure(arguments: argparse.Namespace, megabytes: float, folder: Path) -> list[Run]:
    """Drive every receiver in every cell and round."""
    runs = []
    scratch = folder / "films"
    scratch.mkdir()
    with started(folder, arguments.receivers) as receivers:
        template = Template(folder, megabytes)
        count = arguments.films if megabytes < 1 else max(arguments.films // 8, *arguments.associations)
        for number in range(arguments.rounds):
            for associations in arguments.associations:
                films = template.write(scratch, count)
                # Forth and back: Orthanc and Hilum follow storescp, which leaves the disk with work, equally often.
                for receiver in receivers[:: -1 if number % 2 else 1]:
                    os.sync()  # nobody pays for what another one left in the page cache
                    time.sleep(_PAUSE_SECONDS)
                    with Memory(receiver.pid) as memory:
                        seconds, single = drive(receiver, films, associations)
                    runs.append(Run(receiver.name, megabytes, associations, count, seconds, single, memory.most))
                    print(
                        f"round {number + 1}/{arguments.rounds}  {megabytes:>4} MB  {associations:>2} associations  "
                        f"{receiver.name:<8} {runs[-1].rate:7.1f}/s",
                        file=sys.stderr,
                    )
    return runs


def soak(arguments: argparse.Namespace, folder: Path) -> list[tuple[int, int]]:
    """Send films to Hilum in slices; return after each how many it has taken and how many bytes of memory it had."""
    if not arguments.soak:
        return []
    scratch = folder / "films"
    scratch.mkdir()
    template = Template(folder, min(arguments.sizes))
    associations = max(arguments.associations)
    slices = [_SLICE] * (arguments.soak // _SLICE) + [arguments.soak % _SLICE]
    found: list[tuple[int, int]] = []
    with started(folder, ["hilum"]) as (receiver,):
        for count in filter(None, slices):
            films = template.write(scratch, count)
            with Memory(receiver.pid) as memory:
                drive(receiver, films, min(associations, count))
            found.append((sum(slices[: len(found) + 1]), memory.most))
            print(f"soak: {found[-1][0]:>6} films  {memory.most / 1e6:6.0f} MB", file=sys.stderr)
    return found


def table(runs: Sequence[Run], arguments: argparse.Namespace) -> str:
    """Return the medians, a row for each cell and receiver."""
    head = ("MB", "assoc.", "receiver", "films/s", "MB/s", "p50 ms", "p95 ms", "memory MB", "Hilum / this")
    rows = [head]
    for megabytes, associations in product(arguments.sizes, arguments.associations):
        rates = {name: _median(runs, name, megabytes, associations) for name in arguments.receivers}
        for name in arguments.receivers:
            cell = _cell(runs, name, megabytes, associations)
            single = sorted(1000 * seconds for run in cell for seconds in run.store_seconds)
            ratio = f"{rates['hilum'] / rates[name]:.2f}" if "hilum" in rates and name != "hilum" else ""
            rows.append(
                (
                    f"{megabytes:g}",
                    str(associations),
                    name,
                    f"{rates[name]:.0f}",
                    f"{rates[name] * cell[0].megabytes:.0f}",
                    f"{single[len(single) // 2]:.1f}",
                    f"{single[int(len(single) * 0.95)]:.1f}",
                    f"{max(run.memory_bytes for run in cell) / 1e6:.0f}",
                    ratio,
                )
            )
    return "\n".join("| " + " | ".join(row) + " |" for row in [rows[0], ("---",) * len(head), *rows[1:]])


def _cell(runs: Sequence[Run], name: str, megabytes: float, associations: int) -> list[Run]:
    return [run for run in runs if (run.receiver, run.megabytes, run.associations) == (name, megabytes, associations)]


def _median(runs: Sequence[Run], name: str, megabytes: float, associations: int) -> float:
    return statistics.median(run.rate for run in _cell(runs, name, megabytes, associations))


@contextmanager
def temporary() -> Iterator[Path]:
    """Make a folder for the block."""
    with tempfile.TemporaryDirectory() as name:
        yield Path(name)


def main() -> None:
    """Measure, print a table, and write every figure as JSON if asked to."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--films", type=int, default=400, help="films of 0.5 MB a run; an eighth as many of 10 MB")
    parser.add_argument("--sizes", type=float, nargs="+", default=list(ROWS), choices=list(ROWS), help="MB of a film")
    parser.add_argument("--associations", type=int, nargs="+", default=[1, 8, 32], help="senders at once")
    parser.add_argument("--rounds", type=int, default=4, help="an even number, since every second one goes back")
    receivers = ("orthanc", "storescp", "hilum")
    parser.add_argument("--receivers", nargs="+", default=receivers, choices=receivers)
    parser.add_argument("--soak", type=int, default=0, metavar="FILMS", help="afterwards, send so many to Hilum alone")
    parser.add_argument("--json", type=Path, metavar="FILE", help="where to write every run")
    arguments = parser.parse_args()
    require(STORESCU)
    runs = []
    for megabytes in arguments.sizes:
        with temporary() as folder:  # what all receivers keep of one size fills half a disk
            runs += measure(arguments, megabytes, folder)
    with temporary() as folder:
        sync = sync_milliseconds(folder)
        soaked = soak(arguments, folder)
    print(f"{os.cpu_count()} cores; half a megabyte written and synced in {sync:.1f} ms; {arguments.rounds} rounds\n")
    if runs:
        print(table(runs, arguments))
    if soaked:
        first, last, most = soaked[0][1], soaked[-1][1], max(size for _, size in soaked)
        print(f"\nsoak: {soaked[-1][0]} films, all processes of the node together, MB: ", end="")
        print(f"{first / 1e6:.0f} in the first slice, {last / 1e6:.0f} in the last, {most / 1e6:.0f} at most")
    if arguments.json is not None:
        figures = {"sync_ms": sync, "runs": [asdict(run) for run in runs], "soak": soaked}
        arguments.json.write_text(json.dumps(figures, indent=1))


if __name__ == "__main__":
    main()
