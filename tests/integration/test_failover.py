"""A primary that is lost, and its synchronous standby: no film that was acknowledged goes with it."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy import text

from db.engine import connect, transaction
from db.upgrade import upgrade
from tests.films import film, saved
from tests.peers import free_port, hilum, missing, settings_file, storescu, wait_for

pytestmark = pytest.mark.peers


@dataclass
class Pair:
    """Two servers of the operating system, of which the second follows the first."""

    folder: Path
    programs: Path
    ports: tuple[int, int]

    @property
    def url(self) -> str:
        """The address of whichever can be written to."""
        hosts = "&".join(f"host=127.0.0.1:{port}" for port in self.ports)
        return f"postgresql+psycopg2://hilum@/postgres?{hosts}&target_session_attrs=read-write"

    def begin(self) -> None:
        """Start both; a commit waits until it is on the second's disk, too."""
        self._run("initdb", "-D", "first", "--auth=trust", "-U", "hilum", "--no-sync")
        self._start("first", self.ports[0], "-c synchronous_standby_names=standby")
        source = f"host=127.0.0.1 port={self.ports[0]} user=hilum application_name=standby"
        self._run("pg_basebackup", "-D", "second", "-R", "-c", "fast", "-d", source)
        self._start("second", self.ports[1])

    def lose_the_first(self) -> None:
        """End it without a checkpoint."""
        self._run("pg_ctl", "-D", "first", "-w", "-m", "immediate", "stop")

    def promote_the_second(self) -> None:
        """Let it be written to."""
        self._run("pg_ctl", "-D", "second", "-w", "promote")

    def end(self) -> None:
        """Stop what runs."""
        for name in ("first", "second"):
            if (self.folder / name / "postmaster.pid").exists():
                self._run("pg_ctl", "-D", name, "-w", "-m", "immediate", "stop")

    def _start(self, name: str, port: int, more: str = "") -> None:
        options = f"-h 127.0.0.1 -p {port} -k {self.folder} -c fsync=off {more}"
        self._run("pg_ctl", "-D", name, "-w", "-l", f"{name}.log", "-o", options, "start")

    def _run(self, program: str, *arguments: str) -> None:
        user = "postgres" if os.geteuid() == 0 else None
        command = [str(self.programs / program), *arguments]
        subprocess.run(command, check=True, user=user, cwd=self.folder, stdout=subprocess.DEVNULL)


@contextmanager
def pair() -> Iterator[Pair]:
    """Run both for the block."""
    homes = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    if not homes:
        missing("a PostgreSQL server", "on Debian: apt-get install postgresql")
    folder = Path(tempfile.mkdtemp(prefix="hilum-pg-"))
    if os.geteuid() == 0:
        shutil.chown(folder, "postgres")
    servers = Pair(folder=folder, programs=homes[-1], ports=(free_port(), free_port()))
    try:
        servers.begin()
        yield servers
    finally:
        servers.end()
        shutil.rmtree(folder, ignore_errors=True)


def known(url: str) -> set[str]:
    """Return the UIDs of all films whose study waits for a worker."""
    engine = connect(url, role="test")
    query = (
        "SELECT sop_instance_uid FROM instances JOIN series ON series.id = series_id JOIN jobs ON subject_id = study_id"
    )
    with transaction(engine) as connection:
        found = set(connection.execute(text(query)).scalars())
    engine.dispose()
    return found


def test_no_acknowledged_film_is_lost_with_the_primary(tmp_path: Path) -> None:
    """0xA700 while there is none; the promoted standby is found without a restart, and has all that was promised."""
    films = [film(number, rows=64) for number in range(4)]
    files = [saved(each, tmp_path) for each in films]
    port = free_port()
    with pair() as servers:
        engine = connect(servers.url, role="test")
        upgrade(engine)
        engine.dispose()
        node = {"port": port, "processes": 2, "study_quiet_seconds": 0}
        config = settings_file(tmp_path, home=str(tmp_path / "home"), database={"url": servers.url}, node=node)
        with hilum(config, "node") as running:
            running.wait_until("node-ready")
            assert storescu(port, *files[:3])[0] == 0
            servers.lose_the_first()
            assert "Refused: OutOfResources" in storescu(port, files[3])[1]
            servers.promote_the_second()
            wait_for(lambda: storescu(port, files[3])[0] == 0)
            assert known(servers.url) == {str(each.SOPInstanceUID) for each in films}
