"""What tests of this folder share: a running node, and the API."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from sqlalchemy import Engine, inspect, text
from starlette.testclient import TestClient

from db.engine import transaction
from db.intake import PostgresIntake
from db.study_view import PostgresStudyViews
from dicom_node.arrivals import Storage
from dicom_node.spool import Spool
from domain.accounts import Permission, Role
from domain.study_view import StudyRoom
from hilum.control_room import control_room
from hilum.peer_settings import Peer
from hilum.settings import Settings
from hilum.uploads import ProcessUploadDoor
from tests.api_client import Asking, OneReport, Program, add_token
from tests.conftest import migrated
from tests.fakes import RecordedEvents
from tests.page_visitor import house_of, no_films
from tests.peers import Hilum, free_port, hilum, settings_file
from tests.uploading import upload_room
from web.pages.house import add_pages


@dataclass
class RunningNode:
    """A node with what it fills: the spool and the database."""

    hilum: Hilum
    port: int
    engine: Engine
    spool: Path

    def count(self, table: str) -> int:
        """Return the number of rows."""
        with transaction(self.engine) as connection:
            return int(connection.execute(text(f"SELECT count(*) FROM {table}")).scalar_one())

    def files(self) -> list[Path]:
        """Return the files in the spool."""
        return sorted(path for path in self.spool.rglob("*") if path.is_file())


@pytest.fixture(scope="module")
def node(embedded_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningNode]:
    """A node that takes films from XRAY1 only, and knows VIEWER."""
    folder = tmp_path_factory.mktemp("node")
    port = free_port()
    with migrated(embedded_url) as engine:
        config = settings_file(
            folder,
            home=str(folder / "home"),
            database={"url": engine.url.render_as_string(hide_password=False)},
            node={"port": port},
            peers=[
                {"name": "xray", "ae_title": "XRAY1", "host": "127.0.0.1", "port": 1, "may_send": True},
                {"name": "viewer", "ae_title": "VIEWER", "host": "127.0.0.1", "port": 1},
            ],
        )
        with hilum(config, "node") as running:
            running.wait_until("node-ready")
            yield RunningNode(hilum=running, port=port, engine=engine, spool=folder / "home" / "spool")


@pytest.fixture(scope="module")
def api_database(embedded_url: str) -> Iterator[Engine]:
    """One database for the tests of a module."""
    with migrated(embedded_url) as engine:
        yield engine


@pytest.fixture
def api_engine(api_database: Engine) -> Engine:
    """The database without a row; with the server's keys even the audit trail can be emptied."""
    tables = [name for name in inspect(api_database).get_table_names() if name != "alembic_version"]
    with transaction(api_database) as connection:
        for act in ("DISABLE", "ENABLE"):
            for table in ("audit_events", "audit_anchors"):
                connection.execute(text(f"ALTER TABLE {table} {act} TRIGGER USER"))
            if act == "DISABLE":
                connection.execute(text(f"TRUNCATE {', '.join(tables)} RESTART IDENTITY"))
    return api_database


@pytest.fixture(scope="module")
def api_door(api_database: Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ProcessUploadDoor]:
    """A door that takes films into a spool."""
    intake = PostgresIntake(api_database, quiet=timedelta(hours=1), max_attempts=3)
    place = Storage(store=Spool(tmp_path_factory.mktemp("api") / "spool"), intake=intake, events=RecordedEvents())
    yield ProcessUploadDoor(beside=place, to_read=place, megabytes=2048)
    intake.close()


@pytest.fixture
def program(api_engine: Engine, api_door: ProcessUploadDoor) -> Iterator[Program]:
    """Opens the API to a program of a role."""
    peer = Peer(name="pacs", ae_title="PACS", host="127.0.0.1", port=free_port())
    studies = StudyRoom(
        views=PostgresStudyViews(api_engine),
        films=no_films(api_engine).films,
        reports=OneReport(),  # type: ignore[arg-type]  # of the library only this is asked here
        knowledge=no_films(api_engine).knowledge,
    )
    house = house_of(
        api_engine,
        studies=studies,
        uploads=upload_room(api_engine, api_door, a_minute=2),
        operations=control_room(Settings.model_construct(peers=(peer,)), api_engine),
    )
    app = FastAPI()
    add_pages(app, house)
    with ExitStack() as opened:
        client = opened.enter_context(TestClient(app))

        def asking(role: Role, *may: Permission, **options: Any) -> Asking:  # noqa: ANN401 - of a token
            return Asking(client, add_token(api_engine, role, *may, **options))

        yield asking
