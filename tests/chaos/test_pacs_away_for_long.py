"""The PACS is away for five minutes while urgent and other films come: what waits for it arrives by priority."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from domain.priority import Priority
from tests.chaos.count import Count
from tests.chaos.hospital import STUDIES, Hospital, hospital, random_moments
from tests.conftest import migrated
from tests.peers import Orthanc, free_port, orthanc

pytestmark = [pytest.mark.peers, pytest.mark.timeout(900)]

FILMS = range(90_000, 90_000 + STUDIES)
AWAY_SECONDS = 300.0
REPORTS_BEFORE = 5
WORKERS = 2
IN_HAND = 8
"""Deliveries that a worker claims together."""
SHIPPED = {"threads": 1, "lease_seconds": 20, "retry_seconds": 2, "retry_limit_seconds": 60}
"""As an installation has them, but for the cores, which two workers share here."""

_MOST_CHANGES = 1000


def arrivals(pacs: Orthanc) -> Iterator[str]:
    """Yield the Study Instance UIDs of the reports in the PACS, in the order in which it stored them."""
    studies = {each["ID"]: each["MainDicomTags"]["StudyInstanceUID"] for each in pacs.get("/studies?expand")}
    page = {"Last": 0, "Done": False}
    while not page["Done"]:
        page = pacs.get(f"/changes?since={page['Last']}&limit={_MOST_CHANGES}")
        yield from (studies[one["ID"]] for one in page["Changes"] if one["ChangeType"] == "NewStudy")


def overtaken(priorities: Sequence[Priority]) -> list[int]:
    """Return, for each report that arrived, how many came after it that are more urgent."""
    return [sum(later < own for later in priorities[place:]) for place, own in enumerate(priorities)]


def unreported(ward: Hospital) -> int:
    return STUDIES - ward.reported()


def test_a_pacs_that_was_away_for_minutes_gets_every_report_once_and_the_urgent_ones_first(
    embedded_url: str, tmp_path: Path, tell: Callable[[Count], None]
) -> None:
    """Nobody touches anything. Of what waited, the order is that of priority, as far as two workers can keep one.

    The report that a worker was about to send when the PACS came back goes first, whatever it is. Later each worker
    has up to eight in hand, so that one of another worker's may overtake as many more urgent ones, and no more.
    """
    storage, port = tmp_path / "orthanc", free_port()
    moments = random_moments()
    ordered = {number: moments.choice(list(Priority)).name for number in FILMS}
    with (
        migrated(embedded_url) as engine,
        hospital(
            tmp_path, engine, Orthanc(dicom_port=port, http_port=0), films=FILMS, ordered=ordered, worker=SHIPPED
        ) as ward,
        ward.run("node"),
        ward.run("worker"),
        ward.run("worker"),
        ward.sending() as sending,
    ):
        with orthanc(storage, dicom_port=port):
            ward.wait_for_reports(REPORTS_BEFORE)
        back, waiting = time.monotonic() + AWAY_SECONDS, unreported(ward)
        ward.wait_until_classified()
        time.sleep(max(back - time.monotonic(), 0))
        assert unreported(ward) == waiting > STUDIES / 2, "the PACS went too late to show anything"
        with orthanc(storage, dicom_port=port) as ward.pacs:
            ward.wait_until_settled(sending)
            tell(ward.reckoned("the PACS is away for five minutes", deaths=1))
            priority = {ward.study_uid(number): Priority[name] for number, name in ordered.items()}
            times = overtaken([priority[study] for study in arrivals(ward.pacs)][-waiting:])
        assert len([count for count in times if count > IN_HAND * (WORKERS - 1)]) <= WORKERS
