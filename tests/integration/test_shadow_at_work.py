"""A shadow in a real worker: what it says is kept aside, and live results are the same whatever it does."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, text

from db.engine import transaction
from db.queue import enqueue
from domain.jobs import CLASSIFY_LANE, JobKind
from hilum.supervise import PYTHON_M_HILUM
from models.package import load_package
from tests.conftest import migrated
from tests.films import film, saved
from tests.peers import Hilum, hilum, settings_file, wait_for
from tests.shadows import appoint, endless, hungry, raising, variant

pytest.importorskip("onnx", reason="writing a graph needs more packages: pip install 'hilum[train]'")

SAID = """
    SELECT s.outcome, s.seconds, s.probabilities, f.probabilities AS live, m.version FROM shadow_findings AS s
    JOIN findings AS f ON f.id = s.findings_id JOIN model_versions AS m ON m.id = s.model_version_id
"""
KINDS = ("good", "raising", "hungry", "endless", "removed")


@dataclass
class Ward:
    """A worker at work, one study for each kind of shadow, and what was seen."""

    engine: Engine
    networks: Path
    worker: Hilum
    plain: list[str] = field(default_factory=list)
    """Live results without a shadow, one a study."""
    results: list[str] = field(default_factory=list)
    """The same with the shadows."""
    jobs: dict[str, tuple[str, str | None]] = field(default_factory=dict)
    """State and reason of what the shadow was to do."""
    said: list[Any] = field(default_factory=list)
    """What shadows said."""
    made: list[Any] = field(default_factory=list)
    """Which networks made the live results."""

    def rows(self, query: str, **values: object) -> list[Any]:
        """Return what a query finds."""
        with transaction(self.engine) as connection:
            return list(connection.execute(text(query), values))

    def classify(self, study: int) -> str:
        """Have a study classified and return its result, as text."""
        with transaction(self.engine) as connection:
            enqueue(connection, JobKind.CLASSIFY, CLASSIFY_LANE, study, max_attempts=3, after=timedelta(0))
        query = "SELECT to_jsonb(f) - 'id' - 'created_at' AS result FROM findings AS f WHERE study_id = :study"
        (row,) = wait_for(lambda: self.rows(query, study=study))
        return json.dumps(row.result, sort_keys=True)

    def run(self, statement: str) -> None:
        """Execute a statement."""
        with transaction(self.engine) as connection:
            connection.execute(text(statement))

    def shadow_job(self, study: int) -> tuple[str, str | None]:
        """Wait until a shadow has done with a study, or failed at it once; return the job's state and reason."""
        query = """
            SELECT j.state, j.reason FROM jobs AS j JOIN findings AS f ON f.id = j.subject_id
            WHERE j.kind = 'shadow' AND f.study_id = :study AND (j.state = 'done' OR j.reason IS NOT NULL)
        """
        found = wait_for(lambda: self.rows(query, study=study))
        return found[-1].state, found[-1].reason


@contextmanager
def _ward(url: str, folder: Path) -> Iterator[Ward]:
    networks = folder / "home" / "models"
    networks.mkdir(parents=True)
    films = [saved(film(number), folder) for number in range(700, 700 + len(KINDS))]
    with migrated(url) as engine:
        config = settings_file(
            folder,
            home=str(folder / "home"),
            database={"url": engine.url.render_as_string(hide_password=False)},
            node={"study_quiet_seconds": 3600},
            worker={"shadow_seconds": 8, "shadow_megabytes": 512, "retry_seconds": 0.1, "retry_limit_seconds": 0.1},
        )
        command = [*PYTHON_M_HILUM, "--config", str(config), "import", *map(str, films)]
        subprocess.run(command, check=True, capture_output=True)
        with transaction(engine) as connection:
            connection.execute(text("UPDATE jobs SET state = 'cancelled', settled_at = now(), reason = 'by hand'"))
        with hilum(config, "worker") as worker:
            worker.wait_until("worker-ready")
            yield Ward(engine=engine, networks=networks, worker=worker)


@pytest.fixture(scope="module")
def ward(embedded_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ward]:
    """All studies classified without a shadow, forgotten, and classified again, each beside another shadow."""
    with _ward(embedded_url, tmp_path_factory.mktemp("ward")) as ward:
        studies = [row.id for row in ward.rows("SELECT id FROM studies ORDER BY id")]
        ward.plain = [ward.classify(study) for study in studies]
        shadows = [
            variant(ward.networks, "9.0.0", temperature=3.0),
            variant(ward.networks, "9.0.1", graph=raising()),
            variant(ward.networks, "9.0.2", graph=hungry()),
            variant(ward.networks, "9.0.3", graph=endless()),
            variant(ward.networks, "9.0.4"),
        ]
        for kind, study, shadow in zip(KINDS, studies, shadows, strict=True):
            appoint(ward.networks, shadow)
            ward.run("TRUNCATE findings CASCADE")  # so that each shadow has one study to look at
            if kind == "removed":
                shutil.rmtree(shadow.folder)
                ward.worker.wait_until("shadow-not-loaded")
            ward.results.append(ward.classify(study))
            if kind != "removed":
                ward.jobs[kind] = ward.shadow_job(study)
            ward.said += ward.rows(SAID)
            ward.made += ward.rows(
                "SELECT version FROM findings AS f JOIN model_versions AS m ON m.id = model_version_id"
            )
        yield ward


def test_live_results_are_the_same_with_and_without_a_shadow(ward: Ward) -> None:
    """To the last digit, whether it answers, fails, eats memory, hangs, or is gone."""
    assert ward.results == ward.plain
    assert all("probabilities" in result for result in ward.plain)


def test_what_a_shadow_says_is_kept_aside(ward: Ward) -> None:
    """With the network that said it, and differing from the live result."""
    (row,) = ward.said
    assert (row.version, row.seconds > 0) == ("9.0.0", True)
    assert row.probabilities != row.live
    assert sum(row.probabilities.values()) == pytest.approx(1)


def test_no_shadow_makes_a_result(ward: Ward) -> None:
    """The live network alone has results, one a study."""
    assert [row.version for row in ward.made] == [load_package().model.version] * len(KINDS)


@pytest.mark.parametrize(
    ("kind", "says"),
    [
        ("raising", "unexpected InvalidArgument"),
        ("hungry", "unexpected "),
        ("endless", "looking at a study took longer than 8 seconds"),
    ],
)
def test_a_shadow_that_does_harm_fails_at_its_study(ward: Ward, kind: str, says: str) -> None:
    """With the reason; nobody waits for it."""
    state, reason = ward.jobs[kind]
    assert state != "done"
    assert reason is not None
    assert says in reason


def test_the_worker_goes_on_and_ends_as_ever(ward: Ward) -> None:
    """It never stopped, and no live job was tried twice."""
    assert ward.worker.process.poll() is None
    attempts = ward.rows("SELECT max(attempts) AS most FROM jobs WHERE kind = 'classify' AND state = 'done'")
    assert attempts[0].most == 1
