"""The query by which the how-to page scales workers: it counts what one more worker could take on."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path

import pytest
import yaml
from sqlalchemy import Engine, text

from db.engine import transaction
from db.job_desk import JobDesk
from db.queue import PostgresQueue, enqueue
from domain.jobs import JobKind

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "several-hosts.md"


def query() -> str:
    """Return the query of the page's ScaledObject."""
    (written,) = re.findall(r"```yaml\n(.*?)```", PAGE.read_text(), re.DOTALL)
    (trigger,) = yaml.safe_load(written)["spec"]["triggers"]
    return str(trigger["metadata"]["query"])


def waiting(engine: Engine) -> int:
    with transaction(engine) as connection:
        return int(connection.execute(text(query())).scalar_one())


def test_studies_that_are_due_are_counted(engine: Engine) -> None:
    """Not those that may still get films, not what a worker has, and not the deliveries of a slow peer."""
    with transaction(engine) as connection:
        for subject in range(3):
            enqueue(connection, JobKind.CLASSIFY, "classify", subject, max_attempts=3, after=timedelta(0))
        enqueue(connection, JobKind.CLASSIFY, "classify", 9, max_attempts=3, after=timedelta(hours=1))
        enqueue(connection, JobKind.DELIVER, "deliver:pacs", 1, max_attempts=None, after=timedelta(0))
    assert waiting(engine) == 3
    PostgresQueue(engine).claim("classify", worker="host:1", lease=timedelta(seconds=30))
    assert waiting(engine) == 2


@pytest.mark.parametrize("lane", ["classify", ""])
def test_no_worker_is_started_for_a_pause(engine: Engine, lane: str) -> None:
    """Of the lane, or of all of them; a pause of another lane changes nothing."""
    with transaction(engine) as connection:
        enqueue(connection, JobKind.CLASSIFY, "classify", 1, max_attempts=3, after=timedelta(0))
    desk = JobDesk(engine, actor="test")
    desk.pause("deliver:pacs", reason="slow")
    assert waiting(engine) == 1
    desk.pause(lane, reason="maintenance")
    assert waiting(engine) == 0
