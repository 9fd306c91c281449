"""A disk that fills, through the real node: what is delivered makes room, the rest stays, then films are refused."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from click.testing import CliRunner

from hilum.cli import hilum as command_line
from tests.conftest import migrated
from tests.films import film, saved
from tests.peers import free_port, hilum, missing, settings_file, storescu
from tests.retained import Retained

DISK = 24
RESERVE, BELOW, UNTIL = 6, 13, 15
"""Megabytes; a film has two."""


@dataclass
class Hospital:
    """A node on a small disk, and who does the worker's and the PACS's part."""

    inside: Retained
    config: Path
    port: int
    films: Path
    sent: int = 0

    def send(self) -> Path | None:
        """Send one more film; return it if it was acknowledged."""
        self.sent += 1
        file = saved(film(self.sent, rows=1024), self.films)
        return file if storescu(self.port, file)[0] == 0 else None

    def make_room(self) -> int:
        """Do the duty; return how many films went."""
        done = CliRunner().invoke(command_line, ["--config", str(self.config), "upkeep", "make-room"])
        assert done.exit_code == 0, done.output
        return int(done.stdout.split(" ")[1])

    def here(self) -> list[str]:
        """Return the films that the spool holds, in the order of reception, each checked to be whole."""
        query = "SELECT i.sop_instance_uid, i.path, i.size_bytes FROM instances AS i ORDER BY i.id"
        found = []
        for uid, path, size in self.inside.rows(query):
            file = self.inside.folder / path
            if file.exists():
                assert file.stat().st_size > size
                found.append(uid)
        return found


@pytest.fixture
def hospital(embedded_url: str, tmp_path: Path) -> Iterator[Hospital]:
    """It has received nothing yet."""
    home, films = tmp_path / "home", tmp_path / "films"
    home.mkdir()
    films.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK}m", "tmpfs", home], check=False).returncode:
        missing("the right to mount a small file system", "run the tests as root")
    try:
        with migrated(embedded_url) as engine:
            port = free_port()
            config = settings_file(
                tmp_path,
                home=str(home),
                database={"url": engine.url.render_as_string(hide_password=False)},
                node={"port": port, "processes": 1, "study_quiet_seconds": 0, "reserve_megabytes": RESERVE},
                retention={"make_room_below_megabytes": BELOW, "make_room_until_megabytes": UNTIL},
            )
            with hilum(config, "node") as node:
                node.wait_until("node-ready")
                yield Hospital(inside=Retained(engine, home / "spool"), config=config, port=port, films=films)
    finally:
        subprocess.run(["umount", home], check=True)


@pytest.mark.peers
def test_a_disk_that_fills_loses_nothing_that_was_acknowledged(hospital: Hospital) -> None:
    """Delivered films go, the first first; undelivered ones stay; then senders keep theirs until the PACS is back."""
    inside = hospital.inside
    acknowledged = [hospital.send() for _ in range(4)]
    for _ in acknowledged:
        inside.classify("pacs")
        inside.deliver()
    assert hospital.make_room() == 0  # there is room
    acknowledged += [hospital.send() for _ in range(2)]  # below the mark now; these two are not delivered
    assert None not in acknowledged
    assert hospital.make_room() == 2
    uids = [file.stem for file in acknowledged if file is not None]
    assert hospital.here() == uids[2:]

    later: list[Path] = []
    while (file := hospital.send()) is not None:
        later.append(file)
        hospital.make_room()
    undelivered = [*uids[4:], *(file.stem for file in later)]
    assert hospital.here() == undelivered  # all that was delivered has gone, and nothing else
    assert hospital.make_room() == 0
    assert hospital.send() is None  # 0xA700: the sender keeps it

    for _ in undelivered:
        inside.classify("pacs")
        inside.deliver()
    assert hospital.make_room() >= 3
    assert hospital.send() is not None
