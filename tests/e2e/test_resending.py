"""A study that is sent again and again, by one sender after the other and by several at once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import text

from db.engine import transaction
from tests.conftest import migrated
from tests.films import film, saved
from tests.peers import free_port, hilum, orthanc, settings_file, storescu, wait_for

pytestmark = pytest.mark.peers

SENDERS, TIMES_EACH, TIMES_LATER = 4, 20, 20
"""A hundred times in all: by four associations at once, and one by one when the report is there."""

_ROWS = text("""
SELECT (SELECT count(*) FROM studies), (SELECT count(*) FROM instances), (SELECT count(*) FROM findings),
    (SELECT count(*) FROM deliveries), (SELECT count(*) FROM conflicts),
    (SELECT count(*) FROM jobs WHERE state = 'done'), (SELECT count(*) FROM jobs WHERE state <> 'done')
""")


def successes(port: int, *films: Path, times: int = 1) -> int:
    """Send films so often on one association, and return how many were answered with success."""
    status, said = storescu(port, *films, options=("--repeat", str(times)))
    assert status == 0, said
    return said.count("Received Store Response (Success)")


def test_a_study_sent_a_hundred_times_has_one_report(embedded_url: str, tmp_path: Path) -> None:
    """Every film is acknowledged each time; there is one result, sent once, and nothing is left to do."""
    views = [film(920), film(921, view="AP", study=920), film(922, view="LL", study=920)]
    files = [saved(each, tmp_path) for each in views]
    port = free_port()
    with (
        orthanc(tmp_path / "orthanc") as pacs,
        migrated(embedded_url) as engine,
        ThreadPoolExecutor(SENDERS) as senders,
    ):
        peer = {"host": "127.0.0.1", "port": pacs.dicom_port}
        config = settings_file(
            tmp_path,
            home=str(tmp_path / "home"),
            database={"url": engine.url.render_as_string(hide_password=False)},
            node={"port": port, "study_quiet_seconds": 2},
            peers=[
                {"name": "xray", "ae_title": "XRAY1", **peer, "may_send": True},
                {"name": "pacs", "ae_title": "ORTHANC", **peer, "receives_results": True},
            ],
        )
        with hilum(config, "node") as node, hilum(config, "worker"):
            node.wait_until("node-ready")
            at_once = [senders.submit(successes, port, *files, times=TIMES_EACH) for _ in range(SENDERS)]
            assert [each.result() for each in at_once] == [TIMES_EACH * len(files)] * SENDERS
            wait_for(pacs.reports)
            assert [successes(port, *files) for _ in range(TIMES_LATER)] == [len(files)] * TIMES_LATER
        ((_, reports),) = pacs.reports().items()
        with transaction(engine) as connection:
            rows = connection.execute(_ROWS).one()
    assert len(reports) == 1
    assert tuple(rows) == (1, len(files), 1, 1, 0, 2, 0)
