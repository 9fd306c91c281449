"""The commands that end by themselves, run as a person runs them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from pydicom.uid import CTImageStorage

from dicom_node.wrap import wrap_film
from tests.films import chest, copy_of, film, saved
from tests.peers import free_port, hilum, settings_file


def run(*arguments: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "hilum", *map(str, arguments)]
    return subprocess.run(command, check=False, capture_output=True, text=True, cwd=cwd)


def classified(*paths: Path, cwd: Path) -> tuple[int, dict[str, dict[str, Any]]]:
    done = run("classify", "--json", *paths, cwd=cwd)
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    return done.returncode, {Path(line["file"]).name: line for line in lines}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a good DICOM film, a good JPEG, a lateral film, a letter and a list."""
    films = tmp_path / "films"
    films.mkdir()
    saved(film(1), films, "frontal.dcm")
    saved(film(2, view="LL"), films, "lateral.dcm")
    Image.fromarray(chest(3, 256)).save(films / "picture.jpg")
    ramp = np.tile(np.arange(256, dtype=np.uint8), (256, 1))
    Image.fromarray(ramp).save(films / "ramp.jpg")
    (films / "letter.dcm").write_text("Dear colleague, thank you for referring this patient. " * 20)
    (films / "list.csv").write_text("file,label\n")
    return films


def test_a_folder_is_classified_film_by_film(folder: Path, tmp_path: Path) -> None:
    """Good films get a label, a lateral one a reason, and the letter makes the exit status 1."""
    status, results = classified(folder, cwd=tmp_path)
    assert status == 1
    assert {name: result["reason"] for name, result in results.items()} == {
        "frontal.dcm": None,
        "lateral.dcm": "not-frontal",
        "letter.dcm": "unreadable",
        "picture.jpg": None,
        "ramp.jpg": "not-a-chest-film",
    }


def test_a_result_has_every_field(folder: Path, tmp_path: Path) -> None:
    """Label, three probabilities that sum to 1, and the model."""
    status, results = classified(folder / "frontal.dcm", cwd=tmp_path)
    result = results["frontal.dcm"]
    assert status == 0
    assert list(result) == [
        "file",
        "eligible",
        "reason",
        "label",
        "undetermined",
        "probabilities",
        "model",
        "model_version",
    ]
    assert list(result["probabilities"]) == ["COVID19", "NORMAL", "PNEUMONIA"]
    assert sum(result["probabilities"].values()) == pytest.approx(1.0)


def test_a_film_is_judged_alike_as_dicom_and_as_picture(tmp_path: Path) -> None:
    """The way of a film into the network does not change what the network sees."""
    pixels = chest(5, 320)
    wrapped = wrap_film(pixels, patient_id="P", patient_name="N")
    Image.fromarray(pixels).save(tmp_path / "film.png")
    _, results = classified(saved(wrapped, tmp_path, "film.dcm"), tmp_path / "film.png", cwd=tmp_path)
    one, other = (results[name]["probabilities"] for name in ("film.dcm", "film.png"))
    assert one == pytest.approx(other, abs=0.02)


def test_results_are_explained_at_the_geometry_of_the_film(folder: Path, tmp_path: Path) -> None:
    """--explain DIR writes picture and map of the classified films; the JSON names them."""
    done = run(
        "classify", "--json", "--explain", "explained", folder / "frontal.dcm", folder / "ramp.jpg", cwd=tmp_path
    )
    film_line, ramp_line = (json.loads(line) for line in done.stdout.splitlines())
    name = f"frontal-{film_line['label']}"
    assert {file.name for file in (tmp_path / "explained").iterdir()} == {f"{name}.npy", f"{name}.png"}
    assert np.load(tmp_path / film_line["explanation"]["map"]).shape == (256, 256)
    assert 0.0 <= film_line["explanation"]["evidence_outside_lungs"] <= 1.0
    assert ramp_line["explanation"] is None


def test_a_file_that_is_not_there_does_not_stop_the_others(folder: Path, tmp_path: Path) -> None:
    """It is listed; exit status 1."""
    status, results = classified(tmp_path / "nowhere.dcm", folder / "picture.jpg", cwd=tmp_path)
    assert (status, results["nowhere.dcm"]["reason"], results["picture.jpg"]["eligible"]) == (1, "unreadable", True)


def test_only_what_can_not_be_read_counts_as_failure(tmp_path: Path) -> None:
    """A CT slice is read and not eligible: exit status 0."""
    ct = copy_of(film(1))
    ct.SOPClassUID = ct.file_meta.MediaStorageSOPClassUID = CTImageStorage
    ct.Modality = "CT"
    status, results = classified(saved(ct, tmp_path, "ct.dcm"), cwd=tmp_path)
    assert (status, results["ct.dcm"]["eligible"], results["ct.dcm"]["label"]) == (0, False, None)


def test_the_table_names_the_unreadable_file(folder: Path, tmp_path: Path) -> None:
    """Without --json a person reads labels, reasons and the notice."""
    done = run("classify", folder, cwd=tmp_path)
    assert done.returncode == 1
    assert "could not be read" in done.stderr
    assert "not a diagnosis" in done.stdout


def test_wrong_settings_end_with_status_2_and_words(tmp_path: Path) -> None:
    """No traceback."""
    (tmp_path / "hilum.toml").write_text("[node]\nport = 0\n")
    done = run("config", "show", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("hilum: node.port: 0 is not allowed")
    assert "Traceback" not in done.stderr


def test_an_unknown_peer_is_refused_with_those_known(tmp_path: Path) -> None:
    """`hilum echo` names what could have been meant."""
    peer = {"name": "pacs", "ae_title": "PACS", "host": "127.0.0.1", "port": free_port()}
    config = settings_file(tmp_path, peers=[peer])
    done = run("--config", config, "echo", "pax", cwd=tmp_path)
    assert done.returncode == 2
    assert "known: pacs" in done.stderr


def test_a_peer_that_is_away_is_said(tmp_path: Path) -> None:
    """`hilum echo` ends with an error."""
    peer = {"name": "pacs", "ae_title": "PACS", "host": "127.0.0.1", "port": free_port()}
    done = run("--config", settings_file(tmp_path, peers=[peer]), "echo", "pacs", cwd=tmp_path)
    assert done.returncode == 2
    assert "can't be reached" in done.stderr


def test_peers_echo_and_status_on_a_running_node(database_url: str, tmp_path: Path) -> None:
    """`hilum echo` finds another Hilum; `hilum status` reads an empty queue."""
    port = free_port()
    config = settings_file(
        tmp_path,
        home=str(tmp_path / "home"),
        database={"url": database_url},
        node={"port": port},
        peers=[{"name": "self", "ae_title": "HILUM", "host": "127.0.0.1", "port": port, "may_send": True}],
    )
    with hilum(config, "node") as node:
        node.wait_until("node-ready")
        assert "answers" in run("--config", config, "echo", "self", cwd=tmp_path).stdout
    status = run("--config", config, "status", "--json", cwd=tmp_path)
    assert (status.returncode, json.loads(status.stdout)["counts"]["studies"]) == (0, 0)


@pytest.mark.parametrize(
    "command",
    [
        (),
        ("up",),
        ("node",),
        ("worker",),
        ("classify",),
        ("knowledge",),
        ("db", "upgrade"),
        ("echo",),
        ("import",),
        ("fetch",),
    ],
)
def test_every_command_explains_itself(tmp_path: Path, command: tuple[str, ...]) -> None:
    """--help works without settings or database."""
    done = run(*command, "--help", cwd=tmp_path)
    assert done.returncode == 0
    assert len(done.stdout.splitlines()) > 3
