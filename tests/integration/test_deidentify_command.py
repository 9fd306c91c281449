"""`hilum deidentify`: a folder of films that name nobody, with labels where somebody reported them."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pydicom
import pytest
from click.testing import CliRunner, Result

from db.study_view import PostgresStudyViews
from domain.findings import Label
from domain.report_phrases import Statement
from domain.study_view import answered
from hilum.cli import hilum
from models.collection import read_collection
from tests.films import PATIENT, film, saved
from tests.study_pages import Ward, bundled, ward

Command = Callable[..., Result]


@pytest.fixture
def command(tmp_path: Path) -> Command:
    """The command, with a folder for its export and a key."""

    def call(*arguments: str, config: Path | None = None) -> Result:
        before = [] if config is None else ["--config", str(config)]
        own = ["--output", str(tmp_path / "out"), "--key-file", str(tmp_path / "key"), "--json"]
        return CliRunner().invoke(hilum, [*before, "deidentify", *arguments, *own])

    return call


@pytest.fixture
def films(tmp_path: Path) -> Path:
    """A folder with two films of one patient, one that has writing in it, and a text."""
    folder = tmp_path / "films"
    folder.mkdir()
    written = film(3)
    written.BurnedInAnnotation = "YES"
    for one in (film(1), film(2, study=1), written):
        saved(one, folder)
    (folder / "notes.txt").write_text("no film")
    return folder


def exported(tmp_path: Path) -> list[Path]:
    return sorted((tmp_path / "out").rglob("*.dcm"))


def test_a_folder_is_written_without_its_patients(command: Command, films: Path, tmp_path: Path) -> None:
    """In a folder a pseudonym; what is left out is counted by its reason."""
    done = command(str(films))
    assert json.loads(done.stdout) == {
        "written": 2,
        "left_out": {"something is written in the picture": 1, "no DICOM file": 1},
    }
    files = exported(tmp_path)
    assert len({file.parent for file in files}) == 1
    assert all(PATIENT.encode() not in file.read_bytes() for file in files)
    assert {pydicom.dcmread(file).PatientID for file in files} == {files[0].parent.name}
    assert (tmp_path / "key").stat().st_mode & 0o077 == 0


def test_who_is_who_is_written_where_somebody_asks_for_it_only(command: Command, films: Path, tmp_path: Path) -> None:
    """Into a file for its owner alone, outside the export."""
    table = tmp_path / "who.csv"
    command(str(films), "--table", str(table), "--even-burned-in")
    rows = list(csv.DictReader(table.read_text().splitlines()))
    assert {row["patient_id"] for row in rows} == {"SECRET-ID-1", "SECRET-ID-3"}
    assert {row["new_sop_instance_uid"] for row in rows} == {file.stem for file in exported(tmp_path)}
    assert table.stat().st_mode & 0o077 == 0


def test_two_exports_are_not_mixed(command: Command, films: Path, tmp_path: Path) -> None:
    """A folder with something in it is refused, and so is a key that anybody guesses."""
    command(str(films))
    assert "not empty" in str(command(str(films)).exception)
    (tmp_path / "key").write_text("short")
    assert "16 bytes" in str(command(str(films)).exception)


@pytest.mark.parametrize("arguments", [[], ["--reported", "FILMS"], ["FILMS", "--since", "2026-01-01"]])
def test_half_an_order_is_refused(command: Command, films: Path, arguments: list[str]) -> None:
    """Nothing, two things at once, or a condition without what it is for."""
    assert command(*[str(films) if one == "FILMS" else one for one in arguments]).exit_code == 2


@pytest.fixture
def place(embedded_url: str, tmp_path: Path) -> Iterator[Ward]:
    """An installation with a study that somebody reported, and one that nobody did."""
    with ward(embedded_url, tmp_path) as opened:
        for name in ("PNEUMONIA/person1175_bacteria_3122.jpg", "NORMAL/IM-0213-0001.jpg"):
            study = opened.receive(bundled(name))
            opened.classify(study)
            if name.startswith("NORMAL"):
                said = answered({Label.NORMAL: Statement.PRESENT})
                PostgresStudyViews(opened.engine).assess(study, said, assessor="radiologist", comment="")
        yield opened


@pytest.mark.usefixtures("place")
def test_what_was_reported_here_comes_with_its_label(command: Command, tmp_path: Path) -> None:
    """In a manifest as training and evaluation take it."""
    done = command("--reported", "--keep-characteristics", config=tmp_path / "hilum.toml")
    assert json.loads(done.stdout) == {"written": 1, "left_out": {}}
    (labelled,) = read_collection(tmp_path / "out").films
    assert (labelled.label, labelled.columns["sex"], labelled.patient) == (Label.NORMAL, "F", labelled.path.parent.name)
    (tmp_path / "out").rename(tmp_path / "first")
    assert command("--reported", "--since", "2999-01-01", config=tmp_path / "hilum.toml").exit_code == 1
