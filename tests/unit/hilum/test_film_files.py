"""Which files `hilum classify` takes for films."""

from __future__ import annotations

import os
from pathlib import Path

from hilum.classify import film_files


def test_folders_are_searched_in_the_order_of_names(tmp_path: Path) -> None:
    """Down to the last folder, films only, as sorting their whole paths would give them."""
    for name in ("b.png", "a/z.JPG", "a/c/x.dcm", "a.png", "notes.txt", "a/list.csv"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    found = list(film_files([tmp_path]))
    assert [str(file.relative_to(tmp_path)) for file in found] == ["a/c/x.dcm", "a/z.JPG", "a.png", "b.png"]
    assert found == sorted(found)


def test_a_dicom_file_without_a_suffix_is_found(tmp_path: Path) -> None:
    """By the four letters after its preamble (PS3.10 7.1)."""
    (tmp_path / "IM000001").write_bytes(bytes(128) + b"DICM")
    (tmp_path / "README").write_bytes(b"no film")
    assert [file.name for file in film_files([tmp_path])] == ["IM000001"]


def test_files_are_found_one_at_a_time(tmp_path: Path) -> None:
    """The first film is given before later folders are opened: memory does not grow with their number."""
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "one.png").write_bytes(b"")
    files = film_files([tmp_path])
    assert next(files).parent.name == "a"
    (tmp_path / "b" / "late.png").write_bytes(b"")
    assert [file.name for file in files] == ["late.png", "one.png"]


def test_a_folder_that_is_its_own_child_ends(tmp_path: Path) -> None:
    """Links to folders are not followed; links to films are."""
    (tmp_path / "one.png").write_bytes(b"")
    (tmp_path / "loop").symlink_to(tmp_path, target_is_directory=True)
    os.link(tmp_path / "one.png", tmp_path / "two.png")
    (tmp_path / "three.png").symlink_to(tmp_path / "one.png")
    assert [file.name for file in film_files([tmp_path])] == ["one.png", "three.png", "two.png"]


def test_a_named_file_is_always_taken(tmp_path: Path) -> None:
    """Whether it is a film, or is there at all, is said in its result."""
    assert list(film_files([tmp_path / "nowhere.txt"])) == [tmp_path / "nowhere.txt"]
