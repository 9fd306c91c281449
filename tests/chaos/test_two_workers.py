"""Two workers race for the same jobs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import Engine

from tests.chaos.count import Count
from tests.chaos.hospital import STUDIES, hospital
from tests.peers import Hilum, Orthanc

pytestmark = [pytest.mark.peers, pytest.mark.timeout(600)]

LEASE_SECONDS = 60
"""Longer than the test: nothing is done twice because of a lease."""


def done(worker: Hilum) -> list[tuple[str, int]]:
    """Return the jobs that a worker said it has done."""
    return [(line["lane"], line["job"]) for line in worker.events() if line["event"] == "job-done"]


def test_two_workers_do_every_job_once(
    engine: Engine, pacs: Orthanc, tmp_path: Path, tell: Callable[[Count], None]
) -> None:
    """Both take part, and no job is done by both, or twice."""
    films = range(60_000, 60_000 + STUDIES)
    with (
        hospital(tmp_path, engine, pacs, films=films, worker={"threads": 1, "lease_seconds": LEASE_SECONDS}) as ward,
        ward.run("node") as node,
        ward.run("worker") as first,
        ward.run("worker") as second,
    ):
        node.wait_until("node-ready")
        first.wait_until("worker-ready")
        second.wait_until("worker-ready")
        with ward.sending() as sending:
            ward.wait_until_settled(sending)
        jobs = done(first) + done(second)
        assert len(jobs) == len(set(jobs))
        assert Counter(lane for lane, _ in jobs) == {"classify": STUDIES, "deliver:pacs": STUDIES}
        assert min(len(done(first)), len(done(second))) > 0
        tell(ward.reckoned("two workers race", deaths=0))
