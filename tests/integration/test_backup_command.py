"""`hilum backup` and `hilum restore`: what is in a backup, and what is refused."""

from __future__ import annotations

import shutil
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy import text

from db.engine import connect, transaction
from domain.errors import Misconfigured
from hilum import settings as hilum_settings
from hilum.backup import How, run
from hilum.backup_folder import Backup
from tests.backups import backed_up, said
from tests.conftest import migrated, new_database
from tests.films import film, saved
from tests.object_store import ObjectStore
from tests.peers import settings_file


@dataclass
class Installation:
    """Settings, and the address of their database."""

    config: Path
    folder: Path
    url: str

    def take(self, *numbers: int) -> None:
        files = [saved(film(number, rows=64), self.folder) for number in numbers]
        said(self.config, "import", *map(str, files))

    def ask(self, query: str) -> list[str]:
        engine = connect(self.url, role="test")
        with transaction(engine) as connection:
            found = list(connection.execute(text(query)).scalars())
        engine.dispose()
        return found

    def films(self) -> list[Path]:
        return sorted((self.folder / "home" / "spool").glob("??/*.dcm"))


def installation(folder: Path, url: str, **tables: dict[str, str | float]) -> Installation:
    folder.mkdir()
    config = settings_file(
        folder, home=str(folder / "home"), database={"url": url}, node={"reserve_megabytes": 0}, **tables
    )
    return Installation(config=config, folder=folder, url=url)


@pytest.fixture
def ward(database_url: str, tmp_path: Path) -> Installation:
    """An installation with two films."""
    made = installation(tmp_path / "ward", database_url)
    made.take(1, 2)
    return made


@pytest.fixture
def new(embedded_url: str, tmp_path: Path) -> Iterator[Installation]:
    """An installation with nothing in it."""
    with new_database(embedded_url) as url:
        yield installation(tmp_path / "new", url)


def test_what_comes_back_is_what_was_there(ward: Installation, new: Installation, tmp_path: Path) -> None:
    """Rows, films and networks; a file of settings only where it is wanted, and all of it for its owner only."""
    network = ward.folder / "home" / "models" / "chest-9.0.0" / "manifest.toml"
    network.parent.mkdir(parents=True)
    network.write_text("name")
    backup = backed_up(ward.config, tmp_path / "backups", "--with-settings")
    assert (backup / "settings" / "hilum.toml").read_bytes() == ward.config.read_bytes()
    assert {stat.S_IMODE(path.stat().st_mode) for path in backup.rglob("*") if path.is_file()} == {0o600}
    said(new.config, "restore", str(backup))
    query = "SELECT study_instance_uid FROM studies ORDER BY 1"
    assert new.ask(query) == ward.ask(query)
    assert [file.read_bytes() for file in new.films()] == [file.read_bytes() for file in ward.films()]
    assert (new.folder / "home" / "models" / "chest-9.0.0" / "manifest.toml").read_text() == "name"
    assert "not empty" in said(new.config, "restore", str(backup), status=2)


def test_the_next_backup_shares_films_with_the_one_before(ward: Installation, tmp_path: Path) -> None:
    """Hard links; each is whole when the other is removed by --keep."""
    first = backed_up(ward.config, tmp_path / "backups")
    ward.take(3)
    shown = said(ward.config, "backup", "--keep", "1", str(tmp_path / "backups"))
    assert "1 copied, 2 shared" in shown
    (second,) = (tmp_path / "backups").glob("hilum-*")
    assert second != first
    assert len(Backup(second).films()) == 3
    assert "good" in said(ward.config, "backup", "verify", str(second))


def test_a_changed_film_is_found_and_nothing_is_restored(ward: Installation, new: Installation, tmp_path: Path) -> None:
    """One bit of one film."""
    backup = backed_up(ward.config, tmp_path / "backups")
    victim = backup / "films" / Backup(backup).films()[0]
    content = bytearray(victim.read_bytes())
    content[-1] ^= 1
    victim.write_bytes(content)
    assert victim.name in said(ward.config, "backup", "verify", str(backup), status=1)
    assert "damaged" in said(new.config, "restore", str(backup), status=2)
    assert new.films() == []


def test_an_unfinished_backup_is_none(ward: Installation, tmp_path: Path) -> None:
    """Without its manifest nothing is taken for a backup, and the next one sweeps away what was broken off."""
    backup = backed_up(ward.config, tmp_path / "backups")
    (backup / "manifest.json").unlink()
    (tmp_path / "backups" / ".partial-1").mkdir()
    assert "no finished backup" in said(ward.config, "backup", "verify", str(backup), status=2)
    assert "2 copied, 0 shared" in said(ward.config, "backup", str(tmp_path / "backups"))
    assert not (tmp_path / "backups" / ".partial-1").exists()


def test_what_the_store_has_lost_is_named(ward: Installation, tmp_path: Path) -> None:
    """Exit status 1: the backup has everything else."""
    lost, damaged = ward.films()
    lost.unlink()
    damaged.write_bytes(damaged.read_bytes()[:-2])
    shown = said(ward.config, "backup", str(tmp_path / "backups"), status=1)
    assert f"{lost.parent.name}/{lost.name}: missing" in shown
    assert f"{damaged.parent.name}/{damaged.name}: other than it was received" in shown


def test_a_restore_that_was_broken_off_can_be_done_again(ward: Installation, new: Installation, tmp_path: Path) -> None:
    """Films of the same backup may be there already; a film of another may not, and --dry-run changes nothing."""
    backup = backed_up(ward.config, tmp_path / "backups")
    said(new.config, "restore", "--dry-run", str(backup))
    assert not (new.folder / "home" / "spool").exists()
    place = Backup(backup).films()[0]
    spool = new.folder / "home" / "spool"
    (spool / place).parent.mkdir(parents=True)
    (spool / "00").mkdir(exist_ok=True)
    (spool / place).write_bytes((backup / "films" / place).read_bytes())
    (spool / "00" / "other.dcm").write_bytes(b"")
    assert "not in the backup" in said(new.config, "restore", str(backup), status=2)
    (spool / "00" / "other.dcm").unlink()
    said(new.config, "restore", str(backup))
    assert len(new.films()) == 2


def test_a_backup_does_not_fit_into_what_is_full(
    ward: Installation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is refused before anything is written; a home is no place for it."""
    loaded, _ = hilum_settings.load(ward.config)
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=1))
    with pytest.raises(Misconfigured, match="make room"):
        run(loaded, tmp_path / "backups", How())
    with pytest.raises(Misconfigured, match="another disk"):
        run(loaded, ward.folder / "home" / "backups", How())
    assert list((tmp_path / "backups").rglob("*.dump")) == []


def test_films_in_a_bucket_stay_there_unless_they_are_asked_for(
    embedded_url: str, s3: ObjectStore, tmp_path: Path
) -> None:
    """Without an option the backup says so; with --films they are copied, and restored into another bucket."""
    first, second = s3.new_bucket(), s3.new_bucket()
    with migrated(embedded_url) as engine, new_database(embedded_url) as other:
        url = engine.url.render_as_string(hide_password=False)
        ward = installation(tmp_path / "ward", url, store=s3.table(first))
        ward.take(1)
        assert "films: none; they stay in s3://" in said(ward.config, "backup", str(tmp_path / "one"))
        backup = backed_up(ward.config, tmp_path / "two", "--films")
        said(installation(tmp_path / "new", other, store=s3.table(second)).config, "restore", str(backup))
    assert sorted(s3.keys(first)) == sorted(s3.keys(second)) != []
