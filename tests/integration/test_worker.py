"""The worker's process: how it starts, how it stops, and what a stop leaves behind."""

from __future__ import annotations

import signal
import subprocess
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest
from sqlalchemy import Engine, text

from db.engine import transaction
from hilum.supervise import PYTHON_M_HILUM
from tests.conftest import migrated
from tests.films import film, saved
from tests.peers import Hilum, hilum, settings_file, wait_for

STUDIES = 80


@dataclass
class Backlog:
    """Films that were taken and wait to be classified."""

    config: Path
    engine: Engine

    def states(self) -> Counter[str]:
        """Count the jobs by state."""
        with transaction(self.engine) as connection:
            rows = connection.execute(text("SELECT state, count(*) AS jobs FROM jobs GROUP BY state"))
            return Counter({row.state: row.jobs for row in rows})

    def attempts(self) -> set[int]:
        """Return how often the waiting jobs were tried."""
        with transaction(self.engine) as connection:
            return set(connection.execute(text("SELECT attempts FROM jobs WHERE state = 'waiting'")).scalars())


@pytest.fixture
def backlog(embedded_url: str, tmp_path: Path) -> Iterator[Backlog]:
    """Eighty studies, and no peer to tell of them."""
    films = [saved(film(number), tmp_path) for number in range(300, 300 + STUDIES)]
    with migrated(embedded_url) as engine:
        url = engine.url.render_as_string(hide_password=False)
        node = {"study_quiet_seconds": 0.0}
        config = settings_file(tmp_path, home=str(tmp_path / "home"), database={"url": url}, node=node)
        command = [*PYTHON_M_HILUM, "--config", str(config), "import", *map(str, films)]
        subprocess.run(command, check=True, capture_output=True)
        yield Backlog(config=config, engine=engine)


def test_a_stopped_worker_finishes_what_it_has_begun_and_gives_the_rest_back(backlog: Backlog) -> None:
    """SIGTERM to it and all its processes: it ends by itself, nothing stays leased, and no try is counted."""
    with hilum(backlog.config, "worker") as worker:
        wait_for(lambda: backlog.states()["done"])
        for process in everything_of(worker):
            process.send_signal(signal.SIGTERM)
        assert worker.stop() == 0
    states = backlog.states()
    assert states["done"] + states["waiting"] == STUDIES
    assert states["waiting"], "it was told too late to show anything"
    assert backlog.attempts() == {0}
    assert "work-abandoned" not in [line["event"] for line in worker.events()]


def test_a_killed_worker_leaves_no_process_behind(backlog: Backlog) -> None:
    """Those that read films end when their worker is gone."""
    with hilum(backlog.config, "worker") as worker:
        wait_for(lambda: backlog.states()["done"])
        processes = everything_of(worker)
        assert len(processes) > 1
        worker.stop(signal.SIGKILL)
        wait_for(lambda: not any(process.is_running() for process in processes[1:]))


def test_those_that_read_films_know_none_of_our_settings(backlog: Backlog, monkeypatch: pytest.MonkeyPatch) -> None:
    """A film that takes its decoder over finds no password of the database in the environment."""
    monkeypatch.setenv("HILUM_DATABASE__URL", backlog.engine.url.render_as_string(hide_password=False))
    with hilum(backlog.config, "worker") as worker:
        wait_for(lambda: backlog.states()["done"])
        own, *others = everything_of(worker)
        assert "HILUM_DATABASE__URL" in own.environ()
        assert others
        for process in others:
            assert not [name for name in process.environ() if name.startswith("HILUM_")]


def test_studies_are_settled_in_batches(backlog: Backlog) -> None:
    """A backlog takes fewer transactions than it has studies, and each is settled once."""
    with hilum(backlog.config, "worker"):
        wait_for(lambda: backlog.states()["done"] == STUDIES)
    with transaction(backlog.engine) as connection:
        moments = connection.execute(text("SELECT count(DISTINCT settled_at) FROM jobs")).scalar_one()
        findings = connection.execute(text("SELECT count(*) FROM findings")).scalar_one()
    assert findings == STUDIES
    assert moments < STUDIES


def everything_of(worker: Hilum) -> list[psutil.Process]:
    own = psutil.Process(worker.process.pid)
    return [own, *own.children(recursive=True)]
