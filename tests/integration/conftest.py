"""A running node for the tests of this folder."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from db.engine import transaction
from tests.conftest import migrated
from tests.peers import Hilum, free_port, hilum, settings_file


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
