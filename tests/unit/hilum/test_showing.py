"""What a process shows of its work: where, and what happens where it can't."""

from __future__ import annotations

import socket
import subprocess
import sys
import urllib.error
from pathlib import Path

import pytest

from dicom_node.workload import Workload
from domain.measures import ALL, CLAIMS, QUEUE_OLDEST
from domain.meters import NO_METERS, Reading
from domain.traces import NO_TRACES
from hilum import metrics, settings
from hilum.given_settings import given
from tests.fakes import RecordedEvents
from tests.peers import free_port
from tests.scrape import fetched, scrape

KNOWN_LABELS = {
    "duty", "label", "lane", "network", "noticed", "outcome", "peer", "place", "reception", "stage", "state", "status",
}  # fmt: skip
"""Each has few values, all of them from our code or from the settings."""


@pytest.fixture
def port(monkeypatch: pytest.MonkeyPatch) -> int:
    """A port for the worker's figures."""
    port = free_port()
    monkeypatch.setenv("HILUM_METRICS__WORKER_PORT", str(port))
    return port


def test_labels_are_of_a_short_list() -> None:
    """Nobody adds one that could hold a patient, a UID or a stranger's AE title without being asked why."""
    assert {label for meter in ALL for label in meter.labels} == KNOWN_LABELS


def test_without_a_port_nothing_is_counted() -> None:
    """Nor told; and no library for it is even loaded."""
    assert metrics.show(settings.load()[0], "worker", RecordedEvents()).meters is NO_METERS
    with metrics.traced(settings.load()[0], "worker") as tracer:
        assert tracer is NO_TRACES
    probe = "import hilum.metrics, hilum.roles, sys; print({'prometheus_client', 'opentelemetry'} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", probe], capture_output=True, check=True).stdout == b"set()\n"


def test_what_is_counted_and_what_is_looked_up_is_shown(port: int) -> None:
    """With the labels that it has."""
    waited = Reading(meter=QUEUE_OLDEST, value=7, labels={"lane": "classify"})
    shown = metrics.show(settings.load()[0], "worker", RecordedEvents(), lambda: [waited])
    shown.meters.add(CLAIMS, 2, lane="deliver:pacs")
    seen = scrape(port)
    assert seen.of("hilum_worker_claims_total", "deliver:pacs") == 2
    assert seen.of("hilum_queue_oldest_seconds", "classify") == 7


def test_a_process_says_when_it_is_ready(port: int) -> None:
    """503 until then; that it lives it says at once."""
    shown = metrics.show(settings.load()[0], "worker", RecordedEvents())
    assert fetched(port, "/health/live") == "live\n"
    with pytest.raises(urllib.error.HTTPError, match="503") as refused:
        fetched(port, "/health/ready")
    refused.value.close()
    shown.is_ready.set()
    assert fetched(port, "/health/ready") == "ready\n"


def test_a_port_that_is_taken_stops_no_work(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is told as an error; the process goes on without being seen."""
    port, events = free_port(), RecordedEvents()
    monkeypatch.setenv("HILUM_METRICS__WEB_PORT", str(port))
    with socket.create_server(("127.0.0.1", port)):
        assert metrics.show(settings.load()[0], "web", events).meters is NO_METERS
    assert events.told == [
        ("error", "metrics-not-shown", {"host": "127.0.0.1", "port": port, "reason": "Address already in use"})
    ]


def test_each_worker_of_a_host_has_a_port_of_its_own(port: int) -> None:
    """The first free one, from that of the settings on."""
    shown = [metrics.show(settings.load()[0], "worker", RecordedEvents()) for _ in range(2)]
    for number, one in enumerate(shown):
        one.meters.add(CLAIMS, number + 1, lane="classify")
    seen = [claims(port + number) for number in range(16)]
    assert [number for number in seen if number] == [1, 2]


def claims(port: int) -> float:
    """Return what a worker shows, 0 where there is none."""
    try:
        return scrape(port).of("hilum_worker_claims_total", "classify")
    except OSError:
        return 0


@pytest.mark.parametrize("is_there", [True, False])
def test_receiving_processes_count_in_memory_where_they_can(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, is_there: bool
) -> None:
    """A disk that fills ends none of them."""
    monkeypatch.setattr(metrics, "_SHARED_MEMORY", tmp_path if is_there else tmp_path / "missing")
    window = metrics.NodeWindow(given(metrics={"node_port": free_port()}), Workload(1, 0))
    parent = window._folder.parent
    window.close()
    assert (parent == tmp_path) is is_there
