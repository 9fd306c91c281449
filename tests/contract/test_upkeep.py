"""The duties' statements, in the real database."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from sqlalchemy import Engine, text

from db.duty_book import PostgresDutyBook
from db.engine import transaction
from db.intake import PostgresIntake
from db.job_desk import JobDesk
from db.outbox import PostgresDeliveries
from db.overview import overview
from db.queue import PostgresQueue, enqueue
from db.studies import PostgresStudies
from db.upkeep import PostgresUpkeep
from domain.duties import DutyName, Stuck, StuckLimits
from domain.film import ConflictPolicy, ReceivedInstance
from domain.findings import Findings, Probabilities
from domain.ids import StudyId
from domain.jobs import Job, JobKind, JobState, ReasonClass
from domain.priority import Priority
from tests.fakes import MODEL, examined, received
from tests.outbox import PROOF, reports_to

LEASE = timedelta(seconds=30)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
NOW = timedelta(0)


class Installation:
    """A database with what acts on it."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.upkeep = PostgresUpkeep(engine)
        self.desk = JobDesk(engine, actor="ann@host")
        self.queue = PostgresQueue(engine)

    def receive(self, *films: ReceivedInstance) -> StudyId:
        """Record films whose study is complete at once."""
        intake = PostgresIntake(self.engine, quiet=NOW, max_attempts=3, on_conflict=ConflictPolicy.REPLACE)
        recorded = [intake.record(one) for one in films][-1]
        intake.close()
        return recorded.study_id

    def claim(self, lane: str = "classify") -> Job:
        (job,) = self.queue.claim(lane, worker="host:1", lease=LEASE)
        return job

    def classify(self) -> None:
        """Do the next classification; its report is for `pacs`."""
        job = self.claim()
        studies = PostgresStudies(self.engine, routes=reports_to("pacs"))
        study = StudyId(job.subject_id)
        films = studies.films([study])[study]
        scores = Probabilities(covid19=0.7, normal=0.1, pneumonia=0.2)
        findings = Findings(model=MODEL, films=films, analysed=films[-1], probabilities=scores)
        studies.settle_classified([(job, examined(findings))])

    def deliver(self) -> None:
        """Have the next report acknowledged."""
        PostgresDeliveries(self.engine).settle_delivered(self.claim("deliver:pacs"), PROOF)

    def sweep(self, *, quiet: timedelta = NOW, window: timedelta = DAY) -> int:
        return self.upkeep.make_due_overlooked(quiet=quiet, window=window, max_attempts=5, at_most=100)

    def lose_jobs(self) -> None:
        """Do what must never happen."""
        self.run("DELETE FROM jobs")

    def pass_time(self, by: timedelta) -> None:
        """Move everything that happened back."""
        columns = {
            "studies": ("received_at", "last_received_at"),
            "instances": ("received_at",),
            "jobs": ("run_after", "turn", "created_at", "settled_at", "lease_until"),
            "job_history": ("happened_at",),
            "deliveries": ("created_at", "accepted_at"),
        }
        for table, names in columns.items():
            self.run(f"UPDATE {table} SET " + ", ".join(f"{name} = {name} - :by" for name in names), by=by)

    def run(self, statement: str, **values: object) -> None:
        with transaction(self.engine) as connection:
            connection.execute(text(statement), values)

    def number(self, query: str) -> int:
        with transaction(self.engine) as connection:
            return int(connection.execute(text(query)).scalar_one())

    def waiting(self) -> list[int]:
        return [job.subject_id for job in self.desk.jobs(states=[JobState.WAITING], lane="classify")]


@pytest.fixture
def here(engine: Engine) -> Installation:
    """An empty installation."""
    return Installation(engine)


def test_a_study_whose_job_is_lost_gets_another(here: Installation) -> None:
    """With its urgency and all its tries, due now; once."""
    study = here.receive(received(priority=Priority.STAT))
    here.lose_jobs()
    assert here.sweep() == 1
    assert here.sweep() == 0
    (job,) = here.desk.jobs(states=[JobState.WAITING])
    assert (job.subject_id, job.priority, job.max_attempts) == (study, Priority.STAT, 5)
    assert here.number("SELECT count(*) FROM jobs WHERE sender = 'XRAY1'") == 1
    assert here.claim().subject_id == study


def test_a_late_film_that_nobody_classified_is_not_overlooked(here: Installation) -> None:
    """Though the study has findings, of its other film."""
    study = here.receive(received(1))
    here.classify()
    here.receive(received(2))
    here.run("DELETE FROM jobs WHERE state = 'waiting' AND kind = 'classify'")
    assert here.sweep() == 1
    assert here.waiting() == [study]


def test_a_film_with_other_content_than_the_findings_saw_is_not_overlooked(here: Installation) -> None:
    """The content of today was never classified."""
    here.receive(received(1))
    here.classify()
    here.receive(received(1, digest="cd" * 32))
    here.run("DELETE FROM jobs WHERE state = 'waiting' AND kind = 'classify'")
    assert here.sweep() == 1


def test_what_is_classified_is_left_alone(here: Installation) -> None:
    """Also when its job is in the archive, or gone."""
    here.receive(received(1), received(2))
    here.classify()
    assert here.sweep() == 0
    here.lose_jobs()
    assert here.sweep() == 0


@pytest.mark.parametrize("state", ["waiting", "leased", "held"])
def test_what_somebody_will_classify_is_left_alone(here: Installation, state: str) -> None:
    """A job that waits or runs, or that a person must look at."""
    here.receive(received())
    if state != "waiting":
        job = here.claim()
        if state == "held":
            here.queue.hold(job, reason="why", reason_class=ReasonClass.PERMANENT)
    assert here.sweep() == 0


def test_a_cancelled_study_is_not_taken_up_again(here: Installation) -> None:
    """Not even when its job has gone to the archive."""
    here.receive(received())
    (job,) = here.desk.jobs(states=[JobState.WAITING])
    here.desk.cancel(job.id, "sent by mistake")
    assert here.sweep() == 0
    here.pass_time(2 * DAY)
    assert here.upkeep.archive_settled(older_than=DAY, at_most=10) == 1
    assert here.sweep(window=7 * DAY) == 0


def test_a_film_after_the_cancellation_counts_again(here: Installation) -> None:
    """As it does when its own job is not lost."""
    here.receive(received(1))
    (job,) = here.desk.jobs(states=[JobState.WAITING])
    here.desk.cancel(job.id, "sent by mistake")
    here.receive(received(2))
    here.run("DELETE FROM jobs WHERE state = 'waiting'")
    assert here.sweep() == 1


def test_a_study_is_taken_up_once_for_its_last_film(here: Installation) -> None:
    """What a job left without findings is not tried for ever, whether that job is archived or not."""
    here.receive(received())
    here.lose_jobs()
    here.pass_time(HOUR)
    assert here.sweep() == 1
    here.run("UPDATE jobs SET state = 'leased', lease_token = gen_random_uuid()")
    here.run("UPDATE jobs SET state = 'done', lease_token = NULL, settled_at = now()")
    assert here.sweep() == 0
    here.pass_time(2 * DAY)
    here.upkeep.archive_settled(older_than=DAY, at_most=10)
    assert here.sweep(window=7 * DAY) == 0


def test_studies_that_are_not_quiet_or_long_past_are_not_looked_at(here: Installation) -> None:
    """The one is still coming, the other would make each look longer."""
    here.receive(received())
    here.lose_jobs()
    assert here.sweep(quiet=HOUR) == 0
    here.pass_time(2 * DAY)
    assert here.sweep(window=DAY) == 0
    assert here.sweep(window=3 * DAY) == 1


def test_two_sweeps_at_once_make_one_job(here: Installation) -> None:
    """By a scheduler and by hand."""
    for study in range(40):
        here.receive(received(study=study))
    here.lose_jobs()
    counts: list[int] = []
    threads = [threading.Thread(target=lambda: counts.append(here.sweep())) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(counts) == here.number("SELECT count(*) FROM jobs") == 40


def test_stuck_work_is_counted_by_its_kind(here: Installation) -> None:
    """Unclaimed, in hand for too long, held, unacknowledged."""
    for study in range(4):
        here.receive(received(study=study))
    here.classify()
    here.claim()
    here.queue.hold(here.claim(), reason="why", reason_class=ReasonClass.PERMANENT)
    limits = StuckLimits(waiting=HOUR, leased=HOUR, undelivered=HOUR)
    assert here.upkeep.stuck(limits) == Stuck(waiting=0, leased=0, held=1, undelivered=0)
    here.pass_time(2 * HOUR)
    # One classification and the delivery wait.
    assert here.upkeep.stuck(limits) == Stuck(waiting=2, leased=1, held=1, undelivered=1)


def test_a_paused_lane_is_not_stuck(here: Installation) -> None:
    """People know that nothing is claimed there."""
    here.receive(received())
    here.pass_time(2 * HOUR)
    here.desk.pause("classify", "new network")
    limits = StuckLimits(waiting=HOUR, leased=HOUR, undelivered=HOUR)
    assert here.upkeep.stuck(limits).waiting == 0


def test_a_report_whose_delivery_was_cancelled_is_not_stuck(here: Installation) -> None:
    """Whether its job is archived or not."""
    here.receive(received())
    here.classify()
    (job,) = here.desk.jobs(states=[JobState.WAITING])
    here.desk.cancel(job.id, "the PACS has it")
    here.pass_time(2 * DAY)
    limits = StuckLimits(waiting=HOUR, leased=HOUR, undelivered=HOUR)
    assert here.upkeep.stuck(limits).undelivered == 0
    here.upkeep.archive_settled(older_than=DAY, at_most=10)
    assert here.upkeep.stuck(limits).undelivered == 0


def test_a_job_that_is_at_work_again_has_its_own_time(here: Installation) -> None:
    """An earlier try, long ago, does not count."""
    here.receive(received())
    here.queue.release([here.claim()])
    here.pass_time(2 * HOUR)
    here.claim()
    limits = StuckLimits(waiting=HOUR, leased=HOUR, undelivered=HOUR)
    assert here.upkeep.stuck(limits).leased == 0


def test_old_settled_jobs_go_to_the_archive_with_their_history(here: Installation) -> None:
    """And are found there as before; what is young stays."""
    here.receive(received())
    here.classify()
    (done,) = here.desk.jobs(states=[JobState.DONE])
    before = here.desk.show(done.id)
    assert here.upkeep.archive_settled(older_than=DAY, at_most=10) == 0
    here.pass_time(2 * DAY)
    before = here.desk.show(done.id)
    assert here.upkeep.archive_settled(older_than=DAY, at_most=10) == 1
    assert here.desk.jobs(states=[JobState.DONE]) == []
    assert here.number("SELECT count(*) FROM job_history WHERE after = 'done'") == 0
    assert before is not None
    assert len(before[1]) == 2
    assert here.desk.show(done.id) == before
    assert here.desk.requeue(done.id) == "it is done"
    assert "classify" in here.desk.lanes()


@pytest.mark.parametrize("state", ["waiting", "leased", "held"])
def test_what_is_not_settled_is_never_archived(here: Installation, state: str) -> None:
    """However old."""
    here.receive(received())
    if state != "waiting":
        job = here.claim()
        if state == "held":
            here.queue.hold(job, reason="why", reason_class=ReasonClass.PERMANENT)
    here.pass_time(900 * DAY)
    assert here.upkeep.archive_settled(older_than=DAY, at_most=10) == 0


def test_the_archive_takes_so_many_at_once_the_oldest_first(here: Installation) -> None:
    """No transaction is larger."""
    for study in range(3):
        here.receive(received(study=study))
        here.classify()
        here.pass_time(2 * DAY)
    oldest, *others = [job.id for job in here.desk.jobs(states=[JobState.DONE])]
    assert here.upkeep.archive_settled(older_than=DAY, at_most=1) == 1
    assert [job.id for job in here.desk.jobs(states=[JobState.DONE])] == others
    assert here.number("SELECT id FROM jobs_archive") == oldest
    assert here.upkeep.archive_settled(older_than=DAY, at_most=1) == 1


def test_two_archivists_do_not_wait_for_each_other(here: Installation) -> None:
    """What one has in hand the other passes over."""
    for study in range(2):
        here.receive(received(study=study))
        here.classify()
    here.pass_time(2 * DAY)
    with transaction(here.engine) as connection:
        connection.execute(text("SELECT id FROM jobs WHERE state = 'done' ORDER BY id LIMIT 1 FOR UPDATE"))
        assert here.upkeep.archive_settled(older_than=DAY, at_most=10) == 1
    assert here.upkeep.archive_settled(older_than=DAY, at_most=10) == 1


def test_the_figures_of_an_hour(here: Installation) -> None:
    """What waits now, and what was done in the hour before."""
    for study in range(4):
        here.receive(received(study=study))
    for _ in range(3):
        here.classify()
    for _ in range(2):
        here.deliver()
    # The two reports were acknowledged 10 and 30 s after their films, in the hour before this one.
    then = "date_trunc('hour', now()) - interval '1 minute'"
    here.run(f"UPDATE jobs SET settled_at = {then} WHERE state = 'done'")
    here.run(f"UPDATE deliveries SET accepted_at = {then} WHERE accepted_at IS NOT NULL")
    here.run(f"UPDATE instances SET received_at = {then} - interval '10 seconds' - (id - 1) * interval '20 seconds'")
    here.run("UPDATE jobs SET run_after = now() - interval '5 minutes' WHERE kind = 'classify' AND state = 'waiting'")
    assert here.upkeep.take_statistics(keep=DAY) == 8
    with transaction(here.engine) as connection:
        rows = connection.execute(text("SELECT name, value FROM statistics"))
        figures = {row.name: round(row.value) for row in rows}
    assert figures == {
        "waiting:classify": 1,
        "waiting:deliver:pacs": 1,
        "oldest_due_seconds": 300,
        "held": 0,
        "undelivered": 1,
        "done_in_hour": 5,
        "delivery_seconds_median": 20,
        "delivery_seconds_p95": 29,
    }


def test_figures_that_are_taken_again_take_the_place_of_those_before(here: Installation) -> None:
    """One row for each figure of an hour; old ones go."""
    here.upkeep.take_statistics(keep=DAY)
    here.run("UPDATE statistics SET at = at - interval '3 days' WHERE name = 'held'")
    here.receive(received())
    here.run("INSERT INTO statistics (at, name, value) VALUES (now() - interval '23 hours', 'held', 1)")
    here.upkeep.take_statistics(keep=DAY)
    assert here.number("SELECT count(*) FROM statistics WHERE name = 'held'") == 2
    assert here.number("SELECT count(*) FROM statistics WHERE name = 'undelivered'") == 1


def test_a_table_that_has_changed_much_is_analyzed_once(here: Installation) -> None:
    """Where the server has not come to it by itself."""
    here.run("ALTER TABLE jobs SET (autovacuum_enabled = off)")
    here.run(
        "INSERT INTO jobs (kind, lane, subject_id) SELECT 'classify', 'classify', n FROM generate_series(1, 2000) AS n"
    )
    here.run("SELECT pg_stat_force_next_flush()") if here.number("SHOW server_version_num") >= 150000 else None
    assert here.upkeep.refresh_planner() == 1
    assert here.number("SELECT reltuples FROM pg_class WHERE relname = 'jobs'") == 2000
    assert here.upkeep.refresh_planner() == 0


def test_the_book_of_duties_tells_of_runs_and_failures(here: Installation) -> None:
    """One that never ran is there too; a good run ends the trouble of a bad one, and its number stays."""
    book = PostgresDutyBook(here.engine)
    book.begin(DutyName.STUCK)
    book.end(DutyName.STUCK, seconds=0.5, count=3)
    book.begin(DutyName.STUCK)
    book.fail(DutyName.STUCK, seconds=0.1, error="the spool can't be read")
    records = {record.name: record for record in book.records()}
    assert list(records) == list(DutyName)
    assert (records[DutyName.AGING].runs, records[DutyName.AGING].age_seconds) == (0, None)
    failed = records[DutyName.STUCK]
    assert (failed.runs, failed.failures, failed.last_count, failed.last_error) == (2, 1, 3, "the spool can't be read")
    assert failed.age_seconds is not None
    book.begin(DutyName.STUCK)
    book.end(DutyName.STUCK, seconds=0.5, count=0)
    ended = overview(here.engine).duties[list(DutyName).index(DutyName.STUCK)]
    assert (ended.runs, ended.failures, ended.last_count, ended.last_error) == (3, 1, 0, None)


def test_jobs_of_other_kinds_are_archived_too(here: Installation) -> None:
    """Deliveries and commitments."""
    for kind in JobKind:
        with transaction(here.engine) as connection:
            enqueue(connection, kind, f"{kind}:x", 1, max_attempts=None, after=NOW)
    for job in here.desk.jobs(states=[JobState.WAITING]):
        here.desk.cancel(job.id, "why")
    here.pass_time(2 * DAY)
    assert here.upkeep.archive_settled(older_than=DAY, at_most=10) == len(JobKind)
