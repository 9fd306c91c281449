"""The scheduler dies, again and again, and a worker with it: leases are taken back all the same."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
from sqlalchemy import Engine

from tests.chaos.count import Count
from tests.chaos.hospital import STUDIES, hospital, random_moments
from tests.peers import Hilum, Orthanc, wait_for

pytestmark = [pytest.mark.peers, pytest.mark.timeout(600)]

FILMS = range(80_000, 80_000 + STUDIES)
KILLS = 3
MOST_REPORTS_OF_A_LIFE = 40


def in_office(up: Hilum) -> int:
    """Return how often a scheduler took up its office."""
    return sum(line["event"] == "scheduler-active" for line in up.events())


def kill(up: Hilum, role: str) -> None:
    """SIGKILL one of the supervisor's processes."""
    children = psutil.Process(up.process.pid).children()
    next(child for child in children if role in child.cmdline()).kill()


def test_a_killed_scheduler_is_replaced_and_the_work_goes_on(
    engine: Engine, pacs: Orthanc, tmp_path: Path, tell: Callable[[Count], None]
) -> None:
    """SIGKILL of scheduler and of a worker at once, three times under `hilum up`: each study has one report."""
    moments = random_moments()
    with hospital(tmp_path, engine, pacs, films=FILMS) as ward, ward.run("up") as up:
        up.wait_until("node-ready")
        up.wait_until("worker-ready")
        with ward.sending() as sending:
            for life in range(KILLS):
                wait_for(lambda life=life: in_office(up) == life + 1)  # type: ignore[misc]
                ward.wait_for_reports(ward.reported() + moments.randint(1, MOST_REPORTS_OF_A_LIFE))
                kill(up, "scheduler")
                kill(up, "worker")
            assert ward.reported() < STUDIES, "they were killed too late to show anything"
            ward.wait_until_settled(sending)
        wait_for(lambda: in_office(up) == KILLS + 1)
        tell(ward.reckoned("the scheduler and a worker are killed", deaths=2 * KILLS))
