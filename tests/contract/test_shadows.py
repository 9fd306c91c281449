"""The shadow's work in the real database: what it is given, what is skipped, what it leaves alone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine

from db.job_desk import JobDesk
from db.overview import overview
from db.queue import PostgresQueue
from db.shadows import PostgresShadows
from db.upkeep import PostgresUpkeep
from domain.duties import Stuck, StuckLimits
from domain.errors import LeaseLost
from domain.findings import Findings, Probabilities
from domain.ids import FindingsId
from domain.jobs import Job, shadow_lane
from tests.fakes import MODEL
from tests.made_studies import MadeStudies

LANE = shadow_lane("test-network-1.0.0")
LEASE = timedelta(seconds=30)
SCORES = Probabilities(covid19=0.1, normal=0.8, pneumonia=0.1)


@pytest.fixture
def made(engine: Engine) -> MadeStudies:
    """No study yet."""
    return MadeStudies(engine)


@pytest.fixture
def shadows(engine: Engine) -> PostgresShadows:
    """The shadow's side of the database."""
    return PostgresShadows(engine)


def results(made: MadeStudies, count: int, *, ago: timedelta = timedelta(minutes=1)) -> list[int]:
    at = datetime.now(UTC) - ago
    return [made.result(made.study(at), at, version="0.9.0") for _ in range(count)]


def claimed(engine: Engine, limit: int = 9) -> list[Job]:
    return PostgresQueue(engine).claim(LANE, worker="host:1", lease=LEASE, limit=limit)


def judged(shadows: PostgresShadows, job: Job) -> Findings:
    films = shadows.films(FindingsId(job.subject_id))
    return Findings(model=MODEL, films=films, analysed=films[0], probabilities=SCORES)


def test_each_new_result_is_given_to_the_shadow_once(
    engine: Engine, made: MadeStudies, shadows: PostgresShadows
) -> None:
    """Whether it waits, is at work, done or cancelled."""
    expected = results(made, 3)
    shadows.feed(LANE, MODEL, most=9)
    shadows.feed(LANE, MODEL, most=9)
    done, cancelled = claimed(engine, 2)
    shadows.settle(done, judged(shadows, done), seconds=0.5)
    PostgresQueue(engine).release([cancelled])
    JobDesk(engine, actor="me").cancel(cancelled.id, "why")
    shadows.feed(LANE, MODEL, most=9)
    assert sorted(job.subject_id for job in (done, cancelled, *claimed(engine))) == expected


def test_what_is_older_than_an_hour_is_not_made_up_for(
    engine: Engine, made: MadeStudies, shadows: PostgresShadows
) -> None:
    """A shadow that was stopped for long begins anew."""
    results(made, 1, ago=timedelta(minutes=61))
    shadows.feed(LANE, MODEL, most=9)
    assert claimed(engine) == []


def test_the_shadow_does_not_look_at_its_own_results(
    engine: Engine, made: MadeStudies, shadows: PostgresShadows
) -> None:
    """Once it is active it is no shadow."""
    results(made, 1)
    made.run("UPDATE model_versions SET name = :name, version = '1.0.0', sha256 = :sha256, covid19_from = 0.6",
             name=MODEL.name, sha256=MODEL.sha256)  # fmt: skip
    shadows.feed(LANE, MODEL, most=9)
    assert claimed(engine) == []


def test_beyond_the_backlog_studies_are_skipped_and_counted(
    engine: Engine, made: MadeStudies, shadows: PostgresShadows
) -> None:
    """Held jobs count as well: who fails at everything soon gets nothing more."""
    results(made, 1)
    shadows.feed(LANE, MODEL, most=2)
    (job,) = claimed(engine)
    PostgresQueue(engine).hold(job, reason="it crashed", reason_class="crashed")
    results(made, 3)
    shadows.feed(LANE, MODEL, most=2)
    assert len(claimed(engine)) == 1
    assert made.run("SELECT count(*) FROM shadow_findings WHERE outcome = 'skipped'") == 2


def test_what_it_says_is_kept_with_the_end_of_its_job(
    engine: Engine, made: MadeStudies, shadows: PostgresShadows
) -> None:
    """Beside the result that it is about, and nowhere else."""
    (result,) = results(made, 1)
    shadows.feed(LANE, MODEL, most=9)
    (job,) = claimed(engine)
    shadows.settle(job, judged(shadows, job), seconds=0.5)
    assert made.run("SELECT findings_id FROM shadow_findings WHERE label = 'NORMAL' AND seconds = 0.5") == result
    assert made.run("SELECT state FROM jobs") == "done"
    assert overview(engine).results == {"COVID19": 1}
    assert made.run("SELECT count(*) FROM deliveries") == 0


def test_a_job_that_was_lost_leaves_nothing(engine: Engine, made: MadeStudies, shadows: PostgresShadows) -> None:
    """Another worker has it."""
    results(made, 1)
    shadows.feed(LANE, MODEL, most=9)
    (job,) = claimed(engine)
    PostgresQueue(engine).release([job])
    with pytest.raises(LeaseLost):
        shadows.settle(job, judged(shadows, job), seconds=0.5)
    assert made.run("SELECT count(*) FROM shadow_findings") == 0


def test_it_sees_the_films_as_the_result_did(made: MadeStudies, shadows: PostgresShadows) -> None:
    """Also where other content counts by now."""
    (result,) = results(made, 1)
    made.run("UPDATE findings_instances SET digest = 'then', path = 'then.dcm'")
    (film,) = shadows.films(FindingsId(result))
    assert (film.digest, film.path) == ("then", "then.dcm")


@pytest.mark.parametrize(
    ("state", "due", "is_due"),
    [("waiting", "now()", True), ("waiting", "now() + interval '1 h'", False), ("leased", "now()", True)],
)
def test_live_work_is_what_waits_for_a_result(
    made: MadeStudies, shadows: PostgresShadows, state: str, due: str, *, is_due: bool
) -> None:
    """A study that is due, or that a worker has in hand."""
    token = "gen_random_uuid()" if state == "leased" else "NULL"
    made.run(f"""
        INSERT INTO jobs (kind, lane, subject_id, state, run_after, lease_token)
        VALUES ('classify', 'classify', 1, '{state}', {due}, {token})
    """)
    assert shadows.is_live_work_due() is is_due


def test_a_paused_lane_has_no_live_work(made: MadeStudies, shadows: PostgresShadows) -> None:
    """And deliveries are none."""
    made.run(
        "INSERT INTO jobs (kind, lane, subject_id) VALUES ('classify', 'classify', 1), ('deliver', 'deliver:x', 1)"
    )
    made.run("INSERT INTO pauses (lane, actor, reason) VALUES ('classify', 'me', 'why')")
    assert not shadows.is_live_work_due()


def test_what_waits_for_a_shadow_that_was_stopped_is_cancelled(
    engine: Engine, made: MadeStudies, shadows: PostgresShadows
) -> None:
    """And no other lane's work."""
    results(made, 2)
    shadows.feed(LANE, MODEL, most=9)
    made.run("INSERT INTO jobs (kind, lane, subject_id) VALUES ('classify', 'classify', 1)")
    assert shadows.dismiss(LANE) == 2
    assert overview(engine).lanes == {"classify": {"waiting": 1}, LANE: {"cancelled": 2}}


def test_what_a_shadow_failed_at_is_no_alarm(engine: Engine, made: MadeStudies) -> None:
    """Neither what is held nor what waits for long counts as stuck."""
    made.run("""
        INSERT INTO jobs (kind, lane, subject_id, state, reason, run_after) VALUES
            ('shadow', 'shadow:x', 1, 'held', 'it crashed', now()),
            ('shadow', 'shadow:x', 2, 'waiting', NULL, now() - interval '1 day')
    """)
    hour = timedelta(hours=1)
    limits = StuckLimits(waiting=hour, leased=hour, undelivered=hour)
    assert PostgresUpkeep(engine).stuck(limits) == Stuck(waiting=0, leased=0, held=0, undelivered=0)
