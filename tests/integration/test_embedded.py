"""The embedded server: private, kept alive, and gone with its last user."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil
import psycopg2
import pytest

from db import embedded
from domain.errors import Misconfigured


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder with a short path that only its owner may enter."""
    path = Path(tempfile.mkdtemp(prefix="hilum-pg-"))
    yield path
    embedded.stop(path / "postgresql")
    shutil.rmtree(path, ignore_errors=True)


def answers(url: str) -> bool:
    with psycopg2.connect(url.replace("+psycopg2", "")) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT 1")
        return cursor.fetchone() == (1,)


def test_the_last_user_stops_the_server(folder: Path) -> None:
    """A second borrower uses the same server; when both have left, none runs."""
    data = folder / "postgresql"
    with embedded.borrowed(data) as first, embedded.borrowed(data) as second:
        assert first == second
        assert answers(first)
    assert not embedded.is_running(data)


def test_the_folders_above_are_not_opened_for_reading(folder: Path) -> None:
    """Others may pass through at most, when root starts it; they can't list."""
    embedded.start(folder / "postgresql")
    assert folder.stat().st_mode & 0o066 == 0


def test_a_path_too_long_for_a_socket_works_and_stays_private(folder: Path) -> None:
    """The socket then lies elsewhere, in a folder that nobody else enters."""
    data = folder / ("long" * 20) / ("longer" * 10) / "postgresql"
    try:
        url = embedded.start(data)
        assert answers(url)
        socket_folder = Path(url.partition("host=")[2])
        assert socket_folder != data
        assert socket_folder.stat().st_mode & 0o077 == 0
    finally:
        embedded.stop(data)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root could take somebody else's files")
def test_root_leaves_the_database_of_another_account_alone(folder: Path) -> None:
    """`sudo hilum status` must not break the server that the service's own account runs."""
    data = folder / "postgresql"
    data.mkdir()
    (data / "PG_VERSION").write_text("18")
    shutil.chown(data, "nobody")
    with pytest.raises(Misconfigured, match="belongs to nobody"):
        embedded.start(data)
    assert data.owner() == "nobody"


def test_a_pid_file_whose_number_belongs_to_another_program_is_not_believed(folder: Path) -> None:
    """After a power cut any program may have the number that the dead server had."""
    data = folder / "postgresql"
    embedded.start(data)
    pid_file = data / "postmaster.pid"
    lines = pid_file.read_text().splitlines()
    embedded.stop(data)
    pid_file.write_text("\n".join([str(os.getpid()), *lines[1:]]))
    shutil.chown(pid_file, data.owner())
    assert not embedded.is_running(data)
    assert answers(embedded.start(data))


def test_a_server_that_can_not_be_looked_into_counts_as_alive(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Root in a container may not read where a process works; a second server on the data would ruin it."""

    def denied(process: psutil.Process) -> str:
        raise psutil.AccessDenied(process.pid)

    data = folder / "postgresql"
    url = embedded.start(data)
    monkeypatch.setattr(psutil.Process, "cwd", denied)
    assert embedded.is_running(data)
    assert embedded.start(data) == url
