"""A machine is lost and comes back from a backup that was made while it worked."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.backups import backed_up, lose, said
from tests.peers import Orthanc, free_port, hilum, ledger_of, orthanc, settings_file, wait_for
from tests.steady_modality import SteadyModality

pytestmark = pytest.mark.peers
BEFORE = 5
"""As many films have been received when the backup begins."""


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


def test_every_study_comes_back_with_one_report(tmp_path: Path, pacs: Orthanc) -> None:
    """All that was acknowledged before the backup is in it; what came later is fetched from the archive again."""
    port = free_port()
    first, second = (settings(tmp_path / name, port, pacs) for name in ("first", "second"))
    modality = SteadyModality(tmp_path, pacs.dicom_port, port, first=7000)
    with hilum(first, "up") as running:
        running.wait_until("node-ready")
        with modality.sending():
            wait_for(lambda: len(modality.acknowledged) >= BEFORE and any(reports(pacs, modality.acknowledged)))
            before = list(modality.acknowledged)
            backup = backed_up(first, tmp_path / "backups")
            sent = len(modality.acknowledged)
            wait_for(lambda: len(modality.acknowledged) > sent + 1)
        lose(running, tmp_path / "first" / "home")
    said(second, "restore", str(backup))
    with hilum(second, "up") as running:
        running.wait_until("node-ready")
        assert all(ledger_of(second, study) for study in (before[0], before[-1]))
        assert ledger_of(second, modality.acknowledged[-1]) is None
        said(second, "upkeep", "archive-check")
        wait_for(lambda: delivered(second) == len(modality.acknowledged))
        assert reports(pacs, modality.acknowledged) == [1] * len(modality.acknowledged)


def reports(pacs: Orthanc, studies: list[str]) -> list[int]:
    """Return how many reports the archive has of each study."""
    found = pacs.reports()
    return [len(found.get(study, [])) for study in studies]


def delivered(config: Path) -> int:
    """Return how many reports the PACS has acknowledged to this installation; no job may be held."""
    return int(json.loads(said(config, "status", "--json"))["counts"]["delivered"])
