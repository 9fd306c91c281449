"""The real programs around Hilum in the tests: Hilum's own processes, Orthanc as PACS, dcmtk as modality."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import pytest

from hilum.supervise import PYTHON_M_HILUM

ECHOSCU = Path("/usr/bin/echoscu")
STORESCU = Path("/usr/bin/storescu")
ORTHANC = Path("/usr/sbin/Orthanc")

T = TypeVar("T")

OPENSSL = Path("/usr/bin/openssl")
SYSTEMD_ANALYZE = Path("/usr/bin/systemd-analyze")
PROMTOOL = Path("/usr/bin/promtool")
DPKG_DEB = Path("/usr/bin/dpkg-deb")
_DEBIAN_PACKAGES = {
    ECHOSCU: "dcmtk",
    STORESCU: "dcmtk",
    ORTHANC: "orthanc",
    OPENSSL: "openssl",
    SYSTEMD_ANALYZE: "systemd",
    PROMTOOL: "prometheus",
    DPKG_DEB: "dpkg",
}
_PATIENCE_SECONDS = 60.0
_END_SECONDS = 30.0
_FAULTS = {"PYTHONFAULTHANDLER": "1"}


def missing(what: str, how: str) -> None:
    """End a test whose peer is not there: a skip on a laptop, a failure in CI."""
    message = f"{what} is missing; {how}"
    if os.environ.get("CI"):
        pytest.fail(message)
    pytest.skip(message)


def require(*programs: Path) -> None:
    """Say which Debian package brings a program that is missing."""
    for program in programs:
        if not program.exists():
            missing(str(program), f"on Debian: apt-get install {_DEBIAN_PACKAGES[program]}")


def free_port() -> int:
    """Return a TCP port of the loopback that nobody uses."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(what: Callable[[], T], *, seconds: float = _PATIENCE_SECONDS) -> T:
    """Ask until the answer is true, and return it; fail when the time is up."""
    deadline = time.monotonic() + seconds
    while True:
        answer = what()
        if answer:
            return answer
        if time.monotonic() > deadline:
            pytest.fail(f"still {answer!r} after {seconds:.0f} s")
        time.sleep(0.1)


@dataclass
class Hilum:
    """A command of Hilum's that keeps running."""

    process: subprocess.Popen[bytes]
    log: Path

    def stop(self, how: signal.Signals = signal.SIGTERM) -> int:
        """End it and return its exit status; if it does not end, fail with what its threads are doing."""
        if self.process.poll() is None:
            self.process.send_signal(how)
        try:
            return self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.process.send_signal(signal.SIGABRT)  # which Python's fault handler answers in the log
            self.process.wait(60)
            pytest.fail(f"it does not end: {self.log.read_text()}")

    def end(self) -> None:
        """End it in the way of systemd, whatever becomes of it."""
        self.process.terminate()
        try:
            self.process.wait(_END_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def events(self) -> list[dict[str, Any]]:
        """Return what it logged so far."""
        return [json.loads(line) for line in self.log.read_text().splitlines() if line.startswith("{")]

    def wait_until(self, event: str) -> None:
        """Wait until it logs an event."""

        def told() -> bool:
            if self.process.poll() is not None:
                pytest.fail(f"it ended with status {self.process.returncode}: {self.log.read_text()}")
            return any(line["event"] == event for line in self.events())

        wait_for(told)


@contextmanager
def hilum(config: Path, *arguments: str, environment: Mapping[str, str] | None = None) -> Iterator[Hilum]:
    """Run `hilum --config CONFIG ARGUMENTS` for the block; its log lies beside the settings.

    `environment` is set beside the test's own.
    """
    log = config.with_name(f"{'-'.join(arguments)}-{time.monotonic_ns()}.log")
    command = [*PYTHON_M_HILUM, "--config", str(config), *arguments]
    with log.open("wb") as output:
        running = Hilum(
            process=subprocess.Popen(command, stderr=output, env={**os.environ, **_FAULTS, **(environment or {})}),
            log=log,
        )
    try:
        yield running
    finally:
        running.stop()


def settings_file(folder: Path, **keys: Any) -> Path:  # noqa: ANN401 - whatever TOML can hold
    """Write a settings file; tables are dictionaries, peers a list of them. Without `web` there is no web server."""
    keys = {"web": {"port": 0}, **keys}
    file = folder / "hilum.toml"
    lines = [f"{key} = {json.dumps(value)}" for key, value in keys.items() if not isinstance(value, dict | list)]
    for name, value in keys.items():
        for table in value if isinstance(value, list) else [value] if isinstance(value, dict) else []:
            lines.append(f"[[{name}]]" if isinstance(value, list) else f"[{name}]")
            lines += [f"{key} = {json.dumps(item)}" for key, item in table.items()]
    file.write_text("\n".join(lines))
    return file


def echoscu(port: int, *, calling: str = "XRAY1") -> bool:
    """C-ECHO with dcmtk; say whether it was answered."""
    require(ECHOSCU)
    command = [str(ECHOSCU), "-to", "5", "-aet", calling, "-aec", "HILUM", "127.0.0.1", str(port)]
    return subprocess.run(command, check=False, capture_output=True).returncode == 0


def storescu(port: int, *films: Path, calling: str = "XRAY1", options: tuple[str, ...] = ()) -> tuple[int, str]:
    """C-STORE files with dcmtk; return its exit status and what it said."""
    require(STORESCU)
    command = [str(STORESCU), "-v", *options, "-aet", calling, "-aec", "HILUM", "127.0.0.1", str(port)]
    done = subprocess.run([*command, *map(str, films)], check=False, capture_output=True, text=True)
    return done.returncode, done.stdout + done.stderr


@dataclass
class Orthanc:
    """A running Orthanc, asked by its REST interface."""

    dicom_port: int
    http_port: int

    def get(self, path: str) -> Any:  # noqa: ANN401 - whatever JSON holds
        """Return the JSON answer of a resource."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.http_port}{path}", timeout=10) as answer:
            return json.load(answer)

    def post(self, path: str, content: bytes) -> Any:  # noqa: ANN401 - whatever JSON holds
        """Send something to a resource and return its JSON answer."""
        request = urllib.request.Request(f"http://127.0.0.1:{self.http_port}{path}", data=content, method="POST")
        with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310 - our own address
            return json.load(answer)

    def file(self, instance: str) -> bytes:
        """Return an instance as a DICOM file."""
        url = f"http://127.0.0.1:{self.http_port}/instances/{instance}/file"
        with urllib.request.urlopen(url, timeout=10) as answer:
            return bytes(answer.read())

    def reports(self) -> dict[str, list[str]]:
        """Return the instances of structured reports by Study Instance UID."""
        found: dict[str, list[str]] = {}
        for study in self.get("/studies?expand"):
            for series_id in study["Series"]:
                series = self.get(f"/series/{series_id}")
                if series["MainDicomTags"]["Modality"] == "SR":
                    found.setdefault(study["MainDicomTags"]["StudyInstanceUID"], []).extend(series["Instances"])
        return found

    def _answers(self) -> bool:
        try:
            return bool(self.get("/system"))
        except OSError:
            return False


@contextmanager
def orthanc(
    folder: Path,
    *,
    dicom_port: int | None = None,
    sync: bool = False,
    hilum_port: int = 1,
    offers_get: bool = True,
    lua: Path | None = None,
) -> Iterator[Orthanc]:
    """Run Orthanc with an index and storage in a folder, on loopback ports.

    Args:
        folder: where it keeps everything.
        dicom_port: where it listens; any free port by default.
        sync: it syncs each file to disk.
        hilum_port: where it finds Hilum's node.
        offers_get: it takes C-GET.
        lua: a script that it runs.
    """
    require(ORTHANC)
    folder.mkdir(exist_ok=True)
    server = Orthanc(dicom_port=dicom_port or free_port(), http_port=free_port())
    settings = {
        "StorageDirectory": str(folder),
        "IndexDirectory": str(folder),
        "DicomAet": "ORTHANC",
        "DicomPort": server.dicom_port,
        "HttpPort": server.http_port,
        "HttpServerEnabled": True,
        "RemoteAccessAllowed": False,
        "AuthenticationEnabled": False,
        # Its DICOM port can't be bound to the loopback alone: it serves these callers from there only.
        "DicomModalities": {
            name: {"AET": name, "Host": "127.0.0.1", "Port": port, "AllowGet": offers_get}
            for name, port in (("HILUM", hilum_port), ("XRAY1", 1))
        },
        "DicomCheckModalityHost": True,
        "DicomAlwaysAllowEcho": False,
        "DicomAlwaysAllowStore": False,
        "SyncStorageArea": sync,
        "LuaScripts": [] if lua is None else [str(lua)],
        "Plugins": [],
    }
    config = folder / "orthanc.json"
    config.write_text(json.dumps(settings))
    environment = {**os.environ, "TCP_NODELAY": "1"}  # else each answer waits 40 ms for more to send
    with (folder / "orthanc.log").open("ab") as log:
        process = subprocess.Popen([str(ORTHANC), str(config)], stdout=log, stderr=log, env=environment)
    try:
        wait_for(server._answers)
        yield server
    finally:
        process.terminate()
        process.wait(30)


def ledger_of(config: Path, study: str) -> Any:  # noqa: ANN401 - JSON
    """Return what `hilum ledger` says of a study; None: it never came."""
    command = [sys.executable, "-m", "hilum", "--config", str(config), "ledger", study, "--json"]
    return json.loads(subprocess.run(command, check=False, capture_output=True, text=True).stdout)
