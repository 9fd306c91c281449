"""Films whose decoding ends its process come among good ones."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import Engine

from domain.jobs import ReasonClass
from tests.chaos.count import Count
from tests.chaos.hospital import STUDIES, hospital
from tests.chaos.poison.sitecustomize import DEADLY
from tests.peers import Orthanc

pytestmark = [pytest.mark.peers, pytest.mark.timeout(600)]

POISON = Path(__file__).parent / "poison"
FIRST = 70_000
DEADLY_FILMS = (FIRST + 3, FIRST + 77, FIRST + 150)
TRIES = 2


def test_a_deadly_film_ends_as_one_held_job_and_harms_no_other(
    engine: Engine, pacs: Orthanc, tmp_path: Path, tell: Callable[[Count], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """SIGSEGV, twice for each of three films: their studies are held with the reason, all others are reported."""
    marked = dict.fromkeys(DEADLY_FILMS, DEADLY)
    films = range(FIRST, FIRST + STUDIES)
    with hospital(tmp_path, engine, pacs, films=films, marked=marked) as ward, ward.run("node") as node:
        node.wait_until("node-ready")
        monkeypatch.setenv("PYTHONPATH", str(POISON))
        with ward.run("worker") as worker, ward.sending() as sending:
            ward.wait_until_settled(sending)
        deaths = [line["reason"] for line in worker.events() if line["event"] == "darkroom-died"]
        assert deaths == ["decoding a film ended its process (Segmentation fault)"] * (TRIES * len(DEADLY_FILMS))
        held = {ward.study_uid(number): ReasonClass.CRASHED.value for number in DEADLY_FILMS}
        tell(ward.reckoned("deadly films among good ones", deaths=len(deaths), held=held))
