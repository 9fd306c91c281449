"""The line of classifications: claim, develop, classify and settle overlap, and each takes many studies at once."""

from __future__ import annotations

import queue as queues
import threading
import time
from concurrent.futures import Future
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from domain.errors import Permanent, Transient
from domain.film import Developed, Unsuitable
from domain.ids import StudyId
from domain.measures import BATCH_STUDIES, RESULTS, SCORES, STAGE_SECONDS
from worker.classify import examination, refused
from worker.leases import Leases
from worker.loop import LONGEST_SLEEP

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import timedelta

    from domain.film import FilmHeader, SquareFilm, StoredFilm
    from domain.findings import Examination, Findings, Probabilities
    from domain.ids import SopInstanceUid
    from domain.jobs import Job
    from domain.ports import Classifier, Darkroom, Studies
    from worker.aftermath import Aftermath
    from worker.guard import Guard

_LOOK_SECONDS = 0.2
"""How often an idle thread looks whether it should end."""
_LISTS_AHEAD = 2
"""Batches that may wait to be settled before the network waits for the database."""

Result = tuple["Job", "Examination"]


@dataclass(kw_only=True)
class _Study:
    """A claimed study on its way through the line."""

    job: Job
    films: tuple[StoredFilm, ...]
    seen: Mapping[SopInstanceUid, FilmHeader] = field(default_factory=dict)
    """What is known of its films."""
    development: Future[Developed] = field(default_factory=Future)
    handed_over: float = 0.0
    """When it went to the darkroom, by the monotonic clock."""


@dataclass(kw_only=True)
class Pipeline:
    """Works off the lane of classifications until its guard has it stop.

    A thread claims as much as there is room for and hands it to the darkroom; this one gathers what is developed,
    computes it at once and hands it to a third, which settles it in one transaction. So the network waits neither for
    the store nor for the database.
    """

    guard: Guard
    studies: Studies
    darkroom: Darkroom
    classifier: Classifier
    worker: str
    lease: timedelta
    aftermath: Aftermath
    batch: int
    """Studies that are computed at once, at most."""
    patience: timedelta
    """How long a study may wait for others that are being developed."""
    leases: Leases = field(init=False)
    _developed: queues.SimpleQueue[_Study] = field(default_factory=queues.SimpleQueue)
    _results: queues.Queue[list[Result] | None] = field(default_factory=lambda: queues.Queue(_LISTS_AHEAD))
    _developing: dict[int, _Study] = field(default_factory=dict)
    """By job: handed to the darkroom and not yet taken from it."""
    _room: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self.leases = Leases(
            queue=self.guard.queue, length=self.lease, events=self.guard.events, meters=self.guard.meters
        )

    @property
    def capacity(self) -> int:
        """Studies on their way at the same time: a batch in the network, one behind it, one that is developed."""
        return 3 * self.batch

    def run(self) -> None:
        """Work until told to stop; what is begun is finished first, the rest is given back."""
        feeder = threading.Thread(target=self._feed, name=f"{self.guard.lane}-feed", daemon=True)
        settler = threading.Thread(target=self._settle, name=f"{self.guard.lane}-settle", daemon=True)
        for thread in (feeder, settler):
            thread.start()
        while feeder.is_alive() or self._developing:
            batch = self._gather()
            if batch and not self.guard.does(partial(self._judge, batch)):
                self._drop([study.job for study in batch if study.job.id not in self._developing])
        self._results.put(None)
        settler.join()
        self.guard.does(self.leases.give_back)

    def _feed(self) -> None:
        """Claim what there is room for, until told to stop; then take back what the darkroom has not begun."""
        while not self.guard.stop.is_set():
            self.guard.does(self._claim)
        for study in list(self._developing.values()):
            study.development.cancel()

    def _claim(self) -> None:
        room = self.capacity - len(self.leases)
        if room <= 0:
            self._room.wait(_LOOK_SECONDS)
            self._room.clear()
            return
        jobs = self.guard.queue.claim(self.guard.lane, worker=self.worker, lease=self.lease, limit=room)
        if not jobs:
            self.guard.queue.wait(self.guard.lane, at_most=LONGEST_SLEEP)
            return
        films = self.studies.films([StudyId(job.subject_id) for job in jobs])  # if this fails, their leases expire
        self.leases.take(jobs)
        for job in jobs:
            self.guard.tracer.tell("queue", job.subject_id, job.due_for_seconds, lane=job.lane, attempt=job.attempt)
            if StudyId(job.subject_id) in films:
                self._develop(_Study(job=job, films=films[StudyId(job.subject_id)]))
            else:
                self._failed(job, Permanent("the study has no films"))

    def _develop(self, study: _Study) -> None:
        self._developing[study.job.id] = study
        study.handed_over = time.monotonic()
        study.development = self.darkroom.develop(study.films, study.seen)
        study.development.add_done_callback(lambda _: self._developed.put(study))

    def _gather(self) -> list[_Study]:
        """Return developed studies: as soon as there is one, as many as come within the patience, at most a batch."""
        try:
            batch = [self._take(_LOOK_SECONDS)]
        except queues.Empty:
            return []
        until = time.monotonic() + self.patience.total_seconds()
        while len(batch) < self.batch and self._developing:
            try:
                batch.append(self._take(max(until - time.monotonic(), 0.0)))
            except queues.Empty:
                break
        return batch

    def _take(self, seconds: float) -> _Study:
        study = self._developed.get(timeout=seconds) if seconds else self._developed.get_nowait()
        self._developing.pop(study.job.id, None)
        return study

    def _judge(self, batch: Sequence[_Study]) -> None:
        """Classify what can be, and hand on what is known then; the rest is developed again, given back or failed."""
        results: list[Result] = []
        pictures: list[tuple[_Study, Developed, SquareFilm]] = []
        for study in batch:
            developed = self._outcome(study)
            if developed is None or not self._is_ours(study.job):
                continue
            if developed.square is None:
                results.append((study.job, examination(self.classifier.model, study.films, developed, None)))
            else:
                pictures.append((study, developed, developed.square))
        for (study, developed, _), answer in zip(pictures, self._answers(pictures), strict=True):
            if isinstance(answer, Exception):
                self._failed(study.job, answer)
            elif isinstance(answer, Unsuitable):
                assert developed.film is not None  # noqa: S101 - a square is one of a film
                study.seen = refused(developed.seen, developed.film, answer)
                self._develop(study)
            else:
                results.append((study.job, examination(self.classifier.model, study.films, developed, answer)))
        if results:
            self._results.put(results)

    def _outcome(self, study: _Study) -> Developed | None:
        """Return what the darkroom made of a study; None where it failed or was taken back."""
        if study.development.cancelled():
            return None  # told to stop: it is given back with the rest
        error = study.development.exception()
        if error is None:
            developed = study.development.result()
            self._timed("darkroom", time.monotonic() - study.handed_over, study.job)
            for stage, seconds in developed.seconds.items():
                self._timed(stage, seconds)
            return developed
        self._failed(study.job, error if isinstance(error, Exception) else RuntimeError())
        return None

    def _answers(
        self, pictures: Sequence[tuple[_Study, Developed, SquareFilm]]
    ) -> list[Probabilities | Unsuitable | Exception]:
        """Return what the network says of each; if it fails at all of them together, each has its own failure."""
        squares = [square for _, _, square in pictures]
        if not squares:
            return []
        began = time.monotonic()
        try:
            answers = list(self.classifier.classify_squares(squares))
            self.guard.pulse.beat()
        except Exception as error:  # noqa: BLE001 - one of them is at fault, or the batch was too large for the memory
            if len(squares) == 1:
                return [error]
        else:
            seconds = time.monotonic() - began
            self._timed("network", seconds, *(study.job for study, _, _ in pictures))
            self.guard.meters.observe(BATCH_STUDIES, len(squares))
            self.guard.events.debug("batch-computed", count=len(squares), seconds=round(seconds, 3))
            return [*answers]
        return [answer for picture in pictures for answer in self._answers([picture])]

    def _settle(self) -> None:
        """Store results as they come, until there are no more."""
        while (results := self._results.get()) is not None:
            begun = time.monotonic()
            while not self.guard.does(partial(self._store, results)):
                if time.monotonic() - begun > self.lease.total_seconds():
                    for job, _ in results:  # others take the studies up
                        self.aftermath.lost(job)
                    break
            self._drop([job for job, _ in results])

    def _store(self, results: Sequence[Result]) -> None:
        began = time.monotonic()
        try:
            lost = self.studies.settle_classified(results)
        except Transient:
            raise
        except Exception as error:  # noqa: BLE001 - it ends one study's try
            if len(results) > 1:  # one of them is at fault: each for itself
                for result in results:
                    self._store([result])
                return
            self.aftermath.failed(results[0][0], error)
            return
        self._timed("settle", time.monotonic() - began, *(job for job, _ in results))
        for job, examined in results:
            if job.id in lost:
                self.aftermath.lost(job)
            else:
                self.aftermath.done(job, examined.findings.outcome)
                self._count(examined.findings)

    def _timed(self, stage: str, seconds: float, *jobs: Job) -> None:
        self.guard.meters.observe(STAGE_SECONDS, seconds, stage=stage)
        for job in jobs:
            self.guard.tracer.tell(stage, job.subject_id, seconds, attempt=job.attempt)

    def _count(self, findings: Findings) -> None:
        self.guard.meters.add(RESULTS, outcome=findings.outcome)
        scores = {} if findings.probabilities is None else findings.probabilities.as_dict()
        network = f"{findings.model.name} {findings.model.version}"
        for label, score in scores.items():
            self.guard.meters.observe(SCORES, score, network=network, label=label)

    def _is_ours(self, job: Job) -> bool:
        """Whether the job is still ours; while the queue can't be asked it is taken for so, and settling will tell."""
        try:
            return self.leases.still_ours(job)
        except Transient:
            return True

    def _failed(self, job: Job, error: Exception) -> None:
        """Settle a job that failed; while the queue is away its lease is left to expire."""
        try:
            self.aftermath.failed(job, error)
        except Transient as trouble:
            self.guard.events.warning("database-away", lane=self.guard.lane, reason=str(trouble))
        finally:
            self._drop([job])

    def _drop(self, jobs: Sequence[Job]) -> None:
        self.leases.drop(jobs)
        self._room.set()
