"""The work as an operator sees it, from known rows of the real database."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine

from db.operations import _FAILURES, _LANES, _SUCCESSES, PostgresOperations
from db.queue import PostgresQueue
from domain.duties import DutyName
from domain.jobs import Job, JobKind, ReasonClass
from tests.contract.test_growth import explained
from tests.contract.test_job_desk import add
from tests.made_studies import MadeStudies

LEASE, NOW = timedelta(seconds=30), datetime.now(UTC)


@pytest.fixture
def made(engine: Engine) -> MadeStudies:
    """No study yet."""
    return MadeStudies(engine)


@pytest.fixture
def work(engine: Engine) -> PostgresOperations:
    """The work, of which classification and deliveries to `pacs` are always shown."""
    return PostgresOperations(engine, patience=timedelta(minutes=10), lanes=("classify", "deliver:pacs"))


def claim(engine: Engine, lane: str) -> Job:
    (job,) = PostgresQueue(engine).claim(lane, worker="host:1", lease=LEASE)
    return job


def deliver(made: MadeStudies, *, ago: timedelta = timedelta(0)) -> int:
    """Make an undelivered result and its job; return the study."""
    of = made.study(NOW - ago)
    delivery = made.delivery(made.result(of, NOW - ago), NOW - ago)
    made.run("INSERT INTO jobs (kind, lane, subject_id) VALUES ('deliver', 'deliver:pacs', :of)", of=delivery)
    return of[0]


def test_a_lane_tells_what_waits_is_due_at_work_held_and_done(work: PostgresOperations, made: MadeStudies) -> None:
    """Each job in one of these; rate and age beside."""
    for subject in range(6):
        add(made.engine, subject=subject)
    finished, stopped, _ = (claim(made.engine, "classify") for _ in range(3))
    PostgresQueue(made.engine).hold(stopped, reason="no", reason_class=ReasonClass.PERMANENT)
    made.run("UPDATE jobs SET state = 'done', settled_at = now(), lease_token = NULL WHERE id = :id", id=finished.id)
    made.run("UPDATE jobs SET run_after = now() + interval '1 h' WHERE subject_id = 5")
    made.run("UPDATE jobs SET run_after = now() - interval '90 s' WHERE subject_id = 4")
    lane, other = work.board([]).lanes
    assert (lane.waiting, lane.due, lane.leased, lane.held, lane.done_in_hour) == (3, 2, 1, 1, 1)
    assert (lane.per_minute, 90 <= (lane.oldest_due_seconds or 0) < 180) == (0.2, True)
    assert (other.lane, other.waiting, other.oldest_due_seconds) == ("deliver:pacs", 0, None)


def test_what_was_done_long_ago_does_not_count(work: PostgresOperations, made: MadeStudies) -> None:
    """Neither what was cancelled."""
    made.run("""
        INSERT INTO jobs (kind, lane, subject_id, state, reason, settled_at) VALUES
        ('classify', 'classify', 1, 'done', NULL, now() - interval '61 min'),
        ('classify', 'classify', 2, 'cancelled', 'no', now()),
        ('classify', 'classify', 3, 'done', NULL, now() - interval '20 min')
    """)
    lane = work.board([]).lanes[0]
    assert (lane.done_in_hour, lane.done_lately) == (1, 0)


def test_a_held_job_has_its_study_and_a_reason_that_names_nobody(work: PostgresOperations, made: MadeStudies) -> None:
    """Words of a peer and UIDs may."""
    study = deliver(made)
    job = claim(made.engine, "deliver:pacs")
    reason = "the peer refused 2.25.77.1.9 of 1.2.840.10008.5.1.4.1.1.88.33; it said: DOE^JANE is not here"
    PostgresQueue(made.engine).hold(job, reason=reason, reason_class=ReasonClass.PERMANENT)
    board = work.board(["pacs"])
    (held,) = board.held
    assert (held.id, held.study, held.attempts, held.reason_class, board.held_count) == (
        job.id,
        study,
        1,
        "permanent",
        1,
    )
    assert held.reason == (
        "the peer refused (a UID) of 1.2.840.10008.5.1.4.1.1.88.33; what it said is in the job's history"
    )
    assert board.traffic["pacs"].failure == held.reason


def test_a_peer_has_its_last_success_and_failure(work: PostgresOperations, made: MadeStudies) -> None:
    """What is on its way is counted; what was given back unfinished is no failure."""
    made.delivery(made.result(made.study(NOW), NOW), NOW, accepted=NOW)
    deliver(made, ago=timedelta(minutes=3))
    queue = PostgresQueue(made.engine)
    job = claim(made.engine, "deliver:pacs")
    queue.retry(job, after=timedelta(0), reason="away", reason_class=ReasonClass.TRANSIENT)
    before = work.board(["pacs", "other"]).traffic
    queue.release([claim(made.engine, "deliver:pacs")])
    after = work.board(["pacs", "other"]).traffic["pacs"]
    assert (after.undelivered, after.last_success, after.failure) == (1, NOW, "away")
    assert after.last_failure == before["pacs"].last_failure
    since = (datetime.now(UTC) - NOW).total_seconds()
    assert 180 <= (after.oldest_seconds or 0) <= 180 + since
    assert (before["other"].undelivered, before["other"].last_success, before["other"].last_failure) == (0, None, None)


def test_a_cancelled_delivery_is_nobodys_trouble(work: PostgresOperations, made: MadeStudies) -> None:
    """It is not on its way any more."""
    deliver(made)
    made.run("UPDATE jobs SET state = 'cancelled', reason = 'no', settled_at = now()")
    assert work.board(["pacs"]).traffic["pacs"].undelivered == 0


def test_urgent_results_that_are_late_are_told(work: PostgresOperations, made: MadeStudies) -> None:
    """With the peers that they are for."""
    deliver(made, ago=timedelta(minutes=30))
    overdue = work.board(["pacs"]).overdue
    assert (overdue.count, overdue.waiting_for) == (1, ("pacs",))


def test_a_lane_is_paused_once_and_resumed(work: PostgresOperations) -> None:
    """By whom and why stands there."""
    assert work.pause("classify", reason="new network", actor="ann") is None
    assert work.pause("classify", reason="again", actor="bob") == "it is paused"
    (pause,) = work.board([]).paused
    assert (pause.lane, pause.actor, pause.reason) == ("classify", "ann", "new network")
    assert work.resume("classify", actor="ann") is None
    assert work.resume("classify", actor="ann") == "it is not paused"


def test_workers_and_networks_are_those_of_the_last_work(work: PostgresOperations, made: MadeStudies) -> None:
    """The newest network first."""
    add(made.engine)
    claim(made.engine, "classify")
    made.result_of("XRAY1", NOW - timedelta(hours=1), version="1.0.0")
    made.result_of("XRAY1", NOW, version="1.1.0")
    board = work.board([])
    assert [(one.name, one.jobs, one.lanes) for one in board.workers] == [("host:1", 1, ("classify",))]
    assert 0 < board.workers[0].next_expiry_seconds <= 30
    assert [(one.version, one.results) for one in board.networks] == [("1.1.0", 1), ("1.0.0", 1)]
    assert [one.name for one in board.duties] == list(DutyName)


def test_conflicts_and_reports_without_a_study_are_those_of_a_week(work: PostgresOperations, made: MadeStudies) -> None:
    """Older ones are somebody's who looked before."""
    _, film = made.study(NOW)
    for days in (1, 8):
        made.run(
            """
            INSERT INTO conflicts (instance_id, digest, size_bytes, transfer_syntax_uid, calling_ae_title, resolution,
                last_received_at)
            VALUES (:film, :days, 1, '1', 'X', 'rejected', now() - make_interval(days => :days))
            """,
            film=film,
            days=days,
        )
        made.run(
            "INSERT INTO report_messages (sender, control_id, digest, unknown, ambiguous, received_at) "
            "VALUES ('R', :days, 'd', 2, 1, now() - make_interval(days => :days))",
            days=days,
        )
    board = work.board([])
    assert (board.conflicts, board.unknown_reports, board.ambiguous_reports) == (1, 2, 1)


def test_the_board_does_not_read_what_is_done(made: MadeStudies) -> None:
    """Of two hundred thousand jobs, neither their history nor their deliveries."""
    made.result_of("XRAY1", NOW)
    made.run("""
        INSERT INTO jobs (kind, lane, subject_id, state, created_at, settled_at)
        SELECT 'deliver', 'deliver:pacs', n, 'done', at, at
        FROM generate_series(1, 200000) AS n, LATERAL (SELECT now() - n * interval '20 s' AS at) AS t;
        INSERT INTO job_history (job_id, before, after, attempt) SELECT id, 'leased', 'done', 1 FROM jobs;
        INSERT INTO deliveries (findings_id, peer, object, created_at, accepted_at, dimse_status)
        SELECT f.id, 'pacs' || n, 'report', now(), now(), 0 FROM findings AS f, generate_series(1, 50000) AS n;
    """)
    made.run("ANALYZE")
    for statement, values in ((_LANES, {"lanes": ["classify"]}), (_FAILURES, {}), (_SUCCESSES, {"peers": ["pacs7"]})):
        read, pages = explained(made.engine, statement.text, **values)
        assert not read & {"all of jobs", "all of job_history", "all of deliveries"}
        assert pages < 300


def test_the_kinds_of_work_are_those_that_are_told_apart() -> None:
    """A new kind may be about a study as well."""
    assert set(JobKind) == {JobKind.CLASSIFY, JobKind.DELIVER, JobKind.COMMIT, JobKind.CONFIRM, JobKind.SHADOW}
