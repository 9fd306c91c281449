"""The figures that running processes show."""

from __future__ import annotations

import signal
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import psutil
import pytest

from domain.measures import of_role
from domain.meters import MeterKind
from tests.collector import Collector, collector
from tests.conftest import migrated
from tests.films import film, saved
from tests.peers import Hilum, echoscu, free_port, hilum, settings_file, storescu, wait_for
from tests.scrape import Scrape, fetched, scrape
from tests.watching import names

ROLES = ("node", "worker", "scheduler", "web")


@dataclass
class Watched:
    """An installation that took one film, and refused another caller's."""

    ports: dict[str, int]
    """Of the figures, by role."""
    hilum: Hilum
    dicom: int
    web: int
    traces: Collector

    def figures(self, role: str) -> Scrape:
        """Return what a role shows now."""
        return scrape(self.ports[role])


@pytest.fixture(scope="module")
def watched(embedded_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    """All roles, and a film on its way to a peer that is away."""
    folder = tmp_path_factory.mktemp("watched")
    ports = {role: free_port() for role in ROLES}
    dicom, web = free_port(), free_port()
    away = {"name": "pacs", "ae_title": "XRAY1", "host": "127.0.0.1", "port": 1}
    with migrated(embedded_url) as engine, collector() as traces:
        config = settings_file(
            folder,
            home=str(folder / "home"),
            database={"url": engine.url.render_as_string(hide_password=False)},
            node={"port": dicom, "processes": 2, "study_quiet_seconds": 0},
            web={"port": web},
            worker={"processes": 1},
            traces={"endpoint": traces.url},
            metrics={f"{role}_port": port for role, port in ports.items()},
            peers=[{**away, "may_send": True, "receives_results": True}],
        )
        with hilum(config, "up") as running:
            found = Watched(ports=ports, hilum=running, dicom=dicom, web=web, traces=traces)
            wait_for(lambda: times_ready(found) == 2)
            assert echoscu(dicom)
            assert storescu(dicom, saved(film(1), folder))[0] == 0
            assert storescu(dicom, saved(film(2), folder), calling="STRANGER")[0] != 0
            wait_for(lambda: retried(found))
            wait_for(lambda: answers(web))
            yield found


def retried(watched: Watched) -> float:
    """Say how often the delivery failed."""
    try:
        return watched.figures("worker").of("hilum_worker_jobs_total", "deliver:pacs", "retried")
    except OSError:
        return 0.0


def answers(port: int) -> bool:
    """Whether the web server does."""
    try:
        return bool(fetched(port, "/health/live"))
    except OSError:
        return False


@pytest.mark.peers
def test_the_node_counts_films_in_all_its_processes(watched: Watched) -> None:
    """By the status of the answer; who was turned away is counted, and not named."""
    seen = watched.figures("node")
    assert seen.of("hilum_node_films_total", "SUCCESS") == 1
    assert seen.of("hilum_node_films_total", "OUT_OF_RESOURCES") == 0
    assert seen.of("hilum_node_receptions_total", "new") == 1
    assert seen.of("hilum_node_associations_total", "CALLING_AE_TITLE_NOT_RECOGNISED") == 1
    assert seen.of("hilum_node_echoes_total") >= 1
    assert seen.of("hilum_node_film_bytes_total") > 10_000
    assert seen.of("hilum_disk_free_bytes") > 0
    assert "STRANGER" not in fetched(watched.ports["node"], "/metrics")


@pytest.mark.peers
def test_the_node_forgets_nothing_when_a_receiving_process_dies(watched: Watched) -> None:
    """The successor of each goes on counting where it ended."""
    before = watched.figures("node").of("hilum_node_echoes_total")
    (node,) = [one for one in psutil.Process(watched.hilum.process.pid).children() if "node" in one.cmdline()]
    ready = times_ready(watched)
    for receiving in node.children():
        receiving.kill()
    wait_for(lambda: echoscu(watched.dicom))
    assert wait_for(lambda: shown(watched, before))
    wait_for(lambda: times_ready(watched) == ready + 2)


def times_ready(watched: Watched) -> int:
    """Count the starts of receiving processes."""
    return [line["event"] for line in watched.hilum.events()].count("node-ready")


def shown(watched: Watched, before: float) -> bool:
    """Whether the node shows more echoes than before."""
    try:
        return watched.figures("node").of("hilum_node_echoes_total") > before
    except OSError:
        return False


@pytest.mark.peers
def test_the_worker_times_the_stages_of_a_classification(watched: Watched) -> None:
    """Those of the darkroom's processes as well."""
    seen = watched.figures("worker")
    for stage in ("darkroom", "decode", "preprocess", "network", "settle"):
        assert seen.of("hilum_worker_stage_seconds_count", stage) == 1
    assert seen.of("hilum_worker_claims_total", "classify") == 1


@pytest.mark.peers
def test_the_scheduler_knows_what_waits(watched: Watched) -> None:
    """Jobs by lane and state, deliveries by peer, the size of the database, its own duties."""
    seen = watched.figures("scheduler")
    assert (seen.of("hilum_scheduler_active"), seen.of("hilum_database_up")) == (1, 1)
    assert (
        seen.of("hilum_queue_jobs", "deliver:pacs", "waiting") + seen.of("hilum_queue_jobs", "deliver:pacs", "leased")
        == 1
    )
    assert seen.of("hilum_deliveries_open", "pacs") == 1
    assert seen.of("hilum_deliveries_oldest_seconds", "pacs") > 0
    assert seen.of("hilum_database_bytes") > 1_000_000


@pytest.mark.peers
def test_the_web_server_counts_requests_by_the_pattern_of_their_address(watched: Watched) -> None:
    """What stands in an address is nobody's business."""
    fetched(watched.web, "/health/ready")
    with pytest.raises(OSError, match="404"):
        fetched(watched.web, "/2.25.1/doe")
    seen = watched.figures("web")
    assert seen.of("hilum_web_requests_total", "GET /health/ready", "200") == 1
    assert seen.of("hilum_web_requests_total", "GET unknown", "404") == 1


@pytest.mark.peers
def test_one_signal_changes_what_all_processes_write(watched: Watched) -> None:
    """`hilum up` hands it on, and so does the node."""
    watched.hilum.process.send_signal(signal.SIGUSR1)

    def changed() -> Counter[str]:
        lines = [line for line in watched.hilum.events() if line["event"] == "log-level-changed"]
        return Counter(line["role"] for line in lines if line["verbosity"] == "debug")

    expected = Counter({"up": 1, "node": 3, "worker": 1, "scheduler": 1, "web": 1})
    wait_for(lambda: changed() == expected)
    seen = "association-taken"  # by a receiving process that has its storage
    wait_for(lambda: echoscu(watched.dicom) and seen in [line["event"] for line in watched.hilum.events()])


@pytest.mark.peers
@pytest.mark.parametrize("role", ROLES)
def test_every_meter_of_the_reference_is_shown(watched: Watched, role: str) -> None:
    """By the process that has it; but those that tell of a pause, which there is none of here."""
    names = {f"{one.name}_count" if one.kind is MeterKind.HISTOGRAM else one.name for one in of_role(role)}
    assert names - watched.figures(role).names <= {"hilum_queue_paused"}


@pytest.mark.peers
def test_the_steps_of_a_study_are_one_trace(watched: Watched) -> None:
    """Told by two kinds of processes, in the order in which they happened, with nothing of the patient in them."""
    steps = {"receive", "queue", "darkroom", "network", "settle", "deliver"}
    wait_for(lambda: watched.traces.steps() >= steps)
    spans = list(watched.traces.spans)
    assert len({span.trace_id for span in spans}) == len({span.parent_span_id for span in spans}) == 1
    ends = {span.name: span.end_time_unix_nano for span in reversed(spans)}
    assert ends["receive"] < ends["darkroom"] < ends["network"] < ends["settle"] < ends["deliver"]
    attributes = {attribute.key for span in spans for attribute in span.attributes}
    assert attributes == {
        f"hilum.{name}" for name in ("study", "status", "reception", "lane", "attempt", "peer", "object", "outcome")
    }
    told = b"".join(watched.traces.bodies)
    dataset = film(1)
    for secret in (dataset.PatientID, str(dataset.PatientName), dataset.StudyInstanceUID, dataset.SOPInstanceUID):
        assert secret.encode() not in told


@pytest.mark.peers
def test_what_alerts_and_dashboard_ask_for_is_shown(watched: Watched) -> None:
    """Every metric that they name, but that of a pause, which there is none of here."""
    shown = {name for role in ROLES for name in watched.figures(role).names}
    assert len(names()) > 20
    assert names() - shown == {"hilum_queue_paused"}
