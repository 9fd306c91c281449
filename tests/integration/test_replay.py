"""`hilum models replay` on real films of a real installation, and going back while a worker runs."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, text

from db.engine import transaction
from hilum.supervise import PYTHON_M_HILUM
from models.package import load_package
from tests.conftest import migrated
from tests.films import film, saved
from tests.peers import hilum, settings_file, wait_for
from tests.shadows import variant

FILMS = 4
NEWER = f"{load_package().model.name}-9.2.0"
REPORTS = """
INSERT INTO report_messages (sender, control_id, digest) VALUES ('R', 'M', 'd');
INSERT INTO assessments (study_id, source, covid19, pneumonia, normal, basis, message_id)
SELECT s.id, 'ris', CASE WHEN s.id % 2 = 0 THEN 'present' ELSE 'absent' END,
    CASE WHEN s.id % 2 = 0 THEN 'not-said' ELSE 'present' END, 'not-said', 'keyword', m.id
FROM studies AS s, report_messages AS m
"""


@dataclass
class Site:
    """An installation with a few films, and two networks that may replace the shipped one."""

    config: Path
    engine: Engine
    networks: Path

    def models(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run `hilum models …`."""
        command = [*PYTHON_M_HILUM, "--config", str(self.config), "models", *words]
        return subprocess.run(command, check=False, capture_output=True, text=True)

    def ask(self, query: str) -> Any:  # noqa: ANN401 - whatever it finds
        """Return the first value that a query finds."""
        with transaction(self.engine) as connection:
            return connection.execute(text(query)).scalar()


@pytest.fixture(scope="module")
def site(embedded_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The site; half of its studies were reported to show COVID-19, the others not to."""
    folder = tmp_path_factory.mktemp("site")
    films = [saved(film(number), folder) for number in range(720, 720 + FILMS)]
    with migrated(embedded_url) as engine:
        url = engine.url.render_as_string(hide_password=False)
        config = settings_file(
            folder, home=str(folder / "home"), database={"url": url}, node={"study_quiet_seconds": 0}
        )
        subprocess.run(
            [*PYTHON_M_HILUM, "--config", str(config), "import", *map(str, films)], check=True, capture_output=True
        )
        site = Site(config=config, engine=engine, networks=folder / "home" / "models")
        variant(site.networks, "9.2.0", undetermined_below=0.5)
        with transaction(engine) as connection:
            connection.execute(text(REPORTS))
        yield site


def test_a_network_that_scores_alike_passes_where_there_is_enough(site: Site) -> None:
    """It sees all films that were reported; one class has no study without it, so the whole is not decided."""
    done = site.models("replay", NEWER, "--minimum", "2", "--json")
    found = json.loads(done.stdout)
    assert (done.returncode, found["decision"], found["studies"], found["unreadable"]) == (3, "not-enough", FILMS, 0)
    covid19 = found["targets"]["COVID19"]
    assert (covid19["decision"], covid19["present"], covid19["absent"]) == ("passed", 2, 2)
    assert covid19["own_threshold"] == 0.85
    assert site.ask("SELECT decision FROM replays ORDER BY id DESC LIMIT 1") == "not-enough"


def test_going_back_is_one_command_while_a_worker_runs(site: Site) -> None:
    """The worker goes on with what it has; the next one that starts has the network of before."""
    assert site.models("activate", NEWER).returncode == 0
    with hilum(site.config, "worker") as worker:
        wait_for(lambda: site.ask("SELECT count(*) FROM findings") == FILMS)
        done = site.models("activate", "--previous")
        assert (done.returncode, "is active" in done.stdout) == (0, True)
        assert worker.process.poll() is None
        assert [line["version"] for line in worker.events() if line["event"] == "worker-ready"] == ["9.2.0"]
    with hilum(site.config, "worker") as worker:
        worker.wait_until("worker-ready")
        assert [line["version"] for line in worker.events() if line["event"] == "worker-ready"] == [
            load_package().model.version
        ]
