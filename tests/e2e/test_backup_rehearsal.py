"""A machine is lost and comes back from a backup that was made while it worked."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime
from itertools import count
from pathlib import Path

import pytest

from tests.backups import backed_up, lose, said
from tests.films import film, saved
from tests.peers import Orthanc, free_port, hilum, ledger_of, orthanc, settings_file, storescu, wait_for

pytestmark = pytest.mark.peers
BEFORE = 5
"""As many films have been received when the backup begins."""
PAUSE_SECONDS = 0.5
"""Between two films."""


@pytest.fixture
def pacs(tmp_path: Path) -> Iterator[Orthanc]:
    """Orthanc, the archive that has every film."""
    with orthanc(tmp_path / "orthanc") as server:
        yield server


def settings(folder: Path, port: int, pacs: Orthanc) -> Path:
    folder.mkdir()
    peer = {"name": "pacs", "ae_title": "ORTHANC", "host": "127.0.0.1", "port": pacs.dicom_port}
    return settings_file(
        folder,
        home=str(folder / "home"),
        node={"port": port, "study_quiet_seconds": 0.5, "processes": 1},
        worker={"retry_seconds": 0.2, "retry_limit_seconds": 1, "processes": 1},
        peers=[
            {"name": "xray", "ae_title": "XRAY1", "host": "127.0.0.1", "port": 1, "may_send": True},
            {**peer, "receives_results": True, "reconciled": "fetch"},
        ],
    )


class Modality:
    """Sends each film to the archive and to Hilum, one after the other, and remembers what was acknowledged."""

    def __init__(self, port: int, pacs: Orthanc, folder: Path) -> None:
        self._port, self._pacs, self._folder = port, pacs, folder
        self.acknowledged: list[str] = []

    @contextmanager
    def sending(self) -> Iterator[None]:
        """Send for as long as the block lasts."""
        stop = threading.Event()
        with ThreadPoolExecutor(1) as pool:
            work = pool.submit(self._send, stop)
            try:
                yield
            finally:
                stop.set()
                work.result()

    def _send(self, stop: threading.Event) -> None:
        for number in count(7000):
            if stop.wait(PAUSE_SECONDS):
                return
            one = film(number, rows=128)
            one.StudyDate = f"{datetime.now().astimezone():%Y%m%d}"
            file = saved(one, self._folder)
            for port in (self._pacs.dicom_port, self._port):
                status, answer = storescu(port, file)
                assert status == 0, answer
            self.acknowledged.append(str(one.StudyInstanceUID))


def reports(pacs: Orthanc, studies: list[str]) -> list[int]:
    """Return how many reports the archive has of each study."""
    found = pacs.reports()
    return [len(found.get(study, [])) for study in studies]


def test_every_study_comes_back_with_one_report(tmp_path: Path, pacs: Orthanc) -> None:
    """All that was acknowledged before the backup is in it; what came later is fetched from the archive again."""
    port, destination = free_port(), tmp_path / "backups"
    first, second = (settings(tmp_path / name, port, pacs) for name in ("first", "second"))
    modality = Modality(port, pacs, tmp_path)
    with hilum(first, "up") as running:
        running.wait_until("node-ready")
        with modality.sending():
            wait_for(lambda: len(modality.acknowledged) >= BEFORE and any(reports(pacs, modality.acknowledged)))
            before = list(modality.acknowledged)
            backup = backed_up(first, destination)
            during = list(modality.acknowledged)
            wait_for(lambda: len(modality.acknowledged) > len(during))
        lose(running, tmp_path / "first" / "home")
    assert len(before) < len(during) < len(modality.acknowledged), "the backup was not made in the middle"
    said(second, "restore", str(backup))
    with hilum(second, "up") as running:
        running.wait_until("node-ready")
        wait_for(lambda: reports(pacs, before) == [1] * len(before))
        assert all(ledger_of(second, study) for study in (before[0], before[-1]))
        assert ledger_of(second, modality.acknowledged[-1]) is None
        said(second, "upkeep", "archive-check")
        everything = modality.acknowledged
        wait_for(lambda: delivered(second) == len(everything))
        assert reports(pacs, everything) == [1] * len(everything)


def delivered(config: Path) -> int:
    """Return how many reports the PACS has acknowledged to this installation; no job may be held."""
    return int(json.loads(said(config, "status", "--json"))["counts"]["delivered"])
