"""The end of an association as the end of a study."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from pynetdicom import AE
from sqlalchemy import Engine, text

from db.engine import transaction
from tests.conftest import migrated
from tests.films import film, saved
from tests.peers import free_port, hilum, settings_file, storescu, wait_for

DX = "1.2.840.10008.5.1.4.1.1.1.1"


@contextmanager
def running(folder: Path, engine: Engine) -> Iterator[int]:
    """A node that waits an hour for late films, but knows a modality that sends each study at once."""
    port = free_port()
    peer = {"host": "127.0.0.1", "port": 1, "may_send": True}
    config = settings_file(
        folder,
        home=str(folder / "home"),
        database={"url": engine.url.render_as_string(hide_password=False)},
        node={"port": port, "study_quiet_seconds": 3600},
        peers=[
            {**peer, "name": "at-once", "ae_title": "XRAY1", "association_ends_study": True},
            {**peer, "name": "one-by-one", "ae_title": "XRAY2"},
        ],
    )
    with hilum(config, "node") as node:
        node.wait_until("node-ready")
        yield port


def due(engine: Engine) -> list[bool]:
    """Return of each study in turn whether it is due."""
    with transaction(engine) as connection:
        return list(connection.execute(text("SELECT run_after <= now() FROM jobs ORDER BY id")).scalars())


@pytest.mark.peers
def test_a_released_association_ends_its_study_where_the_peer_says_so(embedded_url: str, tmp_path: Path) -> None:
    """One modality sends a study at once, another its films one by one."""
    with migrated(embedded_url) as engine, running(tmp_path, engine) as port:
        storescu(port, saved(film(1), tmp_path), calling="XRAY2")
        storescu(port, saved(film(2), tmp_path), calling="XRAY1")
        assert wait_for(lambda: due(engine) == [False, True])


def test_a_broken_association_ends_nothing(embedded_url: str, tmp_path: Path) -> None:
    """The rest of the study is still to come."""
    with migrated(embedded_url) as engine, running(tmp_path, engine) as port:
        for number, is_released in enumerate([False, True]):
            entity = AE(ae_title="XRAY1")
            entity.add_requested_context(DX, "1.2.840.10008.1.2.1")
            association = entity.associate("127.0.0.1", port, ae_title="HILUM")
            assert association.send_c_store(film(number)).Status == 0
            association.release() if is_released else association.abort()
        assert wait_for(lambda: due(engine) == [False, True])
