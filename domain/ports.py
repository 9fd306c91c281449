"""What the worker needs from the other rooms, as protocols; each has an adapter and a fake."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from concurrent.futures import Future
    from datetime import timedelta

    from domain.commitment import CommitmentReport, CommitmentRequest, PendingCommitment
    from domain.duties import DutyName, DutyRecord, Stuck, StuckLimits
    from domain.explanation import Explanation
    from domain.film import (
        Developed,
        FilmHeader,
        GreyImage,
        Picture,
        Plate,
        Print,
        ReceivedInstance,
        Recorded,
        SquareFilm,
        StoredFilm,
        Unsuitable,
    )
    from domain.findings import Examination, Findings, ModelVersion, Probabilities
    from domain.ids import CommitmentId, JobId, SopInstanceUid, StudyId
    from domain.jobs import Job, ReasonClass


class Classifier(Protocol):
    """A loaded network."""

    @property
    def model(self) -> ModelVersion:
        """Which network this is."""
        ...

    def classify(self, images: Sequence[GreyImage]) -> list[Probabilities | Unsuitable]:
        """Return one result per image, in order: probabilities, or why the image is no usable frontal chest film.

        An empty sequence gives an empty list.
        """
        ...

    def classify_squares(self, squares: Sequence[SquareFilm]) -> list[Probabilities | Unsuitable]:
        """Return the same for films that were prepared before, in one computation."""
        ...


class Explainer(Classifier, Protocol):
    """A loaded network that also says where in a film it found its answer."""

    def explain(self, images: Sequence[GreyImage]) -> list[Explanation | Unsuitable]:
        """Return what `classify` returns, with the evidence for the most probable class, one entry per image."""
        ...


class Illustrator(Protocol):
    """Draws what a network saw."""

    def illustrate(self, findings: Findings, film: Print) -> Picture:
        """Return the film with the result in a strip below it, and the evidence for it in colour above the film.

        Without colours where another network than ours made the findings. No patient's data is written into it.
        """
        ...


class FilmReader(Protocol):
    """Access to the films in the store."""

    def header(self, film: StoredFilm) -> FilmHeader:
        """Say what the film is by its header; never raises for bad content, it becomes a reason.

        Raises:
            Transient: the store can't be read now.
        """
        ...

    def square(self, film: StoredFilm) -> SquareFilm:
        """Return the film, rendered and prepared for the networks.

        Raises:
            NotClassifiable: the pixels can't be used, with the reason.
            Transient: the store can't be read now.
        """
        ...


class FilmPrinter(FilmReader, Protocol):
    """Access to the films in the store that also makes pictures of them."""

    def printed(self, film: StoredFilm, *, most_pixels: int) -> Print:
        """Return the film with at most so many rows and columns, and the square that `square` returns.

        Raises:
            NotClassifiable: the pixels can't be used, with the reason.
            Transient: the store can't be read now.
        """
        ...


class FilmDuplicator(FilmPrinter, Protocol):
    """Access to the films in the store that also returns their grey levels."""

    def plate(self, film: StoredFilm, *, most_pixels: int) -> Plate:
        """Return the film before its window, with at most so many rows and columns.

        Raises:
            NotClassifiable: the pixels can't be used, with the reason.
            Transient: the store can't be read now.
        """
        ...


class Darkroom(Protocol):
    """Where films are read, decoded and prepared, so that a film that kills its decoder harms nobody else."""

    def develop(self, films: Sequence[StoredFilm], seen: Mapping[SopInstanceUid, FilmHeader]) -> Future[Developed]:
        """Prepare the best film of a study; `seen` holds what is known of its films from a look before, or nothing.

        The future can be cancelled until the work begins. It fails with:
            Transient: the store can't be read now.
            Crashed: decoding ended the process, or took more memory or time than it may.
            Misconfigured: nothing can be developed at all.
        """
        ...

    def print(self, film: StoredFilm, *, most_pixels: int) -> Future[Print]:
        """Make a picture of a film, of at most so many rows and columns.

        The future fails as that of `develop` does, and with:
            Permanent: the film has no pixels that can be shown.
        """
        ...


class Queue(Protocol):
    """Jobs that survive everything."""

    def claim(self, lane: str, *, worker: str, lease: timedelta, limit: int = 1) -> list[Job]:
        """Lease the most urgent due jobs of a lane, in the order of their senders' turns; at most `limit`.

        While the lane is paused there is none.
        """
        ...

    def renew(self, jobs: Sequence[Job], *, lease: timedelta) -> frozenset[JobId]:
        """Extend the leases; return those of the jobs that belong to somebody else now."""
        ...

    def retry(self, job: Job, *, after: timedelta, reason: str, reason_class: ReasonClass) -> None:
        """Return the job to its lane, due later.

        Raises:
            LeaseLost: the job belongs to somebody else now.
        """
        ...

    def hold(self, job: Job, *, reason: str, reason_class: ReasonClass) -> None:
        """Take the job out of its lane, visible to operators, until one requeues it.

        Raises:
            LeaseLost: the job belongs to somebody else now.
        """
        ...

    def release(self, jobs: Sequence[Job]) -> None:
        """Give unfinished jobs back at once, not counting the attempt; those that were lost are left alone."""
        ...

    def recall(self, lane: str) -> int:
        """Make due at once what waits in a lane for another try after a transient failure; say how many jobs."""
        ...

    def reap(self) -> int:
        """Return jobs of expired leases to their lanes, hold those out of attempts; say how many."""
        ...

    def age(self, *, step: timedelta) -> int:
        """Make what has been due for long more urgent, so that nothing starves; say how many jobs rose.

        LOW becomes ROUTINE after one step, ROUTINE becomes HIGH after two; nothing becomes STAT.
        """
        ...

    def wait(self, lane: str, *, at_most: timedelta) -> None:
        """Sleep until a job of the lane may be due, one is announced, `wake` is called, or the time is up."""
        ...

    def wake(self) -> None:
        """Wake every thread that waits."""
        ...

    def close(self) -> None:
        """Let go of what `wait` needed."""
        ...


class Intake(Protocol):
    """The rows of what was received."""

    def record(self, instance: ReceivedInstance) -> Recorded:
        """Commit study, series, instance and the study's job in one transaction; known content changes nothing.

        Raises:
            Transient: the database is away; whether the commit happened is not known.
        """
        ...

    def complete(self, study_ids: Sequence[StudyId]) -> None:
        """Make studies due at once whose jobs still wait for quiet.

        Raises:
            Transient: the database is away.
        """
        ...


class Studies(Protocol):
    """Received studies and their results."""

    def films(self, study_ids: Sequence[StudyId]) -> dict[StudyId, tuple[StoredFilm, ...]]:
        """Return every film of each study, in the order of reception; a study without films is left out."""
        ...

    def settle_classified(self, results: Sequence[tuple[Job, Examination]]) -> frozenset[JobId]:
        """Store findings, a delivery with its job for each route that applies, and the jobs' ends, in one transaction.

        A peer that was told an earlier result of the study is told the later one as well, whatever the route says.

        What was seen of each film is stored with them. Findings that are already stored (same study, films and model)
        are not stored twice. Of the jobs that belong to somebody else now nothing is stored; they are returned.
        """
        ...


class CommitmentDesk(Protocol):
    """Where requests for storage commitment are left."""

    def ask(self, request: CommitmentRequest) -> bool:
        """Commit the request and the job of its answer; say whether there is a peer to answer to.

        A request that is made again is answered again.

        Raises:
            Transient: the database is away.
        """
        ...


class Commitments(Protocol):
    """Requests for storage commitment that wait for their answers."""

    def load(self, commitment_id: CommitmentId) -> PendingCommitment:
        """Return what to answer, to whom, and what the database knows of it."""
        ...

    def settle_reported(self, job: Job, report: CommitmentReport) -> None:
        """Record that the peer took the answer, and end the job, in one transaction.

        Raises:
            LeaseLost: the job belongs to somebody else now.
        """
        ...


class Vault(Protocol):
    """The files of received instances."""

    def holds(self, path: str) -> bool:
        """Whether there is a whole, durable file in a place of the store.

        Raises:
            Transient: the store can't be read now.
        """
        ...


class CommitmentReporter(Protocol):
    """Tells a peer which of its instances are safe."""

    def report(self, report: CommitmentReport) -> None:
        """Send the N-EVENT-REPORT and return when the peer took it.

        Raises:
            Transient: the peer is away or busy.
            Permanent: the peer refused the answer for good; the message names its status.
        """
        ...


class Upkeep(Protocol):
    """What the duties need of the database; each method may be called again, and by two processes at once.

    Each raises `Transient` while the database is away.
    """

    def make_due_overlooked(self, *, quiet: timedelta, window: timedelta, max_attempts: int, at_most: int) -> int:
        """Give studies a classify job whose films no findings speak about and that nobody is going to classify.

        Looked at are films received within `window`, of studies with no new film for `quiet`; say how many studies.
        """
        ...

    def stuck(self, limits: StuckLimits) -> Stuck:
        """Count the work that does not get on."""
        ...

    def archive_settled(self, *, older_than: timedelta, at_most: int) -> int:
        """Move jobs that were done or cancelled long ago out of the queue, with their history; say how many."""
        ...

    def take_statistics(self, *, keep: timedelta) -> int:
        """Write down the figures of this hour, forget those older than `keep`; say how many were written."""
        ...

    def refresh_planner(self) -> int:
        """Let the server look again at tables that have changed much since it last did; say how many."""
        ...


class DutyBook(Protocol):
    """What is known of the duties' runs; each method raises `Transient` while the database is away."""

    def begin(self, name: DutyName) -> None:
        """Write down that a run begins."""
        ...

    def end(self, name: DutyName, *, seconds: float, count: int) -> None:
        """Write down that it ended well."""
        ...

    def fail(self, name: DutyName, *, seconds: float, error: str) -> None:
        """Write down that it failed; the text holds no patient's data."""
        ...

    def records(self) -> tuple[DutyRecord, ...]:
        """Return what is known of every duty, in the order of their names' class."""
        ...


class SchedulerLock(Protocol):
    """The right to run the duties; one process has it at a time and loses it with its connection."""

    def take(self) -> bool:
        """Say whether we have it now.

        Raises:
            Transient: the database is away.
        """
        ...

    def check(self) -> None:
        """Return if we still have it.

        Raises:
            Transient: we may have lost it.
        """
        ...

    def release(self) -> None:
        """Let go of it, if we have it."""
        ...
