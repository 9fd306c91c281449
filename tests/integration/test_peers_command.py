"""`hilum peers`: who is in the settings, and whether each takes what it would be sent."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from pynetdicom import AE
from pynetdicom.sop_class import EnhancedSRStorage, SecondaryCaptureImageStorage, Verification

from hilum.supervise import PYTHON_M_HILUM
from tests.peers import free_port, settings_file
from tests.ris_peer import FakeRis, listening

ROUTES = [
    {"objects": ["report", "capture"], "peers": ["pacs"]},
    {"objects": ["message"], "peers": ["ris"]},
]


@contextmanager
def pacs(*sop_classes: str) -> Iterator[int]:
    """A peer that accepts these."""
    entity = AE(ae_title="PACS")
    for sop_class in (Verification, *sop_classes):
        entity.add_supported_context(sop_class)
    server = entity.start_server(("127.0.0.1", 0), block=False)
    assert server is not None
    try:
        yield server.socket.getsockname()[1]
    finally:
        server.shutdown()


def settings(folder: Path, port: int, *, ris_port: int = 1, commits: bool = False) -> Path:
    peer = {"name": "pacs", "ae_title": "PACS", "host": "127.0.0.1", "port": port, "may_send": True}
    return settings_file(
        folder,
        home=str(folder / "home"),
        peers=[{**peer, "commits_results": commits}],
        ris=[{"name": "ris", "host": "127.0.0.1", "port": ris_port}],
        routes=ROUTES,
    )


def run(config: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [*PYTHON_M_HILUM, "--config", str(config), "peers", *arguments]
    return subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)


def test_each_peer_is_listed_with_what_it_gets(tmp_path: Path) -> None:
    """By its routes."""
    config = settings(tmp_path, 11113, commits=True)
    assert [line.split(maxsplit=2) for line in run(config, "list").stdout.splitlines()] == [
        ["pacs", "PACS@127.0.0.1:11113", "sends films; is sent: capture, report; is asked to commit"],
        ["ris", "127.0.0.1:1", "is sent: message"],
    ]
    assert [one["name"] for one in json.loads(run(config, "list", "--json").stdout)] == ["pacs", "ris"]


def test_a_peer_that_takes_everything_passes(tmp_path: Path) -> None:
    """It says which of the SOP classes it accepts."""
    with pacs(EnhancedSRStorage, SecondaryCaptureImageStorage) as port:
        done = run(settings(tmp_path, port), "test", "pacs")
    assert done.returncode == 0, done.stdout
    assert [line.split(":")[0] for line in done.stdout.splitlines()] == [
        "ok     C-ECHO",
        "ok     report",
        "ok     capture",
    ]
    assert "accepts Enhanced SR Storage" in done.stdout


def test_what_a_peer_does_not_take_is_named(tmp_path: Path) -> None:
    """Exit status 1; the rest is tried all the same."""
    with pacs(EnhancedSRStorage) as port:
        done = run(settings(tmp_path, port, commits=True), "test", "pacs", "--json")
    assert done.returncode == 1
    checks = {one["what"]: one["is_good"] for one in json.loads(done.stdout)}
    assert checks == {"C-ECHO": True, "report": True, "capture": False, "storage commitment": False}


@pytest.mark.parametrize(("name", "status"), [("pacs", 1), ("ris", 1), ("other", 2)])
def test_a_peer_that_is_not_there_is_said(tmp_path: Path, name: str, status: int) -> None:
    """Neither at its port, nor in the settings."""
    done = run(settings(tmp_path, free_port(), ris_port=free_port()), "test", name)
    assert (done.returncode, "Traceback" in done.stderr) == (status, False)


def test_a_ris_is_called_but_told_nothing(tmp_path: Path) -> None:
    """There is no message that means nothing."""
    ris = FakeRis()
    with listening(ris) as port:
        done = run(settings(tmp_path, 1, ris_port=port), "test", "ris")
    assert (done.returncode, done.stdout.strip(), ris.heard) == (0, "ok     connection: without TLS", [])
