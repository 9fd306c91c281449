"""Ports as `hilum doctor` judges them: free, ours, or somebody else's."""

from __future__ import annotations

import socket
import ssl
import subprocess
import sys
from pathlib import Path

import pytest
from pynetdicom import AE
from pynetdicom.sop_class import Verification

from hilum.doctor.check import Outcome
from hilum.doctor.ports import Port, _answers, _is_hilum, port, ports
from tests.certificates import certificates
from tests.doctoring import outcome_of, said, settings_of
from tests.peers import free_port

LISTEN = (
    "import socket, sys; s = socket.create_server(('127.0.0.1', 0)); print(s.getsockname()[1], flush=True); input()"
)


def place(setting: str, number: int) -> Port:
    return Port(setting=setting, host="127.0.0.1", number=number)


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


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # pynetdicom drops an unconnected socket
@pytest.mark.peers
@pytest.mark.parametrize("setting", ["node.port", "node.tls_port"])
def test_a_node_whose_process_is_not_seen_is_known_by_its_answer(tmp_path: Path, setting: str) -> None:
    """By C-ECHO, over TLS where the port is for that; where nobody answers, nobody is known."""
    made = certificates(tmp_path, "node")
    tls = {"tls_certificate": str(made.certificate), "tls_key": str(made.key)}
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(made.certificate, made.key)
    node = AE(ae_title="HILUM")
    node.add_supported_context(Verification)
    server = node.start_server(
        ("127.0.0.1", 0), block=False, ssl_context=context if setting == "node.tls_port" else None
    )
    numbers = (server.socket.getsockname()[1], free_port())
    found = [_answers(settings_of(tmp_path, node={"tls_port": one, **tls}), place(setting, one)) for one in numbers]
    server.shutdown()
    assert found == [True, False]


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
