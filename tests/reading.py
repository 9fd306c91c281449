"""Studies that come, are classified, claimed and reported, for tests of the radiologists' list."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from sqlalchemy import Engine, text

from db.engine import transaction
from db.intake import PostgresIntake
from db.queue import PostgresQueue
from db.reading_list import PostgresReadingList
from db.studies import PostgresStudies
from db.worklist import PostgresWorklist
from domain.film import FilmHeader, Unsuitable, View
from domain.findings import Examination, Findings, ModelVersion, Probabilities
from domain.ids import AeTitle, StudyId
from domain.jobs import Job, ReasonClass
from domain.priority import Priority
from domain.reading_list import Reading, ReadingQuery
from domain.subject import StudyIdentity
from domain.worklist import StepState, WorklistQuery
from tests.fakes import MODEL, received

POSITIVE = Probabilities(covid19=0.03, normal=0.05, pneumonia=0.92)
NEGATIVE = Probabilities(covid19=0.02, normal=0.95, pneumonia=0.03)
UNSURE = Probabilities(covid19=0.3, normal=0.4, pneumonia=0.3)
_DAY = timedelta(days=1)


@dataclass
class ReadingRoom:
    """A hospital in one database."""

    engine: Engine
    has_steps: bool = True
    """Whether a workstation reads the worklist."""
    model: ModelVersion = MODEL

    def receive(
        self,
        study: int,
        *,
        number: int = 1,
        priority: Priority = Priority.ROUTINE,
        sender: str = "XRAY1",
        **identity: str,
    ) -> None:
        """Receive a film as the node does; the study's patient is called Doe unless somebody says otherwise."""
        expire = _DAY if self.has_steps else None
        intake = PostgresIntake(self.engine, quiet=timedelta(0), max_attempts=3, workitems_expire=expire)
        names = {"patient_name": f"DOE{study}^JANE", "patient_id": f"P{study}", "accession_number": f"A{study}"}
        whom = StudyIdentity(**{**names, "station_name": "ROOM1", **identity})
        film = replace(
            received(number, study=study, priority=priority), identity=whom, calling_ae_title=AeTitle(sender)
        )
        intake.record(film)
        intake.close()

    def begin(self) -> Job:
        """Let a worker claim the next study."""
        (job,) = PostgresQueue(self.engine).claim("classify", worker="host:1", lease=timedelta(seconds=60))
        return job

    def hold(self) -> None:
        """Let the next study's job fail for good."""
        PostgresQueue(self.engine).hold(self.begin(), reason="why", reason_class=ReasonClass.PERMANENT)

    def classify(self, result: Probabilities | Unsuitable, *, view: View = View.PA) -> None:
        """Let the next study have this result."""
        job = self.begin()
        studies = PostgresStudies(self.engine, routes=[])
        films = studies.films([StudyId(job.subject_id)])[StudyId(job.subject_id)]
        if isinstance(result, Unsuitable):
            found = Findings(model=self.model, films=films, unsuitable=result)
        else:
            found = Findings(model=self.model, films=films, analysed=films[0], probabilities=result)
        seen = {film.sop_instance_uid: FilmHeader(view=view) for film in films}
        studies.settle_classified([(job, Examination(findings=found, films=seen))])

    def claim(self, study: int, performer: str = "READER") -> str:
        """Let a workstation claim a study; return the item's UID."""
        worklist = PostgresWorklist(self.engine)
        (item,) = worklist.search(WorklistQuery(study_uid=f"2.25.{study}", states=[StepState.SCHEDULED]))
        worklist.claim(item.uid, transaction_uid="2.25.9", performer=performer)
        return item.uid

    def read(self, study: int) -> None:
        """Let a workstation read a study."""
        uid = self.claim(study)
        PostgresWorklist(self.engine).end(uid, transaction_uid="2.25.9", state=StepState.COMPLETED)

    def assess(self, study: int) -> None:
        """Let a person assess a study."""
        self.run(
            "INSERT INTO assessments (study_id, source, covid19, pneumonia, normal, basis) "
            "SELECT id, 'page', 'absent', 'absent', 'present', 'person' FROM studies "
            f"WHERE study_instance_uid = '2.25.{study}'"
        )

    def run(self, statement: str) -> None:
        """Execute SQL."""
        with transaction(self.engine) as connection:
            connection.execute(text(statement))

    def count(self, query: str) -> int:
        """Return the number that a query finds."""
        with transaction(self.engine) as connection:
            return int(connection.execute(text(query)).scalar_one())

    def readings(self, query: ReadingQuery | None = None, *, at_most: int = 50) -> Sequence[Reading]:
        """Return a page of the list."""
        readings = PostgresReadingList(self.engine, patience=timedelta(minutes=5))
        return readings.page(query or ReadingQuery(only_unread=False), at_most=at_most).readings

    def accessions(self, query: ReadingQuery | None = None, *, at_most: int = 50) -> list[str]:
        """Return the accession numbers of a page."""
        return [one.identity.accession_number for one in self.readings(query, at_most=at_most)]
