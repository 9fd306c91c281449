"""The ledger of a study in the real database: every step, in order, and how each delivery stands."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import Engine, text

from db.confirmations import PostgresConfirmations
from db.engine import transaction
from db.ledger import StudyLedger, ledger
from db.queue import PostgresQueue
from db.upkeep import PostgresUpkeep
from domain.confirmation import PeersAnswer
from domain.errors import Permanent
from domain.ids import SopInstanceUid
from domain.jobs import ReasonClass
from tests.contract.test_confirmations import Outbox, refusal
from tests.fakes import received

STUDY = "2.25.1"


def of(engine: Engine) -> StudyLedger:
    found = ledger(engine, STUDY)
    assert found is not None
    return found


@pytest.fixture
def outbox(engine: Engine) -> Outbox:
    """An empty installation."""
    return Outbox(engine)


def test_a_study_that_never_came_has_no_ledger(engine: Engine) -> None:
    """That is an answer, too."""
    assert ledger(engine, "2.25.404") is None


def test_every_step_is_there_in_its_order(outbox: Outbox) -> None:
    """With who took it, from the film to the proof."""
    uid = outbox.accept()
    job, inquiry = outbox.begin()
    outbox.confirmations.settle_asked(job, again_after=timedelta(minutes=15))
    answer = PeersAnswer(transaction_uid=inquiry.transaction_uid, committed=(SopInstanceUid(uid),))
    outbox.confirmations.answered("pacs", answer)
    found = of(outbox.engine)
    steps = [(entry.event, entry.who, entry.what.split(" ")[0]) for entry in found.entries]
    assert steps == [
        ("received", received().calling_ae_title, "film"),
        ("spooled", "node", "film"),
        ("queued", received().calling_ae_title, "classification"),
        ("claimed", "host:1", "classification"),
        ("classified", "test-network 1.0.0", "study"),
        ("queued", "outbox", "report"),
        ("done", "host:1", "classification"),
        ("claimed", "host:1", "report"),
        ("accepted", "pacs", "report"),
        ("done", "host:1", "report"),
        ("asked", "pacs", "report"),
        ("committed", "pacs", "report"),
    ]
    (delivery,) = found.deliveries
    assert (delivery.state, delivery.dimse_status, delivery.sop_instance_uid) == ("committed", 0, uid)


def test_other_studies_are_not_in_it(outbox: Outbox) -> None:
    """Each has its own."""
    outbox.accept()
    alone = len(of(outbox.engine).entries)
    outbox.accept()
    assert len(of(outbox.engine).entries) == alone


def test_what_is_archived_stays_in_it(outbox: Outbox) -> None:
    """The queue forgets, the ledger does not."""
    outbox.accept()
    before = of(outbox.engine)
    PostgresUpkeep(outbox.engine).archive_settled(older_than=timedelta(0), at_most=100)
    with transaction(outbox.engine) as connection:
        assert connection.execute(text("SELECT count(*) FROM jobs_archive")).scalar_one() == 2
    assert of(outbox.engine) == before


@pytest.mark.parametrize("state", ["queued", "trying", "held", "accepted", "trying again"])
def test_each_delivery_says_how_it_stands(outbox: Outbox, state: str) -> None:
    """With the reason, where there is one."""
    uid = outbox.accept()
    queue = PostgresQueue(outbox.engine)
    if state == "trying again":
        _, inquiry = outbox.begin()
        PostgresConfirmations(outbox.engine).answered("pacs", refusal(inquiry, uid))
    elif state != "accepted":
        outbox.run("UPDATE deliveries SET accepted_at = NULL")
        outbox.run("DELETE FROM jobs WHERE kind = 'deliver'")
        outbox.run("INSERT INTO jobs (kind, lane, subject_id) SELECT 'deliver', 'deliver:pacs', id FROM deliveries")
    if state in {"trying", "held"}:
        job = outbox.claim("deliver:pacs")
        error = Permanent("the peer refused it")
        if state == "held":
            queue.hold(job, reason=str(error), reason_class=ReasonClass.PERMANENT)
        else:
            queue.retry(job, after=timedelta(0), reason=str(error), reason_class=ReasonClass.TRANSIENT)
    (delivery,) = of(outbox.engine).deliveries
    expected = {
        "queued": ("queued", ""),
        "trying": ("trying", "the peer refused it"),
        "held": ("held", "the peer refused it"),
        "accepted": ("accepted", ""),
        "trying again": ("queued", "the peer accepted it and does not keep it (failure reason 0x0112)"),
    }
    assert (delivery.state, delivery.reason) == expected[state]
