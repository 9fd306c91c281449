"""`hilum jobs`: an operator at work."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import Engine, text

from db.engine import connect, transaction
from db.queue import PostgresQueue, enqueue
from domain.errors import Misconfigured
from domain.jobs import JobKind, ReasonClass
from hilum.cli import hilum

Jobs = Callable[..., Result]


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    """An engine for the database of the commands."""
    engine = connect(database_url, role="test")
    yield engine
    engine.dispose()


@pytest.fixture
def jobs(database_url: str, monkeypatch: pytest.MonkeyPatch) -> Jobs:
    """The command, on an empty database."""
    monkeypatch.setenv("HILUM_DATABASE__URL", database_url)

    def call(*arguments: str) -> Result:
        return CliRunner().invoke(hilum, ["jobs", *arguments])

    return call


def held_job(engine: Engine, lane: str = "deliver:pacs") -> str:
    """Make a held job and return its number."""
    with transaction(engine) as connection:
        enqueue(connection, JobKind.DELIVER, lane, 1, max_attempts=None, after=timedelta(0))
    queue = PostgresQueue(engine)
    (job,) = queue.claim(lane, worker="host:1", lease=timedelta(seconds=30))
    queue.hold(job, reason="the peer refused the report", reason_class=ReasonClass.PERMANENT)
    return str(job.id)


def test_an_empty_queue_is_said_to_be_empty(jobs: Jobs) -> None:
    """Exit status 0."""
    done = jobs("list")
    assert (done.exit_code, done.output) == (0, "no jobs\n")


def test_a_held_job_is_found_understood_and_put_back(jobs: Jobs, engine: Engine) -> None:
    """List, show, requeue."""
    number = held_job(engine)
    assert "the peer refused the report" in jobs("list").output
    shown = jobs("show", number).output
    assert "leased -> held, try 1 by host:1: the peer refused the report (permanent)" in shown
    done = jobs("requeue", number)
    assert (done.exit_code, done.output) == (0, f"job {number}: requeued\n")
    assert json.loads(jobs("list", "--json").output)["jobs"][0]["state"] == "waiting"


def test_all_held_jobs_of_a_lane_are_put_back_at_once(jobs: Jobs, engine: Engine) -> None:
    """After a PACS was mended."""
    mended, other = held_job(engine), held_job(engine, "deliver:archive")
    assert jobs("requeue", "--held", "--lane", "deliver:pacs").output == f"job {mended}: requeued\n"
    assert [job["id"] for job in json.loads(jobs("list", "--state", "held", "--json").output)["jobs"]] == [int(other)]


def test_what_can_not_be_done_is_told_and_counts(jobs: Jobs, engine: Engine) -> None:
    """The others are done all the same."""
    number = held_job(engine)
    done = jobs("cancel", "404", number, "--reason", "the PACS has it")
    assert done.exit_code == 1
    assert done.output == f"job 404: not cancelled: there is no such job\njob {number}: cancelled\n"
    assert "(operator)" in jobs("show", number).output


def test_a_pause_is_seen_until_it_ends(jobs: Jobs, engine: Engine) -> None:
    """In the list and in the status of the installation."""
    held_job(engine)
    assert "nothing is at work" in jobs("pause", "--lane", "deliver:pacs", "--reason", "new PACS", "--wait").output
    assert "PAUSED deliver:pacs" in jobs("list").output
    assert "PAUSED      deliver:pacs" in CliRunner().invoke(hilum, ["status"]).output
    assert jobs("resume").output == "resumed: deliver:pacs\n"
    assert jobs("resume").output == "nothing was paused\n"


@pytest.mark.parametrize(
    "arguments", [["requeue"], ["requeue", "1", "--held"], ["hold", "1"], ["cancel", "1"], ["pause"]]
)
def test_half_an_order_is_refused(jobs: Jobs, arguments: list[str]) -> None:
    """Without a job, or without a reason."""
    assert jobs(*arguments).exit_code == 2


@pytest.mark.parametrize("arguments", [["show", "404"], ["pause", "--lane", "deliver:nobody", "--reason", "x"]])
def test_what_there_is_not_is_said(jobs: Jobs, arguments: list[str]) -> None:
    """A job, or a lane."""
    assert isinstance(jobs(*arguments).exception, Misconfigured)


def test_jobs_of_every_state_can_be_listed(jobs: Jobs, engine: Engine) -> None:
    """Those that are done, too."""
    number = held_job(engine)
    jobs("requeue", number)
    with transaction(engine) as connection:
        connection.execute(text("UPDATE jobs SET state = 'leased', lease_token = gen_random_uuid()"))
        connection.execute(text("UPDATE jobs SET state = 'done', lease_token = NULL, settled_at = now()"))
    assert jobs("list").output == "no jobs\n"
    assert "done" in jobs("list", "--state", "all").output
