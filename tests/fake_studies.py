"""Studies in memory that stand in for the database."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from domain.errors import LeaseLost
from domain.film import StoredFilm
from domain.findings import Examination, Findings
from domain.ids import JobId, StudyId
from domain.jobs import Job
from tests.fakes import FakeQueue


@dataclass
class FakeStudies:
    """Studies by id, and what was stored of them."""

    queue: FakeQueue
    by_id: dict[int, tuple[StoredFilm, ...]] = field(default_factory=dict)
    stored: list[Findings] = field(default_factory=list)
    seen: list[Examination] = field(default_factory=list)
    failures: list[Exception] = field(default_factory=list)
    """Raised by the next calls, one each."""
    settled: list[int] = field(default_factory=list)
    """How many results each transaction had."""

    def films(self, study_ids: Sequence[StudyId]) -> dict[StudyId, tuple[StoredFilm, ...]]:
        """Return the films of studies."""
        return {study_id: self.by_id[study_id] for study_id in study_ids if study_id in self.by_id}

    def settle_classified(self, results: Sequence[tuple[Job, Examination]]) -> frozenset[JobId]:
        """Keep the findings and end the jobs that are not lost."""
        if self.failures:
            raise self.failures.pop(0)
        self.settled.append(len(results))
        lost = set()
        for job, examination in results:
            try:
                self.queue.finish(job)
            except LeaseLost:
                lost.add(job.id)
            else:
                self.seen.append(examination)
                self.stored.append(examination.findings)
        return frozenset(lost)
