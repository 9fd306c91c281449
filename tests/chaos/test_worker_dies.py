"""The worker dies at work, again and again."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
from sqlalchemy import Engine

from tests.chaos.count import Count
from tests.chaos.hospital import STUDIES, hospital, random_moments
from tests.peers import Orthanc, wait_for

pytestmark = [pytest.mark.peers, pytest.mark.timeout(600)]

FILMS = range(10_000, 10_000 + STUDIES)
KILLS = 5
ATTEMPTS = KILLS + 5
"""One study may be in hand each time."""
PART_OF_THE_REST = 8
"""No life is longer than for an eighth of the reports that are left, so that there is work for the next ones."""
LONGEST_DELAY_SECONDS = 0.3


def lives(process: psutil.Process) -> bool:
    """Whether a process is at work; one that nobody buries is dead all the same."""
    with suppress(psutil.NoSuchProcess):
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    return False


def test_a_worker_killed_at_random_moments_loses_and_doubles_nothing(
    engine: Engine, pacs: Orthanc, tmp_path: Path, tell: Callable[[Count], None]
) -> None:
    """SIGKILL while it starts or works, five times: each study has one report, and no process of the dead is left."""
    moments = random_moments()
    children: list[psutil.Process] = []
    with (
        hospital(tmp_path, engine, pacs, films=FILMS, worker={"max_attempts": ATTEMPTS}) as ward,
        ward.run("node") as node,
        ward.sending() as sending,
    ):
        node.wait_until("node-ready")
        for life in range(KILLS):
            with ward.run("worker") as worker:
                if life:  # the first one dies while it starts, or soon after
                    reported = ward.reported()
                    ward.wait_for_reports(reported + moments.randint(1, (STUDIES - reported) // PART_OF_THE_REST))
                time.sleep(moments.uniform(0, LONGEST_DELAY_SECONDS))
                children += psutil.Process(worker.process.pid).children(recursive=True)
                assert worker.stop(signal.SIGKILL) == -signal.SIGKILL
            assert ward.reported() < STUDIES, "the worker was killed too late to show anything"
        with ward.run("worker"):
            ward.wait_until_settled(sending)
        wait_for(lambda: not any(lives(child) for child in children))
        tell(ward.reckoned("the worker is killed", deaths=KILLS))
