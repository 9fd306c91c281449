"""An upgrade while films come: processes of two versions work side by side, and nothing is lost or refused."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from pydicom import Dataset

from db.engine import SCHEMA_REVISION, connect, schema_revision
from db.upgrade import MIGRATIONS, Kind, upgrade
from hilum.supervise import PYTHON_M_HILUM
from tests.backups import said
from tests.conftest import migrated, new_database
from tests.films import film, saved
from tests.peers import Hilum, Orthanc, free_port, hilum, missing, orthanc, settings_file, storescu, wait_for
from tests.steady_modality import SteadyModality

pytestmark = pytest.mark.peers
ROOT = Path(__file__).parents[2]
PREVIOUS = "c0ebad5807f1"
"""A commit of this repository that stands for the version before: the last one whose processes demand exactly their own
schema when they start."""
PREVIOUS_REVISION = "0024"


@pytest.fixture
def pacs(tmp_path: Path) -> Iterator[Orthanc]:
    """Orthanc, which gets the reports."""
    with orthanc(tmp_path / "orthanc") as server:
        yield server


@pytest.fixture
def previous(tmp_path: Path) -> Path:
    """The code of the version before, beside ours."""
    if not (ROOT / ".git").exists():
        pytest.skip("the code of the version before comes from the history, and this is no clone; clone the repository")
    asked = subprocess.run(["git", "cat-file", "-e", f"{PREVIOUS}^{{commit}}"], cwd=ROOT, check=False)
    if asked.returncode != 0:
        missing(f"commit {PREVIOUS}", "the clone is shallow: git fetch --unshallow")
    folder = tmp_path / "previous"
    folder.mkdir()
    archive = subprocess.run(["git", "archive", PREVIOUS], cwd=ROOT, check=True, capture_output=True)
    subprocess.run(["tar", "-x", "-C", str(folder)], input=archive.stdout, check=True)
    return folder


def settings(folder: Path, url: str, port: int, pacs: Orthanc) -> Path:
    """Return the settings of a node's port; all share a home and a database."""
    (folder / str(port)).mkdir()
    peer = {"name": "pacs", "ae_title": "ORTHANC", "host": "127.0.0.1", "port": pacs.dicom_port}
    return settings_file(
        folder / str(port),
        home=str(folder / "home"),
        database={"url": url},
        node={"port": port, "study_quiet_seconds": 0.5, "processes": 1},
        worker={"retry_seconds": 0.2, "retry_limit_seconds": 1},
        peers=[
            {"name": "xray", "ae_title": "XRAY1", "host": "127.0.0.1", "port": 1, "may_send": True},
            {**peer, "receives_results": True},
        ],
    )


@contextmanager
def at_work(config: Path, code: Path = ROOT) -> Iterator[list[Hilum]]:
    """A node and a worker of some code."""
    environment = {"PYTHONPATH": str(code)}
    with ExitStack() as stack:
        running = [stack.enter_context(hilum(config, role, environment=environment)) for role in ("node", "worker")]
        for one, event in zip(running, ("node-ready", "worker-ready"), strict=True):
            one.wait_until(event)
        yield running


def reports(pacs: Orthanc, studies: list[str]) -> list[int]:
    """Return how many reports the PACS has of each study."""
    found = pacs.reports()
    return [len(found.get(study, [])) for study in studies]


def test_a_rolling_upgrade_loses_and_refuses_nothing(
    embedded_url: str, tmp_path: Path, pacs: Orthanc, previous: Path
) -> None:
    """The new node has a port of its own; the modality goes there when it is ready, then the old ones are ended."""
    old_port, new_port = free_port(), free_port()
    modality = SteadyModality(tmp_path, old_port, first=7200)

    def more(films: int) -> None:
        so_far = len(modality.acknowledged)
        wait_for(lambda: len(modality.acknowledged) >= so_far + films)

    with new_database(embedded_url) as url:
        old, new = (settings(tmp_path, url, port, pacs) for port in (old_port, new_port))
        command = [*PYTHON_M_HILUM, "--config", str(old), "db", "upgrade"]
        subprocess.run(command, env={**os.environ, "PYTHONPATH": str(previous)}, check=True)
        assert revision(url) == PREVIOUS_REVISION
        with at_work(old, previous) as old_processes, ExitStack() as after:
            with modality.sending():
                more(3)
                assert f"{PREVIOUS_REVISION} -> {SCHEMA_REVISION}" in said(new, "db", "upgrade", "--pre")
                more(3)
                after.enter_context(at_work(new))
                modality.ports = (new_port,)
                more(2)
                for process in old_processes:
                    process.end()  # how its code ends is not judged any more
                more(3)
            studies = modality.acknowledged
            wait_for(lambda: all(reports(pacs, studies)))
            assert set(reports(pacs, studies)) == {1}


def revision(url: str) -> str | None:
    engine = connect(url, role="test")
    found = schema_revision(engine)
    engine.dispose()
    return found


def next_version(folder: Path) -> Path:
    """Return the migrations of a version after this one, which needs another column."""
    shutil.copytree(MIGRATIONS, folder / "migrations", ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "migrations" / "versions" / "9001_pre_mood.py").write_text(
        f"from alembic import op\nrevision = '9001'\ndown_revision = {SCHEMA_REVISION!r}\n"
        "def upgrade():\n    op.execute('ALTER TABLE studies ADD COLUMN mood text')\n"
    )
    return folder / "migrations"


def test_processes_of_this_version_work_on_and_start_anew_on_the_schema_of_the_next(
    embedded_url: str, tmp_path: Path, pacs: Orthanc
) -> None:
    """Its pre steps are applied while a node and a worker run; afterwards both may be restarted."""
    port = free_port()
    films = [film(number, rows=128) for number in range(7300, 7303)]
    with migrated(embedded_url) as engine:
        config = settings(tmp_path, engine.url.render_as_string(hide_password=False), port, pacs)
        with at_work(config):
            told(port, films[0], pacs, tmp_path)
            assert upgrade(engine, Kind.PRE, next_version(tmp_path)) == (SCHEMA_REVISION, "9001")
            told(port, films[1], pacs, tmp_path)
        with at_work(config):
            told(port, films[2], pacs, tmp_path)


def told(port: int, sent: Dataset, pacs: Orthanc, folder: Path) -> None:
    """Send a film and wait for its report."""
    assert storescu(port, saved(sent, folder))[0] == 0
    wait_for(lambda: reports(pacs, [str(sent.StudyInstanceUID)]) == [1])
