"""Files and folders as `hilum doctor` judges them: rights, owners, disks, mounts."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from hilum.doctor import disks, installation, store
from hilum.doctor.check import Outcome
from hilum.doctor.disks import Mount
from tests.doctoring import outcome_of, said, settings_of

SECRET = 'database = {url = "postgresql://hilum:secret@db/hilum"}'


@pytest.mark.parametrize(
    ("content", "mode", "outcome"),
    [
        (SECRET, 0o640, Outcome.OK),
        (SECRET, 0o644, Outcome.FAILURE),
        ('home = "/x"', 0o644, Outcome.OK),
        ('home = "/x"', 0o646, Outcome.FAILURE),
        ('store = {secret_key = "k"}', 0o604, Outcome.FAILURE),
    ],
)
def test_a_file_with_secrets_is_for_few(tmp_path: Path, content: str, mode: int, outcome: Outcome) -> None:
    """One without may be read by everybody; none may be written."""
    file = tmp_path / "hilum.toml"
    file.write_text(content)
    file.chmod(mode)
    found = list(installation.settings_file(file))
    assert outcome_of(found) is outcome
    assert ":secret@" not in said(found)


def test_without_a_file_the_defaults_count() -> None:
    """That is no fault."""
    assert outcome_of(installation.settings_file(None)) is Outcome.OK


def test_root_is_warned(monkeypatch: pytest.MonkeyPatch) -> None:
    """Anybody else is not."""
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert outcome_of(installation.account()) is Outcome.WARNING
    monkeypatch.setattr(os, "geteuid", lambda: 1234)
    assert outcome_of(installation.account()) is Outcome.OK


def test_a_home_that_others_may_write_is_refused(tmp_path: Path) -> None:
    """Before it is made there is nothing to say."""
    settings = settings_of(tmp_path)
    assert outcome_of(installation.home(settings)) is Outcome.NOT_APPLICABLE
    settings.home.mkdir()
    assert outcome_of(installation.home(settings)) is Outcome.OK
    settings.home.chmod(0o777)
    assert "chmod go-w" in said(installation.home(settings))


def test_a_home_of_somebody_else_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its films could not be read, and ours not by them."""
    settings = settings_of(tmp_path)
    settings.home.mkdir()
    monkeypatch.setattr(os, "geteuid", lambda: 4242)
    assert "not to who runs this" in said(installation.home(settings))


def test_too_little_room_is_a_failure(tmp_path: Path) -> None:
    """Below the reserve no film is taken; home and spool of one disk are told of once."""
    found = list(disks.space(settings_of(tmp_path, node={"reserve_megabytes": 1_000_000})))
    assert outcome_of(found) is Outcome.FAILURE
    assert "films are refused" in said(found)
    assert found[0].seen.startswith("home, spool, database")
    assert outcome_of(disks.space(settings_of(tmp_path, node={"reserve_megabytes": 0}))) is not Outcome.FAILURE


def test_the_speed_is_measured_and_nothing_stays(tmp_path: Path) -> None:
    """In the folder where films arrive."""
    settings = settings_of(tmp_path)
    (settings.spool / "incoming").mkdir(parents=True)
    (found,) = disks.speed(settings)
    assert found.seen.startswith("a sync of 4096 bytes takes ")
    assert list((settings.spool / "incoming").iterdir()) == []


@pytest.mark.parametrize(
    ("half", "most", "outcome"),
    [
        (0.001, 0.01, Outcome.OK),
        (0.02, 0.2, Outcome.WARNING),
        (2.5, 4.0, Outcome.FAILURE),
    ],
)
def test_a_slow_disk_is_told(half: float, most: float, outcome: Outcome) -> None:
    """By the median and the 95th percentile."""
    assert outcome_of(disks.sync_speed(half, most)) is outcome


def test_a_shelf_on_another_file_system_is_a_failure(tmp_path: Path) -> None:
    """A film can't be renamed into it."""
    settings = settings_of(tmp_path)
    for name in ("incoming", "00"):
        (settings.spool / name).mkdir(parents=True)
    assert outcome_of(disks.shelves(settings)) is Outcome.OK
    other = Path("/proc/self")
    (settings.spool / "01").symlink_to(other)
    assert "01 are file systems of their own" in said(disks.shelves(settings))


@pytest.mark.parametrize(
    ("name", "kind", "options", "outcome"),
    [
        ("spool", "ext4", "rw,relatime", Outcome.OK),
        ("spool", "ext4", "ro,relatime", Outcome.FAILURE),
        ("spool", "ext4", "rw,nobarrier", Outcome.WARNING),
        ("home", "tmpfs", "rw", Outcome.WARNING),
        ("spool", "nfs4", "rw,soft", Outcome.WARNING),
        ("database", "nfs4", "rw,hard", Outcome.FAILURE),
    ],
)
def test_a_mount_is_judged_for_what_lies_on_it(name: str, kind: str, options: str, outcome: Outcome) -> None:
    """Films may lie on a share, a database may not."""
    mount = Mount(point="/srv", kind=kind, options=frozenset(options.split(",")))
    assert outcome_of(disks.mounted(name, mount)) is outcome


def test_the_nearest_mount_counts() -> None:
    """Of two on one point the one that hides the other."""
    table = [
        Mount(point=point, kind=kind, options=frozenset())
        for point, kind in [("/", "ext4"), ("/srv", "xfs"), ("/srv", "nfs4"), ("/srv/other", "zfs")]
    ]
    mount = disks.mount_of(Path("/srv/spool"), table)
    assert mount is not None
    assert mount.kind == "nfs4"


def test_every_folder_lies_on_a_mount(tmp_path: Path) -> None:
    """As the kernel has it."""
    assert len(list(disks.mounts(settings_of(tmp_path)))) == 3


def test_a_share_that_is_not_mounted_is_a_failure(tmp_path: Path) -> None:
    """Its folder must be there; that of home is made."""
    share = tmp_path / "share"
    settings = settings_of(tmp_path, store={"url": share.as_uri()})
    assert "is the share mounted?" in said(store.store(settings))
    share.mkdir()
    assert outcome_of(store.store(settings)) is Outcome.OK
    assert outcome_of(store.store(settings_of(tmp_path))) is Outcome.NOT_APPLICABLE
