"""What Hilum leans on goes away at work, and comes back: PostgreSQL, and the PACS."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from db import embedded
from tests.chaos.count import Count
from tests.chaos.hospital import STUDIES, hospital, random_moments
from tests.conftest import migrated
from tests.peers import Orthanc, free_port, orthanc

pytestmark = [pytest.mark.peers, pytest.mark.timeout(600)]

RESTARTS = 2
DATABASE_AWAY_SECONDS = 2.0
PACS_AWAY_SECONDS = 60.0
REPORTS_BEFORE = 10


@pytest.fixture
def data() -> Iterator[Path]:
    """The data directory of an embedded server of one test's own."""
    with tempfile.TemporaryDirectory(prefix="hilum-pg-") as folder:
        yield Path(folder) / "postgresql"
        embedded.stop(Path(folder) / "postgresql")


def test_a_database_that_restarts_loses_and_doubles_nothing(
    data: Path, pacs: Orthanc, tmp_path: Path, tell: Callable[[Count], None]
) -> None:
    """A fast stop and a start, twice, while films come and go: node and worker wait, the modality sends again."""
    moments = random_moments()
    with (
        migrated(embedded.start(data)) as engine,
        hospital(tmp_path, engine, pacs, films=range(40_000, 40_000 + STUDIES)) as ward,
        ward.run("node") as node,
        ward.run("worker") as worker,
    ):
        node.wait_until("node-ready")
        worker.wait_until("worker-ready")
        with ward.sending() as sending:
            for _ in range(RESTARTS):
                ward.wait_for_reports(ward.reported() + moments.randint(1, STUDIES // 4))
                assert ward.reported() < STUDIES, "the database went too late to show anything"
                embedded.stop(data)
                time.sleep(DATABASE_AWAY_SECONDS)
                embedded.start(data)
            ward.wait_until_settled(sending)
        assert any(line["event"] == "database-away" for line in worker.events())
        tell(ward.reckoned("PostgreSQL restarts", deaths=RESTARTS))


def test_reports_wait_for_a_pacs_that_is_away(embedded_url: str, tmp_path: Path, tell: Callable[[Count], None]) -> None:
    """Orthanc stops for a minute with reports on their way; classification goes on, and all reports arrive."""
    storage, port = tmp_path / "orthanc", free_port()
    films = range(50_000, 50_000 + STUDIES)
    with (
        migrated(embedded_url) as engine,
        hospital(tmp_path, engine, Orthanc(dicom_port=port, http_port=0), films=films) as ward,
        ward.run("node"),
        ward.run("worker") as worker,
        ward.sending() as sending,
    ):
        with orthanc(storage, dicom_port=port):
            ward.wait_for_reports(REPORTS_BEFORE)
        back = time.monotonic() + PACS_AWAY_SECONDS
        assert ward.reported() < STUDIES, "the PACS went too late to show anything"
        ward.wait_until_classified()
        assert any(line["event"] == "job-retried" and line["lane"] == "deliver:pacs" for line in worker.events())
        time.sleep(max(back - time.monotonic(), 0))
        with orthanc(storage, dicom_port=port) as ward.pacs:
            ward.wait_until_settled(sending)
            tell(ward.reckoned("the PACS is away", deaths=1))
