"""The whole way, interrupted: a worker that is killed, a PACS that comes late."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import migrated
from tests.e2e.test_whole_way import settings
from tests.films import film, saved
from tests.peers import Orthanc, free_port, hilum, orthanc, storescu, wait_for

pytestmark = pytest.mark.peers


def test_a_worker_killed_at_work_loses_and_doubles_nothing(embedded_url: str, tmp_path: Path) -> None:
    """SIGKILL in the middle, a new start: every acknowledged study has exactly one report in Orthanc."""
    films = [film(number) for number in range(200, 240)]
    port = free_port()
    with orthanc(tmp_path / "orthanc", hilum_port=port) as pacs, migrated(embedded_url) as engine:
        url = engine.url.render_as_string(hide_password=False)
        config = settings(tmp_path, database=url, port=port, pacs=pacs, lease_seconds=3)
        with hilum(config, "node") as node, hilum(config, "worker") as worker:
            node.wait_until("node-ready")
            worker.wait_until("worker-ready")
            status, said = storescu(port, *(saved(each, tmp_path) for each in films))
            assert status == 0, said
            wait_for(lambda: len(pacs.reports()) >= 3)
            worker.stop(signal.SIGKILL)
            assert len(pacs.reports()) < len(films), "the worker was killed too late to show anything"
            with hilum(config, "worker"):
                wait_for(lambda: len(pacs.reports()) == len(films))
                wait_for(lambda: all_jobs_done(config))
            assert {uid: len(instances) for uid, instances in pacs.reports().items()} == {
                str(each.StudyInstanceUID): 1 for each in films
            }


def all_jobs_done(config: Path) -> bool:
    """Ask `hilum status` whether nothing is left to do."""
    command = [sys.executable, "-m", "hilum", "--config", str(config), "status", "--json"]
    lanes = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)["lanes"]
    return all(set(states) == {"done"} for states in lanes.values())


def test_a_pacs_that_comes_late_gets_every_report(embedded_url: str, tmp_path: Path) -> None:
    """Reports wait while the PACS is away, and arrive by themselves when it is there."""
    port, dicom_port = free_port(), free_port()
    sent = film(230)
    away = Orthanc(dicom_port=dicom_port, http_port=0)
    with migrated(embedded_url) as engine:
        url = engine.url.render_as_string(hide_password=False)
        config = settings(tmp_path, database=url, port=port, pacs=away)
        with hilum(config, "node") as node, hilum(config, "worker") as worker:
            node.wait_until("node-ready")
            assert storescu(port, saved(sent, tmp_path))[0] == 0
            worker.wait_until("job-retried")
            with orthanc(tmp_path / "orthanc", dicom_port=dicom_port) as pacs:
                wait_for(lambda: str(sent.StudyInstanceUID) in pacs.reports())
