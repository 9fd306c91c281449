"""Ports as `hilum doctor` judges them: free, ours, or somebody else's."""

from __future__ import annotations

import socket
import subprocess
import sys
from pathlib import Path

from hilum.doctor.check import Outcome
from hilum.doctor.ports import Port, _is_hilum, port, ports
from tests.doctoring import outcome_of, said, settings_of
from tests.peers import free_port

LISTEN = (
    "import socket, sys; s = socket.create_server(('127.0.0.1', 0)); print(s.getsockname()[1], flush=True); input()"
)


def own(number: int, host: str = "127.0.0.1") -> Port:
    return Port(setting="web.port", host=host, number=number)


def test_a_free_port_is_well(tmp_path: Path) -> None:
    """It is looked at by listening there for a moment."""
    assert outcome_of(port(settings_of(tmp_path), own(free_port()))) is Outcome.OK


def test_a_port_that_somebody_else_holds_is_a_failure(tmp_path: Path) -> None:
    """Who it is, is said: this test."""
    with socket.create_server(("127.0.0.1", 0)) as holder:
        found = list(port(settings_of(tmp_path), own(holder.getsockname()[1])))
    assert outcome_of(found) is Outcome.FAILURE
    assert "is held by " in said(found)
    assert "web.port" in said(found)


def test_a_port_that_hilum_holds_is_well(tmp_path: Path) -> None:
    """A process is Hilum by its command, `… -m hilum …`."""
    command = [sys.executable, "-c", LISTEN, "-m", "hilum", "web"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        found = list(port(settings_of(tmp_path), own(int(holder.stdout.readline()))))
        holder.communicate("\n")
    assert outcome_of(found) is Outcome.OK
    assert "which is Hilum" in found[0].seen


def test_a_folder_called_hilum_makes_nobody_hilum() -> None:
    """But the program does, however it is called."""
    others = (["python", "-m", "pytest", "tests/unit/hilum"], ["cat", "-n", "x", "/srv/hilum"], [])
    ours = (
        ["/opt/hilum/bin/python", "-P", "-m", "hilum", "node"],
        ["python3", "/opt/hilum/bin/hilum", "up"],
        ["hilum"],
    )
    assert [_is_hilum(command) for command in (*others, *ours)] == [False, False, False, True, True, True]


def test_an_address_of_another_machine_is_a_failure(tmp_path: Path) -> None:
    """192.0.2.1 is nobody's (RFC 5737)."""
    assert "web.host" in said(port(settings_of(tmp_path), own(free_port(), "192.0.2.1")))


def test_each_port_of_the_settings_is_looked_at(tmp_path: Path) -> None:
    """But those that are 0."""
    settings = settings_of(tmp_path, final_reports={"port": 2575})
    assert [one.setting for one in ports(settings)] == ["node.port", "final_reports.port"]
