"""Reading labelled films, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from dicom_node.patients import patient_key
from domain.errors import Misconfigured
from domain.findings import Label
from models.collection import (
    Trouble,
    label_of,
    listing,
    read_collection,
    refuse_bad_rows,
    refuse_shared_patients,
    require_classes,
)
from tests.films import film as dicom_film
from tests.films import saved


def picture(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("L", (8, 8), 90).save(path)


def manifest(folder: Path, text: str, *files: str) -> Path:
    folder.mkdir(exist_ok=True)
    for file in files:
        picture(folder / file)
    (folder / "manifest.csv").write_text(text, encoding="utf-8-sig")
    return folder / "manifest.csv"


def test_a_manifest_gives_label_source_patient_and_further_columns(tmp_path: Path) -> None:
    """Paths are relative to the manifest, which may be named itself or by its folder."""
    text = "file,label,source,source_name,patient_id,licence,age\na/1.png,COVID-19,here,x.png,p7,CC BY,60\n"
    file = manifest(tmp_path, text, "a/1.png")
    (film,) = read_collection(tmp_path).films
    assert (film.label, film.source, film.patient) == (Label.COVID19, "here", "p7")
    assert film.columns["age"] == "60"
    assert film.columns["folder"] == "a"
    assert "patient_id" not in film.columns
    assert read_collection(file).films == (film,)


def test_a_folder_per_class_takes_the_spellings_of_the_papers(tmp_path: Path) -> None:
    """Each folder's name is the label; files that are no films are passed over."""
    for name in ("COVID-19/1.jpg", "Normal/1.jpg", "pneumonia/deep/1.png"):
        picture(tmp_path / name)
    (tmp_path / "Normal" / "notes.txt").write_text("no film")
    found = read_collection(tmp_path)
    assert [(film.file, film.label) for film in found.films] == [
        ("COVID-19/1.jpg", Label.COVID19),
        ("Normal/1.jpg", Label.NORMAL),
        ("pneumonia/deep/1.png", Label.PNEUMONIA),
    ]
    assert len({film.patient for film in found.films}) == 3


def test_kermany_names_tell_the_patient(tmp_path: Path) -> None:
    """Two films of one person in a folder per class belong together."""
    for name in ("person7_bacteria_1.jpeg", "person7_bacteria_2.jpeg", "person8_virus_1.jpeg"):
        picture(tmp_path / "PNEUMONIA" / name)
    assert len({film.patient for film in read_collection(tmp_path).films}) == 2


def test_a_dicom_header_tells_the_patient_without_showing_it(tmp_path: Path) -> None:
    """Two films of one study have one key, and it is not the patient's id."""
    folder = tmp_path / "NORMAL"
    folder.mkdir()
    for number, study in ((1, 5), (2, 5), (3, 6)):
        saved(dicom_film(number, study=study), folder, f"{number}.dcm")
    first, second, third = (film.patient for film in read_collection(tmp_path, identify=patient_key).films)
    assert first == second != third
    assert "SECRET" not in first


@pytest.mark.parametrize("content", [b"", b"no film", b"\xff\xd8\xff"], ids=["empty", "text", "JPEG"])
def test_what_is_no_dicom_file_tells_no_patient(tmp_path: Path, content: bytes) -> None:
    """Then the film counts as a patient of its own."""
    (tmp_path / "1").write_bytes(content)
    assert patient_key(tmp_path / "1") is None


@pytest.mark.parametrize("text", ["OTHER", "viral pneumonia", "", "no COVID-19"])
def test_other_labels_are_no_class(text: str) -> None:
    """A label is one of the three or unknown; nothing is guessed."""
    assert label_of(text) is None


def test_unknown_labels_missing_and_repeated_files_are_refused_by_name(tmp_path: Path) -> None:
    """The error lists each with its file, and says how to go on."""
    file = manifest(tmp_path, "file,label\n1.png,NORMAL\n2.png,OTHER\n3.png,NORMAL\n1.png,COVID19\n", "1.png", "2.png")
    found = read_collection(file)
    assert [film.file for film in found.films] == ["1.png"]
    assert {row.trouble for row in found.bad_rows} == set(Trouble)
    with pytest.raises(Misconfigured, match=r"unknown label \(1\): 2\.png \(OTHER\)") as refusal:
        refuse_bad_rows(found)
    assert "file missing (1): 3.png" in str(refusal.value)


def test_a_long_list_names_twenty_and_counts_the_rest() -> None:
    """An error stays readable."""
    assert listing(f"{number}.png" for number in range(25)).endswith("19.png and 5 more")


@pytest.mark.parametrize(
    ("text", "says"),
    [("path,label\n1.png,NORMAL\n", "lacks the column file"), ("file,label\n", "names no films")],
    ids=["no file column", "no rows"],
)
def test_a_manifest_that_is_none_is_refused(tmp_path: Path, text: str, says: str) -> None:
    """The error says what the file lacks."""
    with pytest.raises(Misconfigured, match=says):
        read_collection(manifest(tmp_path, text))


def test_a_folder_without_classes_is_refused_with_what_it_holds(tmp_path: Path) -> None:
    """Someone who named the folder above sees which folder to name."""
    picture(tmp_path / "train" / "NORMAL" / "1.png")
    with pytest.raises(Misconfigured, match="folders in it: train"):
        read_collection(tmp_path)


def test_a_place_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    """The error names the place."""
    with pytest.raises(Misconfigured, match="does not exist"):
        read_collection(tmp_path / "nowhere")


def test_a_missing_class_is_refused(tmp_path: Path) -> None:
    """The error names the class and counts the others."""
    picture(tmp_path / "NORMAL" / "1.png")
    with pytest.raises(
        Misconfigured, match="no films of COVID19 and PNEUMONIA to train on; found: COVID19 0, NORMAL 1"
    ):
        require_classes(read_collection(tmp_path).films)


def test_patients_on_both_sides_are_refused_without_naming_them(tmp_path: Path) -> None:
    """The error names files of the second side."""
    one = read_collection(manifest(tmp_path / "a", "file,label,patient_id\n1.png,NORMAL,secret\n", "1.png"))
    other = read_collection(manifest(tmp_path / "b", "file,label,patient_id\n2.png,NORMAL,secret\n", "2.png"))
    with pytest.raises(Misconfigured, match=r"1 patients are in both .*: 2\.png") as refusal:
        refuse_shared_patients(one.films, other.films)
    assert "secret" not in str(refusal.value)
    refuse_shared_patients(one.films, [])
