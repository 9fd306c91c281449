"""Hosts that share a database and a bucket, and no disk: each is a `home` folder of its own."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from db.engine import transaction
from hilum.supervise import PYTHON_M_HILUM
from tests.conftest import migrated
from tests.films import film, saved
from tests.integration.test_node_survives import family, sender
from tests.object_store import KEYS, ObjectStore, object_store
from tests.peers import Hilum, Orthanc, free_port, hilum, orthanc, settings_file, storescu, wait_for

pytestmark = pytest.mark.peers


def host(folder: Path, engine: Engine, store: dict[str, str | float], port: int, pacs: Orthanc | None = None) -> Path:
    """Return the settings of a host with a disk of its own."""
    folder.mkdir(exist_ok=True)
    peers = [{"name": "xray", "ae_title": "XRAY1", "host": "127.0.0.1", "port": 1, "may_send": True}]
    if pacs is not None:
        address = {"host": "127.0.0.1", "port": pacs.dicom_port}
        peers.append({"name": "pacs", "ae_title": "ORTHANC", "receives_results": True, **address})
    return settings_file(
        folder,
        home=str(folder / "home"),
        database={"url": engine.url.render_as_string(hide_password=False)},
        node={"port": port, "processes": 2, "study_quiet_seconds": 0},
        worker={"retry_seconds": 0.2, "retry_limit_seconds": 1},
        store=store,
        peers=peers,
    )


@contextmanager
def node(config: Path, until: str = "node-ready") -> Iterator[Hilum]:
    """A node that takes films; or has come further, to another event."""
    with hilum(config, "node") as running:
        running.wait_until(until)
        yield running


def places(engine: Engine) -> set[str]:
    """Return the places of all films that the database knows."""
    with transaction(engine) as connection:
        return set(connection.execute(text("SELECT path FROM instances")).scalars())


def lying(server: ObjectStore, bucket: str) -> set[str]:
    """Return the places of all films in a bucket."""
    return {key.removeprefix("films/") for key in server.keys(bucket)}


def files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def test_a_film_received_on_one_host_is_reported_by_another(embedded_url: str, s3: ObjectStore, tmp_path: Path) -> None:
    """Dcmtk sends to the node, the film lies in the bucket alone, and a worker elsewhere delivers to Orthanc."""
    port, bucket, sent = free_port(), s3.new_bucket(), film(1)
    with orthanc(tmp_path / "orthanc") as pacs, migrated(embedded_url) as engine:
        receiving = host(tmp_path / "one", engine, s3.table(bucket), port, pacs)
        working = host(tmp_path / "two", engine, s3.table(bucket), port, pacs)
        with node(receiving) as receiver, hilum(working, "worker") as worker:
            status, said = storescu(port, saved(sent, tmp_path))
            assert status == 0, said
            assert lying(s3, bucket) == places(engine) != set()
            (report,) = wait_for(lambda: pacs.reports().get(str(sent.StudyInstanceUID)))
            assert pacs.get(f"/instances/{report}/simplified-tags")["PatientID"] == sent.PatientID
            logs = receiver.log.read_text() + worker.log.read_text()
    assert files(tmp_path / "one" / "home") == []
    assert not (tmp_path / "two" / "home" / "spool").exists()
    assert [word for word in (KEYS["secret_key"], str(sent.PatientName)) if word in logs] == []


def test_senders_keep_their_films_while_the_store_is_away(embedded_url: str, tmp_path: Path) -> None:
    """0xA700 and nothing half-written while it is down; it is back, they send again, and hear success."""
    port, films = free_port(), [saved(film(number, rows=64), tmp_path) for number in range(2)]
    with object_store(tmp_path) as server, migrated(embedded_url) as engine:
        server.make_bucket("films")
        with node(host(tmp_path / "one", engine, server.table("films"), port)) as running:
            server.stop()
            _, said = storescu(port, *films, options=("-nh",))
            assert said.count("Refused: OutOfResources") == len(films), said
            assert (files(tmp_path / "one" / "home"), places(engine)) == ([], set())
            server.start()
            server.make_bucket("films")
            assert storescu(port, *films)[0] == 0
            assert lying(server, "films") == places(engine)
            assert len(places(engine)) == len(films)
            assert "storage-unavailable" in {line["event"] for line in running.events()}


def test_a_film_between_upload_and_commit_is_taken_over(embedded_url: str, s3: ObjectStore, tmp_path: Path) -> None:
    """The node is killed when the bucket has the film and the database does not: the next node records it."""
    port, bucket = free_port(), s3.new_bucket()
    with migrated(embedded_url) as engine:
        config = host(tmp_path / "one", engine, s3.table(bucket), port)
        with node(config, "reconciled") as running, transaction(engine) as blocking:
            blocking.execute(text("LOCK TABLE instances IN ACCESS EXCLUSIVE MODE"))
            sending = sender(port, [saved(film(1, rows=64), tmp_path)], tmp_path / "sender.log")
            (place,) = wait_for(lambda: lying(s3, bucket))
            for pid in family(running.process.pid):
                os.kill(pid, signal.SIGKILL)
            sending.wait(60)
            blocking.execute(
                text(
                    "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity "
                    "WHERE datname = current_database() AND application_name LIKE 'hilum-node%'"
                )
            )
        assert "Success" not in (tmp_path / "sender.log").read_text()
        assert places(engine) == set()
        with node(host(tmp_path / "two", engine, s3.table(bucket), port), "reconciled") as another:
            told = {line["event"]: line.get("count") for line in another.events()}
        assert (told["films-taken-over"], places(engine)) == (1, {place})


def test_films_from_files_go_to_the_bucket_too(
    database_url: str, s3: ObjectStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`hilum import` on any host: recorded, in the bucket, and nowhere else."""
    bucket = s3.new_bucket()
    file = saved(film(1, rows=64), tmp_path)
    monkeypatch.setenv("HILUM_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("HILUM_DATABASE__URL", database_url)
    for key, value in s3.table(bucket).items():
        monkeypatch.setenv(f"HILUM_STORE__{key.upper()}", str(value))
    done = subprocess.run([*PYTHON_M_HILUM, "import", str(file)], capture_output=True, text=True, check=True)
    assert "1  new" in done.stdout
    assert len(lying(s3, bucket)) == 1
    assert files(tmp_path / "home") == []
