"""The spool: whole files or none, in places that tell nothing."""

from __future__ import annotations

import errno
import os
import subprocess
import time
from pathlib import Path

import pytest

from dicom_node.spool import SHELVES, Spool
from dicom_node.store import place_of
from domain.ids import SopInstanceUid, StudyUid
from tests.peers import missing

STUDY, INSTANCE = StudyUid("1.2.3"), SopInstanceUid("1.2.3.4")


def files(root: Path) -> list[Path]:
    return [path for path in root.rglob("*") if path.is_file()]


def test_a_written_film_is_found_in_its_place(tmp_path: Path) -> None:
    """The content is what was given, and nothing else lies about."""
    spool = Spool(tmp_path)
    place = place_of(STUDY, INSTANCE, "ab" * 32)
    spool.write(place, b"film")
    assert files(tmp_path) == [tmp_path / place]
    assert (tmp_path / place).read_bytes() == b"film"


def test_the_place_shows_no_uid() -> None:
    """UIDs are hashed: some sites build them from patient numbers."""
    place = place_of(STUDY, INSTANCE, "ab" * 32)
    assert "1.2.3" not in place


def test_other_content_under_one_uid_lies_elsewhere() -> None:
    """A resend can't overwrite the film that was acknowledged."""
    assert place_of(STUDY, INSTANCE, "ab" * 32) != place_of(STUDY, INSTANCE, "cd" * 32)


def test_the_file_and_its_folder_are_synced_before_the_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """First the content, then the new name; the folders themselves were synced at the start."""
    synced: list[str] = []
    sync = os.fsync

    def note(descriptor: int) -> None:
        synced.append("folder" if os.path.isdir(f"/proc/self/fd/{descriptor}") else "file")  # noqa: PTH112
        sync(descriptor)

    spool = Spool(tmp_path)
    monkeypatch.setattr(os, "fsync", note)
    spool.write(place_of(STUDY, INSTANCE, "ab" * 32), b"film")
    assert synced == ["file", "folder"]


def test_a_full_disk_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The draft is taken away and the error told."""

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    spool = Spool(tmp_path)
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        spool.write(place_of(STUDY, INSTANCE, "ab" * 32), b"film")
    assert files(tmp_path) == []


def test_a_reader_makes_nothing(tmp_path: Path) -> None:
    """The films may lie on a share that is mounted read-only."""
    Spool(tmp_path / "spool", for_reading=True)
    assert not (tmp_path / "spool").exists()


def test_others_can_not_read_the_spool(tmp_path: Path) -> None:
    """Films are a patient's data."""
    Spool(tmp_path / "spool")
    assert (tmp_path / "spool").stat().st_mode & 0o077 == 0


def test_drafts_of_a_killed_node_are_swept_but_not_fresh_ones(tmp_path: Path) -> None:
    """What lies in the folder of drafts for over an hour belongs to nobody; films in place are not touched."""
    spool = Spool(tmp_path)
    place = place_of(STUDY, INSTANCE, "ab" * 32)
    spool.write(place, b"film")
    old, fresh = tmp_path / "incoming" / "old", tmp_path / "incoming" / "fresh"
    for draft in (old, fresh):
        draft.write_bytes(b"half a film")
    for path in (old, tmp_path / place):
        os.utime(path, (0, 0))
    assert spool.sweep() == 1
    assert set(files(tmp_path)) == {tmp_path / place, fresh}


def fill(folder: Path) -> None:
    for number in range(20):
        (folder / str(number)).touch()


@pytest.mark.peers
def test_a_disk_that_is_full_is_swept(tmp_path: Path) -> None:
    """Nothing can be made on it, not even an empty file: the node starts all the same, and gets room back."""
    mounted = tmp_path / "disk"
    mounted.mkdir()
    options = f"size=2m,nr_inodes={len(SHELVES) + 10}"
    if subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", mounted], check=False).returncode:
        missing("the right to mount a small file system", "run the tests as root")
    try:
        spool = Spool(mounted)
        with pytest.raises(OSError, match="No space"):
            fill(mounted / "incoming")
        old = list((mounted / "incoming").iterdir())
        for draft in old:
            os.utime(draft, (0, 0))
        assert spool.sweep() == len(old) > 0
        spool.draft().discard()
    finally:
        subprocess.run(["umount", mounted], check=True)


def test_a_wrong_clock_sweeps_no_draft(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A host that is a day ahead must not take away what another one is writing into the shared folder."""
    spool = Spool(tmp_path)
    now = time.time()
    with spool.draft():
        monkeypatch.setattr(time, "time", lambda: now + 86400)
        assert spool.sweep() == 0
