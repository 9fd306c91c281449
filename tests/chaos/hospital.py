"""A hospital in trouble: a modality sends two hundred studies, and at the end every one of them is accounted for."""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydicom import Dataset
from sqlalchemy import Engine, text

from db.engine import transaction
from tests.chaos.count import Count
from tests.films import PATIENT, film, saved
from tests.peers import Hilum, Orthanc, free_port, hilum, settings_file, storescu, wait_for

SEED = 20261125
"""Of the moments at which trouble begins."""
STUDIES = 200
LEASE_SECONDS = 2
"""Short, so that what the dead had in hand is soon taken up."""

_SENT_BEFORE: set[int] = set()
"""Films of the tests before in this process, which share a PACS: what it holds of them would be taken for ours."""
_FILM_ROWS = 128
"""Small, so that two hundred are soon read; the network takes them for chest films all the same."""
_FILMS_AN_ASSOCIATION = 10
_PAUSE_OF_SENDER_SECONDS = 0.3
_PATIENCE_SECONDS = 150.0

_OPEN = text("SELECT lane, state, count(*) AS jobs FROM jobs WHERE state IN ('waiting', 'leased') GROUP BY 1, 2")
_HELD = text("""
SELECT study_instance_uid, jobs.kind, reason, reason_class
FROM jobs LEFT JOIN studies ON jobs.kind = 'classify' AND studies.id = jobs.subject_id WHERE state = 'held'
""")
_FINDINGS = text("SELECT study_instance_uid FROM findings JOIN studies ON studies.id = study_id")
_ACCEPTED = text("""
SELECT study_instance_uid, sop_instance_uid FROM deliveries
JOIN findings ON findings.id = findings_id JOIN studies ON studies.id = study_id WHERE accepted_at IS NOT NULL
""")


def random_moments() -> random.Random:
    """Return the source of moments, the same each time."""
    return random.Random(SEED)  # noqa: S311 - no secrets


@dataclass(kw_only=True)
class Hospital:
    """Hilum with its database, a modality that sends, and the PACS that gets the reports."""

    folder: Path
    config: Path
    port: int
    engine: Engine
    pacs: Orthanc
    films: range
    """Numbers of the films that are sent, each a study of its own."""
    marked: Mapping[int, str] = field(default_factory=dict)
    """Study Description of some of them."""
    ordered: Mapping[int, str] = field(default_factory=dict)
    """Requested Procedure Priority of some of them."""
    pause_seconds: float = _PAUSE_OF_SENDER_SECONDS
    """Of the modality between two associations."""
    sent: list[str] = field(default_factory=list)
    """Study Instance UIDs of what was acknowledged."""
    refusals: int = 0
    """Associations after which the modality had to send again."""
    processes: list[Hilum] = field(default_factory=list)

    @contextmanager
    def run(self, *arguments: str) -> Iterator[Hilum]:
        """Run a command of Hilum's for the block, as `tests.peers.hilum`."""
        with hilum(self.config, *arguments) as running:
            self.processes.append(running)
            yield running

    @contextmanager
    def sending(self) -> Iterator[Future[None]]:
        """Send everything from another thread, as a modality does that keeps what was not acknowledged."""
        ended = threading.Event()
        with ThreadPoolExecutor(1) as pool:
            try:
                yield pool.submit(self._send, ended)
            finally:
                ended.set()

    def _send(self, ended: threading.Event) -> None:
        for first in range(0, len(self.films), _FILMS_AN_ASSOCIATION):
            films = [self._film(number) for number in self.films[first : first + _FILMS_AN_ASSOCIATION]]
            files = [saved(one, self.folder) for one in films]
            while storescu(self.port, *files)[0] != 0:
                self.refusals += 1
                if ended.wait(_PAUSE_OF_SENDER_SECONDS):
                    return
            self.sent += [str(one.StudyInstanceUID) for one in films]
            if ended.wait(self.pause_seconds):
                return

    def _film(self, number: int) -> Dataset:
        made = film(number, rows=_FILM_ROWS)
        made.StudyDescription = self.marked.get(number, made.StudyDescription)
        if number in self.ordered:
            made.RequestedProcedurePriority = self.ordered[number]
        return made

    def study_uid(self, number: int) -> str:
        """Return the Study Instance UID of a film."""
        return str(self._film(number).StudyInstanceUID)

    def reported(self) -> int:
        """Return how many reports the PACS has acknowledged."""
        return len(self.rows(_ACCEPTED))

    def wait_until_classified(self) -> None:
        """Wait until there are findings of every study."""
        wait_for(lambda: len(self.rows(_FINDINGS)) == STUDIES, seconds=_PATIENCE_SECONDS)

    def rows(self, query: Any, **values: object) -> Sequence[Any]:  # noqa: ANN401 - any statement, any rows
        """Return what the database says."""
        with transaction(self.engine) as connection:
            return connection.execute(query, values).all()

    def wait_for_reports(self, count: int) -> None:
        """Wait until the PACS has acknowledged so many."""
        wait_for(lambda: self.reported() >= count, seconds=_PATIENCE_SECONDS)

    def wait_until_settled(self, sending: Future[None]) -> None:
        """Wait until everything was sent and no job is open any more."""
        wait_for(lambda: len(self.sent) == STUDIES and sending.done(), seconds=_PATIENCE_SECONDS)
        sending.result()
        wait_for(lambda: not self.rows(_OPEN), seconds=_PATIENCE_SECONDS)

    def reports(self) -> dict[str, list[str]]:
        """Return the SOP Instance UIDs of the structured reports in the PACS, by the study; three questions in all."""
        studies = {each["ID"]: each["MainDicomTags"]["StudyInstanceUID"] for each in self.pacs.get("/studies?expand")}
        series = {
            each["ID"]: studies[each["ParentStudy"]]
            for each in self.pacs.get("/series?expand")
            if each["MainDicomTags"]["Modality"] == "SR"
        }
        found: dict[str, list[str]] = {}
        for each in self.pacs.get("/instances?expand"):
            if each["ParentSeries"] in series:
                found.setdefault(series[each["ParentSeries"]], []).append(each["MainDicomTags"]["SOPInstanceUID"])
        return found

    def reckoned(self, trouble: str, *, deaths: int, held: Mapping[str, str] | None = None) -> Count:
        """Find one report or one held job for every study, and nothing twice, and return the count.

        Args:
            trouble: what happened.
            deaths: how often.
            held: the class of the reason by Study Instance UID, of the studies that get no report.
        """
        held = held or {}
        assert len(set(self.sent)) == STUDIES
        assert self.rows(_OPEN) == []
        reasons = self.rows(_HELD)
        assert all(row.reason for row in reasons)
        assert [row for row in reasons if row.reason_class != held.get(row.study_instance_uid)] == []
        assert sorted(row.study_instance_uid for row in reasons) == sorted(held)
        reported = sorted(set(self.sent) - set(held))
        assert sorted(row.study_instance_uid for row in self.rows(_FINDINGS)) == reported
        accepted = sorted(map(tuple, self.rows(_ACCEPTED)))
        assert [uid for uid, _ in accepted] == reported
        in_pacs = [(uid, one) for uid, reports in self.reports().items() if uid in self.sent for one in reports]
        assert sorted(in_pacs) == accepted
        return Count(trouble=trouble, sent=STUDIES, reports=len(in_pacs), held=len(held), deaths=deaths)

    def look_through_logs(self) -> None:
        """No failure was one that nobody foresaw, and no patient is named."""
        words = ("loop-failed", "unexpected", "Traceback", PATIENT, "SECRET-ID")
        logs = [process.log.read_text() for process in self.processes]
        assert [word for word in words if any(word in log for log in logs)] == []


@contextmanager
def hospital(
    folder: Path,
    engine: Engine,
    pacs: Orthanc,
    *,
    films: range,
    marked: Mapping[int, str] | None = None,
    ordered: Mapping[int, str] | None = None,
    worker: Mapping[str, float] | None = None,
    **tables: Mapping[str, float],
) -> Iterator[Hospital]:
    """Build a hospital in which nothing of Hilum's runs yet, and look through the logs at the end.

    What the films order is their priority, in Hilum's words.

    Args:
        folder: for settings, spool and films.
        engine: its database.
        pacs: where the reports go.
        films: numbers of the films that are sent.
        marked: the Study Description of some of them.
        ordered: the Requested Procedure Priority of some of them.
        worker: settings of the worker.
        tables: further tables of settings.
    """
    port = free_port()
    config = settings_file(
        folder,
        home=str(folder / "home"),
        database={"url": engine.url.render_as_string(hide_password=False)},
        node={"port": port, "study_quiet_seconds": 0.5, "processes": 1},
        worker={"lease_seconds": LEASE_SECONDS, "retry_seconds": 0.2, "retry_limit_seconds": 1, **(worker or {})},
        peers=[
            {"name": "xray", "ae_title": "XRAY1", "host": "127.0.0.1", "port": 1, "may_send": True},
            {
                "name": "pacs",
                "ae_title": "ORTHANC",
                "host": "127.0.0.1",
                "port": pacs.dicom_port,
                "receives_results": True,
            },
        ],
        priorities=[{"priority": name, "requested_priority": name} for name in sorted(set((ordered or {}).values()))],
        **tables,
    )
    ward = Hospital(
        folder=folder,
        config=config,
        port=port,
        engine=engine,
        pacs=pacs,
        films=films,
        marked=marked or {},
        ordered=ordered or {},
    )
    assert _SENT_BEFORE.isdisjoint(films), "another test sends these films to the same PACS"
    _SENT_BEFORE.update(films)
    yield ward
    ward.look_through_logs()
