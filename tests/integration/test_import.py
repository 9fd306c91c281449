"""`hilum import` beside a running node: the same spool, the same rows."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from pydicom.uid import CTImageStorage

from tests.doors import as_file, zipped
from tests.films import PATIENT, copy_of, film, saved
from tests.integration.conftest import RunningNode
from tests.peers import settings_file, storescu, wait_for


def command(node: RunningNode, *arguments: str | Path) -> list[str]:
    config = node.hilum.log.with_name("hilum.toml")
    return [sys.executable, "-m", "hilum", "--config", str(config), "import", *map(str, arguments)]


def imported(node: RunningNode, *paths: Path) -> tuple[int, dict[str, Any], str]:
    """Import; return exit status, what it says, and its log."""
    done = subprocess.run(command(node, "--json", *paths), check=False, capture_output=True, text=True)
    return done.returncode, json.loads(done.stdout), done.stderr


@pytest.mark.peers
def test_a_film_is_the_same_by_both_doors(node: RunningNode, tmp_path: Path) -> None:
    """Imported after it was received, and received after it was imported, it is a duplicate."""
    first, second = saved(film(101), tmp_path), saved(film(102), tmp_path)
    assert storescu(node.port, first)[0] == 0
    rows, files = node.count("instances"), node.files()
    assert imported(node, first)[:2] == (0, answer(**{"known before": 1}))
    assert (node.count("instances"), node.files()) == (rows, files)
    assert imported(node, second)[:2] == (0, answer(new=1))
    files = node.files()
    assert storescu(node.port, second)[0] == 0
    assert (node.count("instances"), node.files()) == (rows + 1, files)
    assert {"reception": "duplicate"}.items() <= node.hilum.events()[-1].items()


def answer(**counts: int) -> dict[str, Any]:
    return {"counts": counts, "failed": [], "ended_early": None, "interrupted": False}


def test_a_study_from_a_folder_is_queued(node: RunningNode, tmp_path: Path) -> None:
    """Its job waits like that of a received one; a second import queues nothing."""
    studies, jobs = node.count("studies"), node.count("jobs")
    saved(film(103), tmp_path)
    zipped(tmp_path / "more.zip", {"film": as_file(film(104))})
    (tmp_path / "letter.txt").write_text("Dear colleague")
    ct = copy_of(film(105))
    ct.SOPClassUID = ct.file_meta.MediaStorageSOPClassUID = CTImageStorage
    saved(ct, tmp_path)
    others = {"not DICOM": 1, "another SOP class": 1}
    assert imported(node, tmp_path)[:2] == (0, answer(new=2, **others))
    assert (node.count("studies"), node.count("jobs")) == (studies + 2, jobs + 2)
    assert imported(node, tmp_path)[:2] == (0, answer(**{"known before": 2}, **others))
    assert (node.count("studies"), node.count("jobs")) == (studies + 2, jobs + 2)


def test_what_is_left_behind_is_named_and_the_patient_is_not(node: RunningNode, tmp_path: Path) -> None:
    """Exit status 1, the file and the reason; neither name nor UID in the log."""
    broken = tmp_path / "broken.dcm"
    broken.write_bytes(as_file(film(106))[:400])
    status, said, log = imported(node, broken, saved(film(107), tmp_path, "whole.dcm"))
    assert (status, said["counts"]) == (1, {"not understood": 1, "new": 1})
    assert said["failed"] == [{"file": str(broken), "reason": "not understood"}]
    assert "instance-received" in log
    assert "broken.dcm" not in log
    assert not any(secret in log for secret in (*PATIENT.split("^"), str(film(107).SOPInstanceUID)))


def test_a_conflict_is_kept_beside_the_first_film_and_is_told(node: RunningNode, tmp_path: Path) -> None:
    """Another content under the same UID."""
    one = copy_of(film(108))
    assert imported(node, saved(one, tmp_path, "first.dcm"))[0] == 0
    files = node.files()
    one.PatientName = "Another^One"
    status, said, _ = imported(node, saved(one, tmp_path, "second.dcm"))
    assert (status, said["counts"]) == (0, {"other content, kept aside": 1})
    assert len(set(node.files()) - set(files)) == 1


def test_a_person_reads_counts_and_a_pipe_gets_no_bar(node: RunningNode, tmp_path: Path) -> None:
    """Without --json."""
    done = subprocess.run(
        command(node, "--source", "CD DRIVE", saved(film(109), tmp_path)), check=True, capture_output=True, text=True
    )
    assert done.stdout.split() == ["files", "1", "new"]
    assert all(line.startswith("{") for line in done.stderr.splitlines())
    assert json.loads(done.stderr.splitlines()[0])["calling"] == "CD DRIVE"


def test_a_terminal_gets_a_bar_and_no_log(node: RunningNode, tmp_path: Path) -> None:
    """The bar on standard error, the counts on standard output."""
    ours, its = pty.openpty()
    done = subprocess.run(
        command(node, saved(film(110), tmp_path)),
        check=False,
        stdout=subprocess.PIPE,
        stderr=its,
        env={**os.environ, "TERM": "xterm", "COLUMNS": "100"},
    )
    os.close(its)
    shown = os.read(ours, 65536).decode()
    os.close(ours)
    assert (done.returncode, done.stdout.split()) == (0, [b"files", b"1", b"new"])
    assert "importing" in shown
    assert "instance-received" not in shown


def test_ctrl_c_keeps_what_was_taken(node: RunningNode, tmp_path: Path) -> None:
    """Exit status 130, no half film in the spool, and the next import takes the rest."""
    for number in range(200, 300):
        saved(film(number, rows=64), tmp_path)
    before = node.count("instances")
    with subprocess.Popen(command(node, "--json", tmp_path), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as run:
        wait_for(lambda: node.count("instances") > before + 3)
        run.send_signal(signal.SIGINT)
        out, _ = run.communicate(timeout=30)
    said = json.loads(out)
    assert (run.returncode, said["interrupted"]) == (130, True)
    assert node.count("instances") == before + said["counts"]["new"] < before + 100
    assert list((node.spool / "incoming").iterdir()) == []
    assert imported(node, tmp_path)[0] == 0
    assert node.count("instances") == before + 100


def test_a_full_disk_ends_the_import_with_words(node: RunningNode, tmp_path: Path) -> None:
    """No room above the reserve: nothing is written, and the exit status says so."""
    files = node.files()
    environment = {**os.environ, "HILUM_NODE__RESERVE_MEGABYTES": "1000000"}
    done = subprocess.run(
        command(node, saved(film(111), tmp_path)), check=False, capture_output=True, text=True, env=environment
    )
    assert (done.returncode, node.files()) == (1, files)
    assert "node.reserve_megabytes" in done.stderr


def test_a_database_without_tables_is_refused(empty_url: str, tmp_path: Path) -> None:
    """With the command that mends it."""
    config = settings_file(tmp_path, home=str(tmp_path / "home"), database={"url": empty_url})
    arguments = [sys.executable, "-m", "hilum", "--config", str(config), "import", str(tmp_path)]
    done = subprocess.run(arguments, check=False, capture_output=True, text=True)
    assert done.returncode == 2
    assert "hilum db upgrade" in done.stderr
