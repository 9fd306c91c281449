"""Each role under a service manager: ready when it is, alive only as long as it works, and open about its end."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.certificates import certificates
from tests.peers import free_port, hilum, settings_file, wait_for
from tests.service_manager import ServiceManager, service_manager

SECONDS = 1.2
"""The watchdog's patience."""


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[ServiceManager]:
    """A service manager that listens."""
    with service_manager(tmp_path) as listening:
        yield listening


def config(folder: Path, database_url: str, **tables: Any) -> Path:  # noqa: ANN401 - whatever TOML can hold
    return settings_file(folder, home=str(folder / "home"), database={"url": database_url}, **tables)


def lives_and_ends(manager: ServiceManager, file: Path, role: str) -> None:
    """Run a role: it is ready, says so again and again, and tells of its end."""
    with hilum(file, role, environment=manager.environment(seconds=SECONDS)) as running:
        manager.wait_for("READY=1")
        manager.wait_for("WATCHDOG=1", times=3)
        assert running.stop() == 0
    assert manager.count("STOPPING=1") == 1
    assert manager.count("READY=1") == 1


def hung(manager: ServiceManager, pid: int) -> None:
    """Let a process stand still for longer than the watchdog waits; nobody may say that all is well."""
    process = psutil.Process(pid)
    process.suspend()
    wait_for(lambda: process.status() == psutil.STATUS_STOPPED)
    before = manager.count("WATCHDOG=1")
    with pytest.raises(psutil.TimeoutExpired):
        process.wait(SECONDS)
    assert manager.count("WATCHDOG=1") <= before + 1  # one may have been on its way
    process.resume()
    manager.wait_for("WATCHDOG=1", times=before + 2)


def test_a_scheduler_is_alive_while_its_loop_turns(manager: ServiceManager, tmp_path: Path, database_url: str) -> None:
    """Its status says whether it is active."""
    lives_and_ends(manager, config(tmp_path, database_url), "scheduler")
    assert manager.statuses() == ["active", "stopping"]


def test_a_worker_is_ready_after_its_first_prediction(
    manager: ServiceManager, tmp_path: Path, database_url: str
) -> None:
    """And alive while its network answers."""
    lives_and_ends(manager, config(tmp_path, database_url, worker={"decoders": 1}), "worker")
    assert [status.split()[0] for status in manager.statuses()] == ["loading", "working", "stopping"]
    assert manager.count("EXTEND_TIMEOUT_USEC=900000000") == 1  # the database may have used up the time of a start


def test_a_web_server_answers_itself_over_tls(manager: ServiceManager, tmp_path: Path, database_url: str) -> None:
    """Through its own port, whatever its certificate says."""
    own = certificates(tmp_path, "own")
    web = {"port": free_port(), "tls_certificate": str(own.certificate), "tls_key": str(own.key)}
    lives_and_ends(manager, config(tmp_path, database_url, web=web), "web")


def test_a_listener_for_final_reports_is_alive_while_it_listens(
    manager: ServiceManager, tmp_path: Path, database_url: str
) -> None:
    """Nobody needs to call it."""
    lives_and_ends(manager, config(tmp_path, database_url, final_reports={"port": free_port()}), "final-reports")


def test_a_node_answers_itself_on_both_ports_though_it_hears_known_callers_only(
    manager: ServiceManager, tmp_path: Path, database_url: str
) -> None:
    """And has no client certificate that its TLS port takes; beside one that works, a process that hangs is noticed."""
    own, strange = certificates(tmp_path, "own"), certificates(tmp_path, "strange")
    node = {
        "port": free_port(),
        "processes": 2,
        "check_called_ae_title": True,
        "tls_port": free_port(),
        "tls_certificate": str(own.certificate),
        "tls_key": str(own.key),
        "tls_client_authorities": str(strange.authority),
    }
    peers = [{"name": "xray", "ae_title": "XRAY1", "host": "127.0.0.1", "port": 1, "may_send": True}]
    file = config(tmp_path, database_url, node=node, peers=peers)
    with hilum(file, "node", environment=manager.environment(seconds=SECONDS)) as running:
        manager.wait_for("READY=1")
        manager.wait_for("WATCHDOG=1", times=2)
        receiver = psutil.Process(running.process.pid).children()[0]
        hung(manager, receiver.pid)
        assert "association-rejected" not in {line["event"] for line in running.events()}
        assert running.stop() == 0
    assert manager.count("STOPPING=1") == 1


def test_a_node_without_a_database_asks_for_time_and_is_not_ready(manager: ServiceManager, tmp_path: Path) -> None:
    """It listens; its films would be refused."""
    nowhere = f"postgresql://nobody@127.0.0.1:{free_port()}/hilum"
    file = config(tmp_path, nowhere, node={"port": free_port(), "processes": 1})
    with hilum(file, "node", environment=manager.environment(seconds=SECONDS)) as running:
        manager.wait_for("EXTEND_TIMEOUT_USEC=60000000", times=2)
        assert running.stop(signal.SIGTERM) == 0
    assert manager.count("READY=1") == manager.count("WATCHDOG=1") == 0
