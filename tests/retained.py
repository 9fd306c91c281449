"""An installation whose films grow old: real rows, a real spool, and the duties that delete."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, text

from db.engine import transaction
from db.intake import PostgresIntake
from db.job_desk import JobDesk
from db.outbox import PostgresDeliveries
from db.queue import PostgresQueue
from db.retention import PostgresRetention
from db.studies import PostgresStudies
from dicom_node.arrivals import Storage
from dicom_node.spool import Spool
from domain.film import ConflictPolicy, ReceivedInstance, Recorded
from domain.findings import Findings, Probabilities
from domain.ids import StudyId
from domain.jobs import Job
from domain.retention import DeletionCause, Terms
from tests.fakes import MODEL, RecordedEvents, examined, received
from tests.outbox import PROOF, reports_to
from worker.retention import Shredder, old_films

DAY = timedelta(days=1)
_LEASE = timedelta(seconds=30)
_PAST = {
    "studies": ("received_at", "last_received_at"),
    "instances": ("received_at",),
    "conflicts": ("received_at", "last_received_at"),
    "jobs": ("run_after", "turn", "created_at", "settled_at"),
    "findings": ("created_at",),
    "deliveries": ("created_at", "accepted_at", "committed_at"),
    "film_deletions": ("deleted_at", "removed_at", "restored_at"),
}


def film(number: int = 1, *, study: int = 1, digest: str = "") -> ReceivedInstance:
    """Return a film with a place on a shelf."""
    made = received(number, study=study, digest=digest)
    return replace(made, path=f"0{study}/{number}-{digest[:4]}.dcm")


@dataclass
class Retained:
    """The installation."""

    engine: Engine
    folder: Path
    policy: ConflictPolicy = ConflictPolicy.KEEP_FIRST
    asked: tuple[str, ...] = ()
    """Peers that are asked whether they keep what they accepted."""

    def __post_init__(self) -> None:
        """Open everything."""
        self.spool = Spool(self.folder)
        self.queue = PostgresQueue(self.engine)
        self.desk = JobDesk(self.engine, actor="ann@host")
        self.retention = PostgresRetention(self.engine)
        self.events = RecordedEvents()

    @contextmanager
    def storage(self) -> Iterator[Storage]:
        """Return where films are taken to."""
        intake = PostgresIntake(self.engine, quiet=timedelta(0), max_attempts=3, on_conflict=self.policy)
        with closing(intake):
            yield Storage(store=self.spool, intake=intake, events=self.events)

    def receive(self, one: ReceivedInstance) -> Recorded:
        """Take a film, file first."""
        self.spool.write(one.path, one.digest.encode())
        with self.storage() as place:
            return place.record(one)

    def claim(self, lane: str = "classify") -> Job:
        """Take the next job of a lane."""
        (job,) = self.queue.claim(lane, worker="host:1", lease=_LEASE)
        return job

    def classify(self, *peers: str) -> StudyId:
        """Do the next classification; its report is for these peers."""
        job = self.claim()
        study = StudyId(job.subject_id)
        studies = PostgresStudies(self.engine, routes=reports_to(*peers))
        films = studies.films([study])[study]
        scores = Probabilities(covid19=0.7, normal=0.1, pneumonia=0.2)
        findings = Findings(model=MODEL, films=films, analysed=films[-1], probabilities=scores)
        studies.settle_classified([(job, examined(findings))])
        return study

    def deliver(self, peer: str = "pacs") -> None:
        """Have the next report acknowledged."""
        job = self.claim(f"deliver:{peer}")
        PostgresDeliveries(self.engine, asked=self.asked).settle_delivered(job, PROOF)

    def delivered(self, *films: ReceivedInstance) -> StudyId:
        """Take films of a study and do all that is to be done with them."""
        for one in films or (film(),):
            self.receive(one)
        study = self.classify("pacs")
        self.deliver()
        return study

    def pass_days(self, days: float) -> None:
        """Move everything that happened back."""
        for table, columns in _PAST.items():
            moved = ", ".join(f"{name} = {name} - :by" for name in columns)
            self.run(f"UPDATE {table} SET {moved}", by=days * DAY)

    def shredder(self) -> Shredder:
        """Return what removes files."""
        return Shredder(retention=self.retention, remove=self.spool.remove, ended=threading.Event())

    def delete_old(self, *, days: float | None = 30, uploads: float | None = None) -> int:
        """Do the duty; return how many films went."""
        terms = Terms(
            cause=DeletionCause.RETENTION,
            films=None if days is None else days * DAY,
            uploads=None if uploads is None else uploads * DAY,
        )
        return old_films(self.shredder(), self.events, terms)

    def run(self, statement: str, **values: Any) -> None:  # noqa: ANN401 - whatever a statement takes
        """Execute a statement."""
        with transaction(self.engine) as connection:
            connection.execute(text(statement), values)

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """Return the rows of a query."""
        with transaction(self.engine) as connection:
            return [tuple(row) for row in connection.execute(text(query))]

    def files(self) -> set[str]:
        """Return the places that are taken."""
        return {str(path.relative_to(self.folder)) for path in self.folder.rglob("*") if path.is_file()}

    def films(self, study: StudyId) -> list[str]:
        """Return the films of a study that would be classified."""
        found = PostgresStudies(self.engine, routes=[]).films([study])
        return [one.sop_instance_uid for one in found.get(study, ())]


def emptied(engine: Engine, spool: Path) -> Retained:
    """Return an installation whose database was used before, without anything in it."""
    opened = Retained(engine, spool)
    opened.run(
        "TRUNCATE studies, jobs, jobs_archive, model_versions, accounts, commitments, confirmations, gaps CASCADE"
    )
    return opened
