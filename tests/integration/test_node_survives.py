"""The node when things break: killed, without a database, with a full disk, among silent callers."""

from __future__ import annotations

import hashlib
import os
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from pydicom import dcmread
from sqlalchemy import Engine, text

from db import embedded
from db.engine import connect, transaction
from db.upgrade import upgrade
from tests.conftest import migrated, new_database
from tests.films import film, saved
from tests.peers import STORESCU, Hilum, echoscu, free_port, hilum, missing, require, settings_file, storescu, wait_for

SENDERS = 8
FILMS_EACH = 12
KILLS = 20


@contextmanager
def running(folder: Path, engine: Engine, port: int, **node: int | str) -> Iterator[Hilum]:
    """A node with a database; it is ready."""
    config = settings_file(
        folder,
        home=str(folder / "home"),
        database={"url": engine.url.render_as_string(hide_password=False)},
        node={"port": port, "processes": 2, "study_quiet_seconds": 0, **node},
    )
    with hilum(config, "node") as started:
        started.wait_until("node-ready")
        yield started


def family(pid: int) -> list[int]:
    """Return a process and its children."""
    return [pid, *map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split())]


def sender(port: int, films: list[Path], output: Path) -> subprocess.Popen[bytes]:
    """Start a sender that says of each film what was answered."""
    require(STORESCU)
    command = [str(STORESCU), "-v", "-nh", "-aet", "XRAY1", "-aec", "HILUM", "127.0.0.1", str(port), *map(str, films)]
    with output.open("wb") as file:
        return subprocess.Popen(command, stdout=file, stderr=subprocess.STDOUT)


def acknowledged(output: Path) -> list[Path]:
    """Return the films of a sender that were answered with success."""
    found: list[Path] = []
    current = Path()
    for line in output.read_text(errors="replace").splitlines():
        if "Sending file:" in line:
            current = Path(line.split("Sending file:")[1].strip())
        elif "Received Store Response (Success)" in line:
            found.append(current)
    return found


def rows(engine: Engine) -> dict[str, tuple[str, str]]:
    """Return place and digest of every instance that has a waiting job, by its UID."""
    query = """
        SELECT sop_instance_uid, path, digest FROM instances
        JOIN series ON series.id = series_id JOIN jobs ON subject_id = study_id AND kind = 'classify'
    """
    with transaction(engine) as connection:
        return {row.sop_instance_uid: (row.path, row.digest) for row in connection.execute(text(query))}


def in_spool(spool: Path) -> set[str]:
    return {str(path.relative_to(spool)) for path in spool.glob("??/*")}


def settled(engine: Engine, spool: Path) -> dict[str, tuple[str, str]]:
    """Return the rows, having seen that each has its file, and each file its row and its content."""
    found = rows(engine)
    assert in_spool(spool) == {place for place, _ in found.values()}
    return found


@pytest.mark.peers
def test_no_acknowledged_film_is_lost_when_the_node_is_killed(embedded_url: str, tmp_path: Path) -> None:
    """Twenty times SIGKILL in the middle of eight senders: what was answered 0x0000 is on disk, in rows, and queued."""
    port = free_port()
    spool = tmp_path / "home" / "spool"
    promised: dict[str, Path] = {}
    with migrated(embedded_url) as engine:
        for kill in range(KILLS):
            first = kill * SENDERS * FILMS_EACH
            films = [saved(film(first + number, rows=256), tmp_path) for number in range(SENDERS * FILMS_EACH)]
            outputs = [tmp_path / f"sender-{kill}-{number}.log" for number in range(SENDERS)]
            with running(tmp_path, engine, port) as node:
                senders = [sender(port, films[n::SENDERS], output) for n, output in enumerate(outputs)]
                wait_for(lambda o=outputs: sum(len(acknowledged(one)) for one in o) > 5 + kill)  # noqa: B023
                for pid in family(node.process.pid):
                    os.kill(pid, signal.SIGKILL)
                node.process.wait()
                for one in senders:
                    one.wait(60)
            for output in outputs:
                for path in acknowledged(output):
                    promised[str(dcmread(path, stop_before_pixels=True).SOPInstanceUID)] = path
        with running(tmp_path, engine, port) as node:
            node.wait_until("reconciled")
            found = settled(engine, spool)
            assert len(promised) > KILLS * 5
            assert promised.keys() - found.keys() == set()
            for uid, path in promised.items():
                place, digest = found[uid]
                stored = (spool / place).read_bytes()
                assert stored.endswith(data_set(path))
                assert hashlib.sha256(data_set(path)).hexdigest() == digest


def data_set(path: Path) -> bytes:
    """Return what follows the file meta information."""
    content = path.read_bytes()
    length = int.from_bytes(content[140:144], "little")
    return content[144 + length :]


@pytest.mark.peers
def test_a_killed_receiving_process_is_replaced(embedded_url: str, tmp_path: Path) -> None:
    """The socket stays open meanwhile: callers wait, and are answered."""
    port = free_port()
    with migrated(embedded_url) as engine, running(tmp_path, engine, port) as node:
        for pid in family(node.process.pid)[1:]:
            os.kill(pid, signal.SIGKILL)
        assert storescu(port, saved(film(1), tmp_path))[0] == 0
        assert len(rows(engine)) == 1


@pytest.mark.peers
def test_a_restarted_database_is_found_again(tmp_path: Path) -> None:
    """Senders hear 0xA700 while it is away, and success when they try again; nothing is lost or doubled."""
    port = free_port()
    data = Path(tempfile.mkdtemp(prefix="hilum-pg-")) / "postgresql"
    films = [saved(film(number, rows=64), tmp_path) for number in range(40)]
    with ExitStack() as stack:
        url = embedded.start(data)
        stack.callback(embedded.stop, data)
        address = stack.enter_context(new_database(url))
        engine = connect(address, role="test")
        stack.callback(engine.dispose)
        upgrade(engine)
        stack.enter_context(running(tmp_path, engine, port))
        output = tmp_path / "sender.log"
        sending = sender(port, films * 10, output)
        wait_for(lambda: len(acknowledged(output)) > 5)
        os.kill(int((data / "postmaster.pid").read_text().split()[0]), signal.SIGQUIT)
        wait_for(lambda: "0xa700" in output.read_text().lower() or "Refused: OutOfResources" in output.read_text())
        wait_for(lambda: started_again(data))
        assert sending.wait(120) is not None
        assert storescu(port, *films)[0] == 0
        assert len(settled(engine, tmp_path / "home" / "spool")) == len(films)


def started_again(data: Path) -> bool:
    """Start the server, if its predecessor's processes have ended."""
    try:
        embedded.start(data)
    except Exception:  # noqa: BLE001 - asked again
        return False
    return True


@pytest.mark.peers
@pytest.mark.parametrize("reserve", [0, 4])
def test_a_full_disk_refuses_and_recovers(embedded_url: str, tmp_path: Path, reserve: int) -> None:
    """With and without a reserve: 0xA700, nothing half-written, and success when space returns."""
    home = tmp_path / "home"
    home.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=12m", "tmpfs", home], check=False).returncode:
        missing("the right to mount a small file system", "run the tests as root")
    port = free_port()
    try:
        with migrated(embedded_url) as engine, running(tmp_path, engine, port, reserve_megabytes=reserve):
            ballast = home / "ballast"
            ballast.write_bytes(bytes(9_000_000))
            films = [saved(film(number, rows=1024), tmp_path) for number in range(4)]
            status, said = storescu(port, *films, options=("-nh",))
            assert "OutOfResources" in said or "0xa700" in said.lower(), (status, said)
            assert list((home / "spool" / "incoming").iterdir()) == []
            settled(engine, home / "spool")
            ballast.unlink()
            assert storescu(port, *films)[0] == 0
            assert len(settled(engine, home / "spool")) == len(films)
    finally:
        subprocess.run(["umount", home], check=True)


@pytest.mark.peers
def test_two_hundred_silent_callers_delay_nobody(embedded_url: str, tmp_path: Path) -> None:
    """They hold connections and say nothing; a modality is answered all the same."""
    port = free_port()
    with migrated(embedded_url) as engine, running(tmp_path, engine, port), ExitStack() as stack:
        for _ in range(200):
            stack.enter_context(socket.create_connection(("127.0.0.1", port)))
        time.sleep(0.5)
        assert echoscu(port)
        assert storescu(port, saved(film(1), tmp_path))[0] == 0


@pytest.mark.peers
def test_a_film_without_a_row_is_taken_over(embedded_url: str, tmp_path: Path) -> None:
    """As after a crash between file and commit, or a database from yesterday's backup; other files are set aside."""
    port = free_port()
    spool = tmp_path / "home" / "spool"
    with migrated(embedded_url) as engine:
        with running(tmp_path, engine, port):
            assert storescu(port, saved(film(1), tmp_path), saved(film(2), tmp_path))[0] == 0
        before = rows(engine)
        with transaction(engine) as connection:
            connection.execute(text("DELETE FROM jobs"))
            connection.execute(text("DELETE FROM instances"))
        (spool / "00" / "no-film.dcm").write_bytes(b"something else")
        with running(tmp_path, engine, port) as node:
            node.wait_until("reconciled")
            told = {line["event"]: line.get("count") for line in node.events()}
        assert rows(engine) == before
        assert (told["films-taken-over"], told["files-set-aside"]) == (2, 1)
        with transaction(engine) as connection:
            (sender_title,) = connection.execute(text("SELECT DISTINCT calling_ae_title FROM instances")).scalars()
        assert sender_title == "XRAY1"
        (spool / before[str(film(1).SOPInstanceUID)][0]).unlink()
        with running(tmp_path, engine, port) as node:
            node.wait_until("reconciled")
            assert {line["event"]: line.get("count") for line in node.events()}["films-missing"] == 1


@pytest.mark.peers
def test_a_refused_film_is_refused_after_a_restart_too(embedded_url: str, tmp_path: Path) -> None:
    """Other content under a known UID, with `on_conflict = "reject"`: dcmtk sees 0x0111, and the spool has one file."""
    port = free_port()
    first = film(1)
    other = dcmread(saved(first, tmp_path))
    other.PatientID = "OTHER"
    with migrated(embedded_url) as engine:
        for _ in range(2):
            with running(tmp_path, engine, port, on_conflict="reject") as node:
                node.wait_until("reconciled")  # or it may count a film that is just being refused
                assert storescu(port, saved(first, tmp_path))[0] == 0
                assert "0x111" in storescu(port, saved(other, tmp_path, "other.dcm"))[1]
                assert len(in_spool(tmp_path / "home" / "spool")) == 1
        with transaction(engine) as connection:
            assert connection.execute(text("SELECT resolution, times FROM conflicts")).one() == ("rejected", 2)
