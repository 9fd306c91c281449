"""`hilum fetch` from Orthanc: by C-GET, and by C-MOVE to a running node."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from pydicom import Dataset, dcmread
from pydicom.uid import RLELossless, generate_uid
from sqlalchemy import Engine

from tests.conftest import migrated
from tests.films import PATIENT, film, saved
from tests.integration.conftest import RunningNode
from tests.peers import Orthanc, free_port, hilum, orthanc, settings_file, storescu, wait_for

pytestmark = pytest.mark.peers


@dataclass
class Site:
    """An Orthanc, a node that it may send to, and the settings that know both."""

    pacs: Orthanc
    node: RunningNode
    config: Path

    def fetch(self, *arguments: str) -> tuple[int, dict[str, Any], str]:
        """Fetch; return exit status, what it says, and its log."""
        done = run(self.config, "pacs", "--json", *arguments)
        return done.returncode, json.loads(done.stdout), done.stderr


def run(config: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "hilum", "--config", str(config), "fetch", *arguments]
    return subprocess.run(command, check=False, capture_output=True, text=True, timeout=100)


def settings(folder: Path, engine: Engine, port: int, pacs_port: int) -> Path:
    return settings_file(
        folder,
        home=str(folder / "home"),
        database={"url": engine.url.render_as_string(hide_password=False)},
        node={"port": port, "processes": 1},
        peers=[{"name": "pacs", "ae_title": "ORTHANC", "host": "127.0.0.1", "port": pacs_port, "may_send": True}],
    )


@contextmanager
def site(embedded_url: str, folder: Path, **pacs: bool) -> Iterator[Site]:
    port = free_port()
    with migrated(embedded_url) as engine, orthanc(folder / "pacs", hilum_port=port, **pacs) as server:
        config = settings(folder, engine, port, server.dicom_port)
        with hilum(config, "node") as running:
            running.wait_until("node-ready")
            node = RunningNode(hilum=running, port=port, engine=engine, spool=folder / "home" / "spool")
            yield Site(pacs=server, node=node, config=config)


@pytest.fixture(scope="module")
def place(embedded_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A PACS that offers C-GET and C-MOVE."""
    with site(embedded_url, tmp_path_factory.mktemp("fetch")) as made:
        yield made


def archived(place: Site, folder: Path, *films: Dataset, options: tuple[str, ...] = ()) -> list[Path]:
    """Store films in the PACS, and return their files."""
    files = [saved(one, folder) for one in films]
    status, said = storescu(place.pacs.dicom_port, *files, options=options)
    assert status == 0, said
    return files


@pytest.mark.parametrize("method", ["get", "move"])
def test_a_fetched_film_is_like_a_received_one(place: Site, tmp_path: Path, method: str) -> None:
    """The same bytes: the modality that sends it afterwards sends a duplicate; and its study is queued."""
    one = film({"get": 301, "move": 302}[method])
    (file,) = archived(place, tmp_path, one)
    jobs, rows = place.node.count("jobs"), place.node.count("instances")
    status, said, log = place.fetch("--study", one.StudyInstanceUID, "--method", method)
    assert (status, said["method"], said["fetched"], said["left"]) == (0, method, 1, 0), log
    assert (place.node.count("jobs"), place.node.count("instances")) == (jobs + 1, rows + 1)
    assert storescu(place.node.port, file, calling="ORTHANC")[0] == 0
    assert {"reception": "duplicate", "calling": "ORTHANC"}.items() <= place.node.hilum.events()[-1].items()


def test_a_compressed_film_comes_as_the_pacs_has_it(place: Site, tmp_path: Path) -> None:
    """Nothing is decoded on the way."""
    one = film(310)
    one.compress(RLELossless, generate_instance_uid=False)
    archived(place, tmp_path, one, options=("-xr",))
    _, said, log = place.fetch("--study", one.StudyInstanceUID, "--method", "get")
    assert said["fetched"] == 1, (said, log)
    assert RLELossless in [
        dcmread(file, stop_before_pixels=True).file_meta.TransferSyntaxUID for file in place.node.files()
    ]


def test_a_second_time_there_is_nothing_to_fetch(place: Site, tmp_path: Path) -> None:
    """Nothing is asked for twice."""
    one = film(303)
    archived(place, tmp_path, one)
    assert place.fetch("--study", one.StudyInstanceUID)[1]["fetched"] == 1
    files = place.node.files()
    status, said, _ = place.fetch("--study", one.StudyInstanceUID)
    assert (status, said["missing"], said["fetched"], place.node.files()) == (0, 0, 0, files)


@pytest.mark.parametrize("method", ["get", "move"])
def test_only_the_missing_films_of_a_series_are_fetched(place: Site, tmp_path: Path, method: str) -> None:
    """Of three films, one is here: the others come by their UIDs."""
    films = [film(number + (0 if method == "get" else 10)) for number in (311, 312, 313)]
    for one in films[1:]:
        one.StudyInstanceUID, one.SeriesInstanceUID = films[0].StudyInstanceUID, films[0].SeriesInstanceUID
        one.PatientID = films[0].PatientID
    files = archived(place, tmp_path, *films)
    assert storescu(place.node.port, files[0], calling="ORTHANC")[0] == 0
    status, said, log = place.fetch("--study", films[0].StudyInstanceUID, "--method", method)
    assert said["studies"][0] == {"study": films[0].StudyInstanceUID, "date": "20260102", "films": 3, "missing": 2}
    assert (status, said["fetched"], said["left"]) == (0, 2, 0), log
    if method == "get":
        assert log.count("instance-received") == 2


def test_a_dry_run_lists_and_takes_nothing(place: Site, tmp_path: Path) -> None:
    """A person sees the study, its films and how many are missing."""
    one = film(304)
    archived(place, tmp_path, one)
    files = place.node.files()
    done = run(place.config, "pacs", "--patient", one.PatientID, "--dry-run")
    assert done.returncode == 0
    assert ["20260102", "1", "1", one.StudyInstanceUID] in [line.split() for line in done.stdout.splitlines()]
    assert place.node.files() == files


@pytest.mark.parametrize(
    ("key", "value", "matches"),
    [
        ("--date", "20251231-20260101", False),
        ("--date", "20260103-", False),
        ("--date", "20260102", True),
        ("--patient", "SECRET-ID-305", True),
        ("--patient", "SECRET-ID-3", False),
        ("--accession", "B305", True),
        ("--modality", "CR", False),
        ("--modality", "cr, dx", True),
    ],
)
def test_every_key_narrows_the_search(place: Site, tmp_path: Path, key: str, value: str, matches: bool) -> None:  # noqa: FBT001 - a table
    """Beside the study's UID, so that other tests' films do not count."""
    one = film(305)
    one.AccessionNumber = "B305"
    archived(place, tmp_path, one)
    status, said, _ = place.fetch("--study", one.StudyInstanceUID, key, value, "--dry-run")
    assert (status, len(said["studies"])) == (0, int(matches))


def test_the_log_tells_nothing_of_the_patient(place: Site, tmp_path: Path) -> None:
    """Neither name, nor id, nor UID."""
    one = film(306)
    archived(place, tmp_path, one)
    _, said, log = place.fetch("--patient", one.PatientID, "--method", "get")
    assert said["fetched"] == 1
    assert "films-fetched" in log
    assert not any(secret in log for secret in (*PATIENT.split("^"), one.PatientID, str(one.StudyInstanceUID)))


def test_a_pacs_without_c_get_is_asked_to_move(embedded_url: str, tmp_path: Path) -> None:
    """Orthanc accepts the presentation context and breaks off at the request; a person who insists is told so."""
    with site(embedded_url, tmp_path, offers_get=False) as place:
        one = film(307)
        archived(place, tmp_path, one)
        status, said, log = place.fetch("--study", one.StudyInstanceUID)
        assert (status, said["method"], said["fetched"]) == (0, "move", 1), log
        another = film(309)
        archived(place, tmp_path, another)
        refused = run(place.config, "pacs", "--study", another.StudyInstanceUID, "--method", "get")
        assert (refused.returncode, "broke off" in refused.stdout) == (1, True)


@pytest.mark.parametrize("reconciled", ["list", "fetch"])
def test_the_daily_comparison_lists_what_never_came_and_brings_it_if_it_may(
    place: Site, tmp_path: Path, reconciled: str
) -> None:
    """By `hilum upkeep archive-check`, as the scheduler does it; `hilum gaps` shows what is left."""
    one = film({"list": 330, "fetch": 331}[reconciled])
    one.StudyDate = f"{datetime.now().astimezone():%Y%m%d}"
    archived(place, tmp_path, one)
    config = tmp_path / "hilum.toml"
    text = place.config.read_text()
    config.write_text(text.replace("[[peers]]", f'[[peers]]\nreconciled = "{reconciled}"'))
    command = [sys.executable, "-m", "hilum", "--config", str(config)]
    compared = subprocess.run(
        [*command, "upkeep", "archive-check", "--json"], capture_output=True, text=True, check=True
    )
    assert str(one.StudyInstanceUID) not in compared.stderr
    shown = subprocess.run([*command, "gaps", "--json"], capture_output=True, text=True, check=False)
    kinds = {gap["study_instance_uid"]: gap["kind"] for gap in json.loads(shown.stdout)}
    expected = {"list": "missing", "fetch": "at-work"}[reconciled]
    assert kinds[one.StudyInstanceUID] == expected, compared.stderr


def test_what_did_not_come_is_said_in_words(place: Site, tmp_path: Path, embedded_url: str) -> None:
    """Nobody listens where the PACS is to move it to: exit status 1, and the peer's status."""
    one = film(308)
    archived(place, tmp_path, one)
    with migrated(embedded_url) as engine:
        config = settings(tmp_path, engine, 1, place.pacs.dicom_port)
        config.write_text(config.read_text().replace("[node]", '[node]\nae_title = "XRAY1"'))
        done = run(config, "pacs", "--json", "--study", one.StudyInstanceUID, "--method", "move")
    said = json.loads(done.stdout)
    assert (done.returncode, said["fetched"], said["left"]) == (1, 0, 1)
    assert "0x" in said["problems"][0]
    assert one.StudyInstanceUID not in done.stderr


def test_ctrl_c_keeps_what_came(place: Site, tmp_path: Path) -> None:
    """Exit status 130; the next time only the rest is fetched."""
    films = [film(number, rows=64) for number in range(400, 480)]
    for one in films[1:]:
        one.StudyInstanceUID, one.SeriesInstanceUID = films[0].StudyInstanceUID, films[0].SeriesInstanceUID
    archived(place, tmp_path, *films)
    before = place.node.count("instances")
    keys = ["--json", "--method", "get", "--study", films[0].StudyInstanceUID]
    command = [sys.executable, "-m", "hilum", "--config", str(place.config), "fetch", "pacs", *keys]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as running:
        wait_for(lambda: place.node.count("instances") > before)
        running.send_signal(signal.SIGINT)
        said = json.loads(running.communicate(timeout=60)[0])
    assert (running.returncode, said["interrupted"]) == (130, True)
    assert 0 < said["fetched"] == place.node.count("instances") - before < 80
    status, said, _ = place.fetch(*keys[1:])
    assert (status, said["fetched"], place.node.count("instances")) == (0, said["missing"], before + 80)


def test_an_unknown_study_is_no_failure(place: Site) -> None:
    """The PACS has nothing of the kind."""
    status, said, _ = place.fetch("--study", generate_uid())
    assert (status, said["studies"], said["fetched"]) == (0, [], 0)


@pytest.mark.parametrize(
    "wrong", [(), ("--date", "tomorrow"), ("--patient", "a\\b"), ("--date", "today", "--modality", ",")]
)
def test_a_question_that_can_not_be_asked_is_refused(place: Site, wrong: tuple[str, ...]) -> None:
    """Without any key the whole archive would match."""
    done = run(place.config, "pacs", *wrong)
    assert (done.returncode, done.stdout) == (2, "")
    assert "Error: " in done.stderr
