"""What is found in folders, archives and on media; and what is told when something is not as it should be."""

from __future__ import annotations

import os
import shutil
import subprocess
import zipfile
from collections import Counter
from pathlib import Path

import pytest
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, MediaStorageDirectoryStorage

from dicom_node.media import Outcome
from dicom_node.wrap import wrap_film
from tests.doors import as_file, outcome, storage, taken, zipped
from tests.films import chest

MISSING, NEW = Outcome.MISSING, Outcome.NEW


def films(count: int) -> list[Dataset]:
    return [wrap_film(chest(number, 64), patient_id=f"P{number}", patient_name="Doe^Jane") for number in range(count)]


@pytest.fixture
def medium(tmp_path: Path) -> Path:
    """A folder as on a patient's disc: two films and the index that names them."""
    folder = tmp_path / "disc"
    (folder / "PAT").mkdir(parents=True)
    index = Dataset()
    index.file_meta = FileMetaDataset()
    index.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    index.file_meta.MediaStorageSOPClassUID = MediaStorageDirectoryStorage
    index.file_meta.MediaStorageSOPInstanceUID = "2.25.1"
    index.DirectoryRecordSequence = [Dataset(), Dataset(), Dataset()]  # the first one is a patient's, without a file
    for number, one in enumerate(films(2), start=1):
        index.DirectoryRecordSequence[number].ReferencedFileID = ["PAT", f"FILM{number}"]
        (folder / "PAT" / f"FILM{number}").write_bytes(as_file(one))
    index.save_as(folder / "DICOMDIR", enforce_file_format=True)
    return folder


def the_films_of(medium: Path) -> list[Path]:
    return sorted(path for path in medium.rglob("*") if path.is_file() and path.name != "DICOMDIR")


def test_a_folder_is_searched_to_the_bottom(tmp_path: Path) -> None:
    """Whatever the files are called; a link to a folder is not followed, so that nothing goes round."""
    folder = tmp_path / "films"
    (folder / "a" / "b").mkdir(parents=True)
    one, other = films(2)
    (folder / "a" / "b" / "I0001").write_bytes(as_file(one))
    (folder / "film.dcm").write_bytes(as_file(other))
    (folder / "letter.txt").write_text("Dear colleague")
    (folder / "a" / "up").symlink_to(folder)
    found = taken(storage(tmp_path / "spool"), folder)
    assert found == [("I0001", NEW), ("film.dcm", NEW), ("letter.txt", Outcome.NOT_DICOM)]


def test_a_second_time_everything_is_known(tmp_path: Path) -> None:
    """Also when it comes from an archive the second time."""
    (one,) = films(1)
    place = storage(tmp_path / "spool")
    (tmp_path / "film").write_bytes(as_file(one))
    assert taken(place, tmp_path / "film") == [("film", NEW)]
    assert taken(place, zipped(tmp_path / "films.zip", {"film": as_file(one)}))[0][1] is Outcome.DUPLICATE


def test_what_is_not_there_is_told(tmp_path: Path) -> None:
    """A path that was given, or a link in a folder that leads nowhere."""
    (tmp_path / "films").mkdir()
    (tmp_path / "films" / "link").symlink_to(tmp_path / "nowhere")
    found = taken(storage(tmp_path / "spool"), tmp_path / "gone.dcm", tmp_path / "gone.zip", tmp_path / "films")
    assert found == [("gone.dcm", MISSING), ("gone.zip", MISSING), ("link", MISSING)]


def test_a_pipe_in_a_folder_is_not_waited_for(tmp_path: Path) -> None:
    """Nobody may ever write into it."""
    (tmp_path / "films").mkdir()
    os.mkfifo(tmp_path / "films" / "pipe")
    assert taken(storage(tmp_path / "spool"), tmp_path / "films") == []


def test_an_archive_in_a_folder_is_opened(tmp_path: Path) -> None:
    """Its members are told with the archive before them."""
    (one,) = films(1)
    (tmp_path / "films").mkdir()
    zipped(tmp_path / "films" / "old.ZIP", {"a/film": as_file(one), "a/list.csv": b"file"})
    found = taken(storage(tmp_path / "spool"), tmp_path / "films")
    assert found == [("film", NEW), ("list.csv", Outcome.NOT_DICOM)]


def test_an_archive_of_any_name_is_opened_when_it_is_given(tmp_path: Path) -> None:
    """Its signature tells."""
    (one,) = films(1)
    archive = zipped(tmp_path / "films.archive", {"film": as_file(one)})
    assert [outcome for _, outcome in taken(storage(tmp_path / "spool"), archive)] == [NEW]


def test_nothing_of_an_archive_is_written_outside_the_spool(tmp_path: Path) -> None:
    """A member's name leads nowhere, whatever it is."""
    (one,) = films(1)
    archive = zipped(tmp_path / "evil.zip", {"../../escaped": as_file(one)})
    assert taken(storage(tmp_path / "spool"), archive)[0][1] is NEW
    outside = [path for path in tmp_path.rglob("*") if path.is_file() and tmp_path / "spool" not in path.parents]
    assert outside == [archive]


def test_a_damaged_member_does_not_stop_the_others(tmp_path: Path) -> None:
    """Its checksum is looked at before it is taken."""
    one, other = films(2)
    archive = tmp_path / "films.zip"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_STORED) as made:
        made.writestr("broken", as_file(one))
        made.writestr("whole", as_file(other))
    content = bytearray(archive.read_bytes())
    content[content.index(bytes(one.PixelData)[:100]) + 50] ^= 0xFF
    archive.write_bytes(content)
    found = [outcome for _, outcome in taken(storage(tmp_path / "spool"), archive)]
    assert found == [Outcome.DAMAGED, NEW]


def test_a_deflated_member_that_breaks_is_damaged(tmp_path: Path) -> None:
    """The errors of zlib are no others."""
    (one,) = films(1)
    archive = zipped(tmp_path / "films.zip", {"film": as_file(one)})
    content = bytearray(archive.read_bytes())
    content[200:400] = b"\xff" * 200
    archive.write_bytes(content)
    assert taken(storage(tmp_path / "spool"), archive)[0][1] in {Outcome.DAMAGED, Outcome.NOT_UNDERSTOOD}


@pytest.mark.parametrize("content", [b"", b"no archive", b"PK\x03\x04 cut"])
def test_an_archive_that_is_none_is_damaged(tmp_path: Path, content: bytes) -> None:
    """The files beside it go on."""
    folder = tmp_path / "films"
    folder.mkdir()
    (folder / "a.zip").write_bytes(content)
    (folder / "b").write_bytes(as_file(films(1)[0]))
    assert taken(storage(tmp_path / "spool"), folder) == [("a.zip", Outcome.DAMAGED), ("b", NEW)]


def test_an_encrypted_member_and_a_nested_archive_are_told(tmp_path: Path) -> None:
    """A film may be in each: who asked should know."""
    archive = zipped(tmp_path / "films.zip", {"secret": as_file(films(1)[0]), "more.zip": b"PK"})
    content = bytearray(archive.read_bytes())
    for signature, offset in ((b"PK\x01\x02", 8), (b"PK\x03\x04", 6)):  # the flags of the first member
        content[content.index(signature) + offset] |= 1
    archive.write_bytes(content)
    found = [outcome for _, outcome in taken(storage(tmp_path / "spool"), archive)]
    assert found == [Outcome.ENCRYPTED, Outcome.NESTED]


def test_a_zip_bomb_is_not_inflated(tmp_path: Path) -> None:
    """A member that says how large it is is not begun; one that is no film is not read on."""
    bomb = zipped(tmp_path / "bomb.zip", {"zeros": b"\0" * 50_000_000})
    assert taken(storage(tmp_path / "spool"), bomb)[0][1] is Outcome.NOT_DICOM
    assert outcome(storage(tmp_path / "spool"), as_file(films(1)[0]), largest_bytes=100) is Outcome.TOO_LARGE


def test_a_dicomdir_leads_to_its_films(medium: Path, tmp_path: Path) -> None:
    """Given alone, without the folder that it lies in."""
    found = taken(storage(tmp_path / "spool"), medium / "DICOMDIR")
    assert [outcome for _, outcome in found] == [NEW, NEW]


@pytest.mark.parametrize("given", ["disc", "disc/DICOMDIR", "disc.zip"])
def test_a_film_that_the_index_names_and_is_not_there_is_told(medium: Path, tmp_path: Path, given: str) -> None:
    """A disc that can't be read in places: the other film is taken."""
    the_films_of(medium)[0].unlink()
    shutil.make_archive(str(medium), "zip", medium)
    found = Counter(outcome for _, outcome in taken(storage(tmp_path / "spool"), tmp_path / given))
    assert (found[MISSING], found[NEW]) == (1, 1)
    assert found.total() - found[Outcome.DIRECTORY] == 2


def test_a_medium_whose_names_became_small_letters_is_read(medium: Path, tmp_path: Path) -> None:
    """Some systems show them so."""
    small = tmp_path / "small"
    for path in the_films_of(medium):
        copy = small / str(path.relative_to(medium)).lower()
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, copy)
    shutil.copy(medium / "DICOMDIR", small / "dicomdir")
    found = taken(storage(tmp_path / "spool"), small / "dicomdir")
    assert [outcome for _, outcome in found] == [NEW, NEW]


def test_an_index_that_leads_out_of_its_folder_is_not_followed(medium: Path, tmp_path: Path) -> None:
    """File IDs are names below the index."""
    index = medium / "DICOMDIR"
    shutil.copy(the_films_of(medium)[0], tmp_path / "outside")
    content = index.read_bytes()
    first = content.index(b"\x04\x00\x00\x15CS") + 8
    length = int.from_bytes(content[first - 2 : first], "little")
    index.write_bytes(content[:first] + b"..\\outside".ljust(length)[:length] + content[first + length :])
    assert taken(storage(tmp_path / "spool"), index) == [("DICOMDIR", Outcome.NOT_UNDERSTOOD)]


def test_a_broken_index_is_told(tmp_path: Path) -> None:
    """It names nothing that could be found."""
    (tmp_path / "DICOMDIR").write_bytes(b"\0" * 128 + b"DICM" + b"x" * 100)
    assert taken(storage(tmp_path / "spool"), tmp_path / "DICOMDIR") == [("DICOMDIR", Outcome.NOT_UNDERSTOOD)]


@pytest.mark.peers
def test_an_index_of_dcmmkdir_is_read(tmp_path: Path) -> None:
    """The same standard, another program."""
    disc = tmp_path / "disc"
    disc.mkdir()
    for number, one in enumerate(films(2)):
        (disc / f"FILM{number}").write_bytes(as_file(one))
    subprocess.run(["/usr/bin/dcmmkdir", "+r", "+id", disc, "--general-purpose", "-Nxc"], check=True, cwd=disc)
    found = taken(storage(tmp_path / "spool"), disc / "DICOMDIR")
    assert found == [("FILM0", NEW), ("FILM1", NEW)]
