"""Real code that stands in for PostgreSQL, films, networks and peers; the queue passes the adapter's contract tests."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from datetime import timedelta
from uuid import UUID, uuid4

import numpy as np

from domain.errors import LeaseLost
from domain.explanation import Box, ExplainedLook, Explanation
from domain.film import (
    Developed,
    FilmHeader,
    GreyImage,
    NotClassifiable,
    Print,
    ReceivedInstance,
    SquareFilm,
    StoredFilm,
    Unsuitable,
    View,
)
from domain.findings import Examination, Findings, ModelVersion, Probabilities
from domain.ids import JobId, SeriesUid, SopInstanceUid, StudyId, StudyUid
from domain.jobs import Job, JobKind, JobState, ReasonClass, check_transition
from domain.priority import MOST_URGENT_BY_AGE, Priority
from worker.classify import develop

MODEL = ModelVersion(name="test-network", version="1.0.0", sha256="ab" * 32, covid19_from=0.6)


def stored_film(number: int = 1, *, study: int = 1) -> StoredFilm:
    """Return a film as the database knows it."""
    return StoredFilm(
        study_id=StudyId(study),
        study_uid=StudyUid(f"2.25.{study}"),
        series_uid=SeriesUid(f"2.25.{study}.1"),
        sop_instance_uid=SopInstanceUid(f"2.25.{study}.1.{number}"),
        sop_class_uid="1.2.840.10008.5.1.4.1.1.1.1",
        digest=f"{study:032x}{number:032x}",
        path=f"{study}/{number}.dcm",
    )


def received(
    number: int = 1, *, study: int = 1, digest: str = "", priority: Priority = Priority.ROUTINE
) -> ReceivedInstance:
    """Return a film as the node hands it to the database."""
    uid = f"2.25.{study}"
    return ReceivedInstance(
        study_uid=StudyUid(uid),
        series_uid=SeriesUid(f"{uid}.9"),
        sop_instance_uid=SopInstanceUid(f"{uid}.9.{number}"),
        sop_class_uid="1.2.840.10008.5.1.4.1.1.1.1",
        transfer_syntax_uid="1.2.840.10008.1.2.1",
        modality="DX",
        digest=digest or f"{study:032x}{number:032x}",
        size_bytes=1000,
        path=f"{study}/{number}{digest}.dcm",
        calling_ae_title="XRAY1",
        priority=priority,
    )


def examined(findings: Findings) -> Examination:
    """Return findings as of films that were all suitable."""
    return Examination(
        findings=findings, films={film.sop_instance_uid: FilmHeader(view=View.PA) for film in findings.films}
    )


@dataclass
class Row:
    """A job in the fake queue."""

    job: Job
    state: JobState
    due: float
    priority: Priority = Priority.ROUTINE
    lease_until: float = 0.0
    reason: str | None = None


@dataclass
class FakeQueue:
    """A queue in memory with the rules of the real one; `now` moves when the tests say so."""

    rows: dict[int, Row] = field(default_factory=dict)
    moved: float = 0.0
    reason_classes: list[ReasonClass] = field(default_factory=list)
    """Why jobs did not get on, in order."""

    def add(
        self,
        lane: str,
        subject_id: int,
        *,
        max_attempts: int | None = 3,
        after: timedelta = timedelta(0),
        priority: Priority = Priority.ROUTINE,
    ) -> int:
        """Enqueue a classify job and return its id."""
        number = len(self.rows) + 1
        job = Job(
            id=JobId(number),
            kind=JobKind.CLASSIFY,
            lane=lane,
            subject_id=subject_id,
            attempt=0,
            max_attempts=max_attempts,
            lease_token=UUID(int=0),
        )
        due = self._now() + after.total_seconds()
        self.rows[number] = Row(job=job, state=JobState.WAITING, due=due, priority=priority)
        return number

    def pass_time(self, by: timedelta) -> None:
        """Let time pass."""
        self.moved += by.total_seconds()

    def state(self, job_id: int) -> tuple[str, int, str | None]:
        """Return a job's state, attempts and reason."""
        row = self.rows[job_id]
        return row.state, row.job.attempt, row.reason

    def claim(self, lane: str, *, worker: str, lease: timedelta, limit: int = 1) -> list[Job]:
        """Lease the most urgent jobs, of several those due for longest."""
        claimed = [self._claim_one(lane, lease) for _ in range(limit)]
        del worker
        return [job for job in claimed if job is not None]

    def _claim_one(self, lane: str, lease: timedelta) -> Job | None:
        leased = {row.job.subject_id for row in self.rows.values() if row.state is JobState.LEASED}
        due = [
            row
            for row in self.rows.values()
            if row.state is JobState.WAITING
            and row.job.lane == lane
            and row.due <= self._now()
            and row.job.subject_id not in leased
        ]
        if not due:
            return None
        row = min(due, key=lambda candidate: (candidate.priority, candidate.due))
        self._move(row, JobState.LEASED)
        row.job = replace(row.job, attempt=row.job.attempt + 1, lease_token=uuid4())
        row.lease_until = self._now() + lease.total_seconds()
        return row.job

    def renew(self, jobs: Sequence[Job], *, lease: timedelta) -> frozenset[JobId]:
        """Extend the leases; return the jobs that were lost."""
        lost = set()
        for job in jobs:
            try:
                self._owned(job).lease_until = self._now() + lease.total_seconds()
            except LeaseLost:
                lost.add(job.id)
        return frozenset(lost)

    def finish(self, job: Job) -> None:
        """End the job well."""
        self._move(self._owned(job), JobState.DONE)

    def retry(self, job: Job, *, after: timedelta, reason: str, reason_class: ReasonClass) -> None:
        """Return the job, due later."""
        self.reason_classes.append(reason_class)
        row = self._owned(job)
        self._move(row, JobState.WAITING)
        row.due, row.reason = self._now() + after.total_seconds(), reason
        row.job = replace(row.job, last_failure=reason_class)

    def hold(self, job: Job, *, reason: str, reason_class: ReasonClass) -> None:
        """Take the job out."""
        self.reason_classes.append(reason_class)
        row = self._owned(job)
        self._move(row, JobState.HELD)
        row.reason = reason

    def release(self, jobs: Sequence[Job]) -> None:
        """Give jobs back, not counting the attempt; lost ones are left alone."""
        for job in jobs:
            row = self.rows[job.id]
            if row.job.lease_token == job.lease_token and row.state is JobState.LEASED:
                self._move(row, JobState.WAITING)
                row.job = replace(row.job, attempt=row.job.attempt - 1)

    def recall(self, lane: str) -> int:
        """Make what failed for a while due now."""
        later = [
            row
            for row in self.rows.values()
            if row.state is JobState.WAITING
            and row.job.lane == lane
            and row.due > self._now()
            and row.job.last_failure is ReasonClass.TRANSIENT
        ]
        for row in later:
            row.due = self._now()
        return len(later)

    def reap(self) -> int:
        """Take back what expired."""
        expired = [row for row in self.rows.values() if row.state is JobState.LEASED and row.lease_until < self._now()]
        for row in expired:
            self._move(row, JobState.HELD if row.job.is_last_attempt else JobState.WAITING)
            row.reason = "the worker died or hung: its lease expired"
        return len(expired)

    def age(self, *, step: timedelta) -> int:
        """Make what has been due for long more urgent."""
        old = [
            row
            for row in self.rows.values()
            if row.state is JobState.WAITING
            and row.priority > MOST_URGENT_BY_AGE
            and row.due < self._now() - step.total_seconds() * (4 - row.priority)
        ]
        for row in old:
            row.priority = Priority(row.priority - 1)
        return len(old)

    def wait(self, lane: str, *, at_most: timedelta) -> None:
        """Return at once: in the tests nobody enqueues meanwhile."""

    def wake(self) -> None:
        """Nobody sleeps."""

    def close(self) -> None:
        """Nothing to let go of."""

    def _owned(self, job: Job) -> Row:
        row = self.rows[job.id]
        if row.state is not JobState.LEASED or row.job.lease_token != job.lease_token:
            raise LeaseLost("the job's lease has passed to another worker")
        return row

    @staticmethod
    def _move(row: Row, state: JobState) -> None:
        check_transition(row.state, state)
        row.state = state

    def _now(self) -> float:
        return time.monotonic() + self.moved


@dataclass
class FakeFilms:
    """Films by their SOP Instance UID: a header each, and pixels or the reason why there are none."""

    headers: dict[str, FilmHeader] = field(default_factory=dict)
    broken: dict[str, Unsuitable] = field(default_factory=dict)

    def header(self, film: StoredFilm) -> FilmHeader:
        """Return the header, a PA chest film by default."""
        return self.headers.get(film.sop_instance_uid, FilmHeader(view=View.PA))

    def square(self, film: StoredFilm) -> SquareFilm:
        """Return a grey square."""
        if film.sop_instance_uid in self.broken:
            raise NotClassifiable(self.broken[film.sop_instance_uid])
        return np.full((224, 224), 0.5, dtype=np.float32)

    def printed(self, film: StoredFilm, *, most_pixels: int) -> Print:
        """Return a grey picture of 100 rows and columns, or fewer."""
        pixels = min(100, most_pixels)
        picture = np.full((pixels, pixels), 128, dtype=np.uint8)
        return Print(picture=picture, square=self.square(film), is_resized=pixels < 100)


@dataclass
class FakeDarkroom:
    """Develops in the thread that asks; or, while it is shut, when the test opens it."""

    reader: FakeFilms = field(default_factory=FakeFilms)
    failures: dict[str, Exception] = field(default_factory=dict)
    """By SOP Instance UID."""
    shut: bool = False
    waiting: list[tuple[Future[Developed], Sequence[StoredFilm], Mapping[SopInstanceUid, FilmHeader]]] = field(
        default_factory=list
    )

    def develop(self, films: Sequence[StoredFilm], seen: Mapping[SopInstanceUid, FilmHeader]) -> Future[Developed]:
        """Return what `worker.classify.develop` makes of the films."""
        future: Future[Developed] = Future()
        self.waiting.append((future, films, seen))
        if not self.shut:
            self.open()
        return future

    def print(self, film: StoredFilm, *, most_pixels: int) -> Future[Print]:
        """Return the reader's picture."""
        future: Future[Print] = Future()
        if film.sop_instance_uid in self.failures:
            future.set_exception(self.failures[film.sop_instance_uid])
        else:
            future.set_result(self.reader.printed(film, most_pixels=most_pixels))
        return future

    def open(self) -> None:
        """Develop what waits."""
        while self.waiting:
            future, films, seen = self.waiting.pop(0)
            if not future.set_running_or_notify_cancel():
                continue
            failure = next(
                (self.failures[one.sop_instance_uid] for one in films if one.sop_instance_uid in self.failures), None
            )
            if failure is not None:
                future.set_exception(failure)
            else:
                future.set_result(develop(self.reader, films, seen))


@dataclass
class FakeClassifier:
    """A network that always says the same."""

    answer: Probabilities = field(default_factory=lambda: Probabilities(covid19=0.7, normal=0.1, pneumonia=0.2))
    refuses: int = 0
    """How many squares it finds no lungs in, before it answers."""
    broken: int = 0
    """It fails where a batch is larger than this, if this is not 0."""
    seen: int = 0
    batches: list[int] = field(default_factory=list)

    @property
    def model(self) -> ModelVersion:
        """Which network this is."""
        return MODEL

    def classify(self, images: Sequence[GreyImage]) -> list[Probabilities]:
        """Return the answer for each image."""
        self.seen += len(images)
        return [self.answer for _ in images]

    def classify_squares(self, squares: Sequence[SquareFilm]) -> list[Probabilities | Unsuitable]:
        """Return the answer for each square; the sizes of the batches are kept."""
        self.batches.append(len(squares))
        if self.broken and len(squares) > self.broken:
            raise MemoryError
        refused = min(self.refuses, len(squares))
        self.refuses -= refused
        return [Unsuitable.NO_LUNGS] * refused + list(self.classify(squares[refused:]))

    def explain(self, images: Sequence[GreyImage]) -> list[Explanation | Unsuitable]:
        """Return the answer for each image, with all evidence in the film's upper left; no lung is found."""
        corner = np.array([[1.0, 0.0], [0.0, 0.0]], dtype=np.float32)
        whole = ExplainedLook(box=Box(0.0, 0.0, 1.0, 1.0), evidence=corner)
        mask = np.zeros((112, 112), dtype=np.float32)
        answer = Explanation(probabilities=self.answer, label=self.answer.label, looks=(whole,), mask=mask)
        return [answer for _ in self.classify(images)]


@dataclass
class RecordedEvents:
    """A log that keeps what it is told."""

    told: list[tuple[str, str, dict[str, object]]] = field(default_factory=list)

    def debug(self, event: str, /, **fields: object) -> None:
        """Keep nothing: nobody who reads the log at its usual level sees it."""

    def info(self, event: str, /, **fields: object) -> None:
        """Keep an event."""
        self.told.append(("info", event, fields))

    def warning(self, event: str, /, **fields: object) -> None:
        """Keep an event."""
        self.told.append(("warning", event, fields))

    def error(self, event: str, /, **fields: object) -> None:
        """Keep an event."""
        self.told.append(("error", event, fields))

    def names(self) -> list[str]:
        """Return the events' names, in order."""
        return [event for _, event, _ in self.told]
