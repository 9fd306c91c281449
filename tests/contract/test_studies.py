"""From a received instance to a delivery, in the real database."""

from __future__ import annotations

import hashlib
import threading
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import Engine, text

from db.engine import transaction
from db.intake import PostgresIntake
from db.outbox import PostgresDeliveries
from db.overview import overview
from db.queue import PostgresQueue, enqueue
from db.studies import PostgresStudies
from domain.film import FilmHeader, ReceivedInstance, Reception, Unsuitable, View
from domain.findings import Examination, Findings, ModelVersion, Probabilities
from domain.ids import DeliveryId, SeriesUid, SopInstanceUid, StudyId, StudyUid
from domain.jobs import Job, JobKind, ReasonClass
from domain.priority import Priority
from tests.fakes import MODEL, examined
from tests.outbox import PROOF, reports_to
from tests.peers import wait_for

LEASE = timedelta(seconds=30)
SCORES = Probabilities(covid19=0.7, normal=0.1, pneumonia=0.2)


def instance(number: int, *, content: str = "", study: str = "2.25.1") -> ReceivedInstance:
    digest = hashlib.sha256(f"{study} {number} {content}".encode()).hexdigest()
    return ReceivedInstance(
        study_uid=StudyUid(study),
        series_uid=SeriesUid(f"{study}.9"),
        sop_instance_uid=SopInstanceUid(f"{study}.9.{number}"),
        sop_class_uid="1.2.840.10008.5.1.4.1.1.1.1",
        transfer_syntax_uid="1.2.840.10008.1.2.1",
        modality="DX",
        digest=digest,
        size_bytes=1000,
        path=f"{digest}.dcm",
        calling_ae_title="XRAY1",
    )


@pytest.fixture
def intake(engine: Engine) -> PostgresIntake:
    """An intake whose studies are complete at once."""
    return PostgresIntake(engine, quiet=timedelta(0), max_attempts=3)


def count(engine: Engine, table: str) -> int:
    with transaction(engine) as connection:
        return int(connection.execute(text(f"SELECT count(*) FROM {table}")).scalar_one())


def statistic(engine: Engine, query: str) -> int:
    with transaction(engine) as connection:
        return int(connection.execute(text(query)).scalar_one())


def classify_again(engine: Engine, study_id: int) -> None:
    """Add a second job for a study."""
    with transaction(engine) as connection:
        enqueue(connection, JobKind.CLASSIFY, "classify", study_id, max_attempts=3, after=timedelta(0))


def claim(engine: Engine, lane: str = "classify") -> Job:
    (job,) = PostgresQueue(engine).claim(lane, worker="host:1", lease=LEASE)
    return job


def findings(engine: Engine, study_id: int, model: ModelVersion = MODEL) -> Findings:
    films = PostgresStudies(engine, routes=[]).films([StudyId(study_id)])[StudyId(study_id)]
    return Findings(model=model, films=films, analysed=films[-1], probabilities=SCORES)


def test_an_instance_brings_its_study_series_and_job(engine: Engine, intake: PostgresIntake) -> None:
    """One transaction makes all rows."""
    recorded = intake.record(instance(1))
    assert recorded.reception is Reception.NEW
    assert claim(engine).subject_id == recorded.study_id
    assert [count(engine, table) for table in ("studies", "series", "instances", "jobs")] == [1, 1, 1, 1]


def test_a_resent_instance_changes_nothing(engine: Engine, intake: PostgresIntake) -> None:
    """The first file stays the one that counts, and no second job is made."""
    intake.record(instance(1))
    again = intake.record(instance(1))
    assert (again.reception, again.path) == (Reception.DUPLICATE, instance(1).path)
    assert [count(engine, table) for table in ("instances", "jobs")] == [1, 1]


def test_a_second_film_postpones_the_studys_job(engine: Engine) -> None:
    """The study is due when it was quiet, counted from its last film."""
    intake = PostgresIntake(engine, quiet=timedelta(hours=1), max_attempts=3)
    intake.record(instance(1))
    with transaction(engine) as connection:
        connection.execute(text("UPDATE jobs SET run_after = now() - interval '1 second'"))
    intake.record(instance(2))
    assert PostgresQueue(engine).claim("classify", worker="host:1", lease=LEASE) == []
    assert count(engine, "jobs") == 1


def test_a_sender_may_have_a_quiet_time_of_its_own(engine: Engine) -> None:
    """A modality that sends an hour's films one by one beside a PACS that sends studies at once."""
    slow = {"XRAY1": timedelta(hours=1)}
    intake = PostgresIntake(engine, quiet=timedelta(0), max_attempts=3, quiet_by_sender=slow)
    intake.record(instance(1))
    intake.record(replace(instance(2, study="2.25.2"), calling_ae_title="PACS"))
    query = "SELECT count(*) FILTER (WHERE run_after > now() + interval '50 minutes'), count(*) FROM jobs"
    with transaction(engine) as connection:
        assert tuple(connection.execute(text(query)).one()) == (1, 2)


def test_a_late_film_brings_a_new_job(engine: Engine, intake: PostgresIntake) -> None:
    """A film that comes while the study is being classified is not overlooked."""
    study_id = intake.record(instance(1)).study_id
    running = claim(engine)
    intake.record(instance(2))
    PostgresStudies(engine, routes=[]).settle_classified([(running, examined(findings(engine, study_id)))])
    assert claim(engine).subject_id == study_id


def test_taking_a_film_does_not_read_the_queue(engine: Engine, intake: PostgresIntake) -> None:
    """Though the database plans the statements while its tables are empty: what waits costs the next film nothing."""
    for number in range(200):
        intake.record(instance(1, study=f"2.25.{number}"))
    intake._disconnect()  # a connection reports what it did when it ends
    engine.dispose()
    wait_for(lambda: statistic(engine, "SELECT n_tup_ins FROM pg_stat_user_tables WHERE relname = 'jobs'") == 200)
    assert statistic(engine, "SELECT sum(idx_tup_read) FROM pg_stat_user_indexes WHERE relname = 'jobs'") < 1000
    assert statistic(engine, "SELECT sum(seq_tup_read) FROM pg_stat_user_tables") < 1000


def test_senders_of_one_instance_at_once_leave_one(engine: Engine, intake: PostgresIntake) -> None:
    """Eight associations that send the same instance make one row and one job."""
    receptions: list[Reception] = []

    def send() -> None:
        receptions.append(intake.record(instance(1)).reception)

    threads = [threading.Thread(target=send) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(receptions) == [Reception.DUPLICATE] * 7 + [Reception.NEW]
    assert [count(engine, table) for table in ("studies", "instances", "jobs")] == [1, 1, 1]


def test_a_study_is_as_urgent_as_its_most_urgent_film(engine: Engine, intake: PostgresIntake) -> None:
    """A routine film behind an urgent one lowers nothing, and an urgent one raises what waits and what comes later."""
    intake.record(replace(instance(1, study="2.25.9"), priority=Priority.HIGH))
    study_id = intake.record(instance(1)).study_id
    intake.record(replace(instance(2), priority=Priority.STAT))
    intake.record(instance(3))
    urgent = claim(engine)
    assert urgent.subject_id == study_id
    PostgresStudies(engine, routes=reports_to("pacs")).settle_classified(
        [(urgent, examined(findings(engine, study_id)))]
    )
    intake.record(instance(4))
    query = "SELECT lane, priority FROM jobs WHERE id > :first ORDER BY id"
    with transaction(engine) as connection:
        later = [tuple(row) for row in connection.execute(text(query), {"first": urgent.id})]
    assert later == [("deliver:pacs", Priority.STAT), ("classify", Priority.STAT)]


def test_findings_bring_a_delivery_for_each_receiver(engine: Engine, intake: PostgresIntake) -> None:
    """The outbox is written with the findings, and gives back what was stored."""
    study_id = intake.record(instance(1)).study_id
    stored = findings(engine, study_id)
    PostgresStudies(engine, routes=reports_to("pacs", "archive")).settle_classified([(claim(engine), examined(stored))])
    for peer in ("pacs", "archive"):
        job = claim(engine, f"deliver:{peer}")
        assert PostgresDeliveries(engine).load(DeliveryId(job.subject_id)).findings == stored


def test_a_reason_survives_the_database(engine: Engine, intake: PostgresIntake) -> None:
    """Findings that could not be made are stored and delivered as such."""
    study_id = intake.record(instance(1)).study_id
    films = PostgresStudies(engine, routes=[]).films([study_id])[study_id]
    reason = Findings(model=MODEL, films=films, unsuitable=Unsuitable.NOT_FRONTAL)
    PostgresStudies(engine, routes=reports_to("pacs")).settle_classified([(claim(engine), examined(reason))])
    job = claim(engine, "deliver:pacs")
    assert PostgresDeliveries(engine).load(DeliveryId(job.subject_id)).findings == reason


def test_each_films_eligibility_is_stored(engine: Engine, intake: PostgresIntake) -> None:
    """With its view, and with the reason where it must not be classified."""
    study_id = intake.record(instance(1)).study_id
    intake.record(instance(2))
    made = findings(engine, study_id)
    lateral, frontal = (film.sop_instance_uid for film in made.films)
    seen = {
        lateral: FilmHeader(view=View.LATERAL, unsuitable=Unsuitable.NOT_FRONTAL),
        frontal: FilmHeader(view=View.AP),
    }
    PostgresStudies(engine, routes=[]).settle_classified([(claim(engine), Examination(findings=made, films=seen))])
    query = "SELECT view, unsuitable FROM findings_instances ORDER BY instance_id"
    with transaction(engine) as connection:
        rows = [tuple(row) for row in connection.execute(text(query))]
    assert rows == [("LATERAL", "not-frontal"), ("AP", None)]


def test_the_same_findings_are_delivered_once(engine: Engine, intake: PostgresIntake) -> None:
    """A second job over the same films and model ends without a second delivery."""
    study_id = intake.record(instance(1)).study_id
    studies = PostgresStudies(engine, routes=reports_to("pacs"))
    studies.settle_classified([(claim(engine), examined(findings(engine, study_id)))])
    classify_again(engine, study_id)
    studies.settle_classified([(claim(engine), examined(findings(engine, study_id)))])
    assert [count(engine, table) for table in ("findings", "deliveries")] == [1, 1]


def test_a_new_model_brings_new_findings(engine: Engine, intake: PostgresIntake) -> None:
    """Another network's result is another result."""
    study_id = intake.record(instance(1)).study_id
    studies = PostgresStudies(engine, routes=reports_to("pacs"))
    studies.settle_classified([(claim(engine), examined(findings(engine, study_id)))])
    classify_again(engine, study_id)
    newer = ModelVersion(name="test-network", version="2.0.0", sha256="cd" * 32)
    studies.settle_classified([(claim(engine), examined(findings(engine, study_id, newer)))])
    assert [count(engine, table) for table in ("findings", "deliveries", "model_versions")] == [2, 2, 2]


def test_a_late_films_findings_know_those_before(engine: Engine, intake: PostgresIntake) -> None:
    """The later report names the earlier one; the first names none."""
    studies = PostgresStudies(engine, routes=reports_to("pacs"))
    study_id = intake.record(instance(1)).study_id
    early = findings(engine, study_id)
    studies.settle_classified([(claim(engine), examined(early))])
    intake.record(instance(2))
    studies.settle_classified([(claim(engine), examined(findings(engine, study_id)))])
    messages = [PostgresDeliveries(engine).load(DeliveryId(claim(engine, "deliver:pacs").subject_id)) for _ in "12"]
    assert [message.predecessor for message in messages] == [None, early]


def test_a_lost_lease_stores_nothing(engine: Engine, intake: PostgresIntake) -> None:
    """Of two workers on one job only the owner's findings count."""
    study_id = intake.record(instance(1)).study_id
    slow = claim(engine)
    with transaction(engine) as connection:
        connection.execute(text("UPDATE jobs SET lease_until = now() - interval '1 second'"))
    PostgresQueue(engine).reap()
    claim(engine)
    results = [(slow, examined(findings(engine, study_id)))]
    assert PostgresStudies(engine, routes=reports_to("pacs")).settle_classified(results) == {slow.id}
    assert [count(engine, table) for table in ("findings", "deliveries")] == [0, 0]


def test_an_acknowledged_delivery_keeps_its_proof(engine: Engine, intake: PostgresIntake) -> None:
    """Status and report UID are stored, and the overview counts it."""
    study_id = intake.record(instance(1)).study_id
    results = [(claim(engine), examined(findings(engine, study_id)))]
    PostgresStudies(engine, routes=reports_to("pacs")).settle_classified(results)
    job = claim(engine, "deliver:pacs")
    assert overview(engine).counts["undelivered"] == 1
    PostgresDeliveries(engine).settle_delivered(job, PROOF)
    state = overview(engine)
    assert (state.counts["delivered"], state.counts["undelivered"]) == (1, 0)
    assert state.lanes == {"classify": {"done": 1}, "deliver:pacs": {"done": 1}}


def test_the_overview_names_held_jobs_with_their_reason(engine: Engine, intake: PostgresIntake) -> None:
    """What an operator must see is there."""
    intake.record(instance(1))
    PostgresQueue(engine).hold(claim(engine), reason="the spool is away", reason_class=ReasonClass.PERMANENT)
    (job,) = overview(engine).troubled
    assert (job.state, job.attempts, job.reason) == ("held", 1, "the spool is away")


def test_studies_are_settled_together_but_for_those_that_were_lost(engine: Engine, intake: PostgresIntake) -> None:
    """Of three results in one transaction the one whose lease expired is dropped, the others are stored and sent."""
    ids = [intake.record(instance(1, study=f"2.25.{number}")).study_id for number in (1, 2, 3)]
    jobs = PostgresQueue(engine).claim("classify", worker="host:1", lease=LEASE, limit=3)
    with transaction(engine) as connection:
        expired = text("UPDATE jobs SET lease_until = now() - interval '1 second' WHERE id = :id")
        connection.execute(expired, {"id": jobs[1].id})
    PostgresQueue(engine).reap()
    results = [(job, examined(findings(engine, study_id))) for job, study_id in zip(jobs, ids, strict=True)]
    assert PostgresStudies(engine, routes=reports_to("pacs", "archive")).settle_classified(results) == {jobs[1].id}
    assert (count(engine, "findings"), count(engine, "findings_instances"), count(engine, "deliveries")) == (2, 2, 4)
    assert statistic(engine, "SELECT count(*) FROM jobs WHERE kind = 'deliver' AND state = 'waiting'") == 4
