"""Other content under a known SOP Instance UID, in the real database: refused, kept aside, or made to count."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import Engine, text

from db.engine import transaction
from db.intake import PostgresIntake
from db.outbox import PostgresDeliveries
from db.overview import overview
from db.queue import PostgresQueue
from db.studies import PostgresStudies
from domain.film import ConflictPolicy, Reception
from domain.findings import Findings, Probabilities
from domain.ids import DeliveryId, StudyId
from tests.contract.test_studies import claim, instance
from tests.fakes import MODEL, examined
from tests.outbox import reports_to

FIRST, SECOND = instance(1), instance(1, content="changed")


def intake(engine: Engine, policy: ConflictPolicy) -> PostgresIntake:
    return PostgresIntake(engine, quiet=timedelta(0), max_attempts=3, on_conflict=policy)


def conflicts(engine: Engine) -> list[tuple[str, str | None, str, int]]:
    """Return digest, place, resolution and number of each."""
    query = "SELECT digest, path, resolution, times FROM conflicts ORDER BY id"
    with transaction(engine) as connection:
        return [tuple(row) for row in connection.execute(text(query))]


def current(engine: Engine) -> str:
    """Return the digest that counts."""
    with transaction(engine) as connection:
        return str(connection.execute(text("SELECT digest FROM instances")).scalar_one())


def is_due(engine: Engine) -> bool:
    return PostgresQueue(engine).claim("classify", worker="host:1", lease=timedelta(seconds=30)) != []


def test_keep_first_keeps_the_second_aside(engine: Engine) -> None:
    """The answer names the first, the second has a place of its own, and a third arrival of it is counted."""
    taking = intake(engine, ConflictPolicy.KEEP_FIRST)
    taking.record(FIRST)
    assert is_due(engine)
    for _ in range(2):
        recorded = taking.record(SECOND)
        assert (recorded.reception, recorded.path) == (Reception.CONFLICT, FIRST.path)
        assert recorded.keeps(SECOND.path)
    assert conflicts(engine) == [(SECOND.digest, SECOND.path, "kept-aside", 2)]
    assert (current(engine), is_due(engine)) == (FIRST.digest, False)


def test_reject_keeps_nothing_but_the_fact(engine: Engine) -> None:
    """Operators see that it came, and how often."""
    taking = intake(engine, ConflictPolicy.REJECT)
    taking.record(FIRST)
    for _ in range(2):
        recorded = taking.record(SECOND)
        assert (recorded.reception, recorded.keeps(SECOND.path)) == (Reception.REJECTED, False)
    assert conflicts(engine) == [(SECOND.digest, None, "rejected", 2)]
    assert (current(engine), overview(engine).counts["conflicts"]) == (FIRST.digest, 1)


@pytest.mark.parametrize("before", [ConflictPolicy.KEEP_FIRST, ConflictPolicy.REPLACE])
def test_what_was_kept_stays_when_the_policy_becomes_reject(engine: Engine, before: ConflictPolicy) -> None:
    """Its sender was told of success; a second arrival must not cost its file."""
    earlier = intake(engine, before)
    earlier.record(FIRST)
    earlier.record(SECOND)
    (aside,) = (each for each in (FIRST, SECOND) if each.digest != current(engine))
    recorded = intake(engine, ConflictPolicy.REJECT).record(aside)
    assert (recorded.reception, recorded.keeps(aside.path)) == (Reception.CONFLICT, True)
    assert [(digest, path) for digest, path, _, _ in conflicts(engine)] == [(aside.digest, aside.path)]


def test_replace_lets_the_last_one_count(engine: Engine) -> None:
    """The study is due again, and what was first stays where it is."""
    taking = intake(engine, ConflictPolicy.REPLACE)
    taking.record(FIRST)
    assert is_due(engine)
    with transaction(engine) as connection:
        connection.execute(text("UPDATE jobs SET state = 'done', lease_token = NULL"))
    recorded = taking.record(SECOND)
    assert (recorded.reception, recorded.path) == (Reception.REPLACED, SECOND.path)
    assert conflicts(engine) == [(FIRST.digest, FIRST.path, "replaced", 1)]
    assert (current(engine), is_due(engine)) == (SECOND.digest, True)


def test_the_first_may_come_back(engine: Engine) -> None:
    """Two senders that disagree: the last one counts each time, and nothing is lost or doubled."""
    taking = intake(engine, ConflictPolicy.REPLACE)
    receptions = [taking.record(each).reception for each in (FIRST, SECOND, SECOND, FIRST)]
    assert receptions == [Reception.NEW, Reception.REPLACED, Reception.DUPLICATE, Reception.REPLACED]
    assert conflicts(engine) == [(SECOND.digest, SECOND.path, "replaced", 1)]
    assert current(engine) == FIRST.digest


def test_an_instance_never_moves_to_another_study(engine: Engine) -> None:
    """Replacing it would take a film out of a study that was reported: it is kept aside instead."""
    moved = replace(instance(1, study="2.25.404"), sop_instance_uid=FIRST.sop_instance_uid)
    taking = intake(engine, ConflictPolicy.REPLACE)
    taking.record(FIRST)
    assert taking.record(moved).reception is Reception.CONFLICT
    assert (conflicts(engine)[0][2], current(engine)) == ("kept-aside", FIRST.digest)


def test_both_places_are_known_to_the_reconciliation(engine: Engine) -> None:
    """Neither file is taken for one without a row."""
    taking = intake(engine, ConflictPolicy.KEEP_FIRST)
    taking.record(replace(FIRST, path="0a/first.dcm"))
    taking.record(replace(SECOND, path="0a/second.dcm"))
    assert taking.paths_on("0a") == {"0a/first.dcm", "0a/second.dcm"}


def test_a_report_speaks_of_what_it_was_made_of(engine: Engine) -> None:
    """A delivery that waits while its film is replaced still names the first content: its UID stays the same."""
    taking = intake(engine, ConflictPolicy.REPLACE)
    study_id = taking.record(FIRST).study_id
    films = PostgresStudies(engine, routes=[]).films([StudyId(study_id)])[StudyId(study_id)]
    scores = Probabilities(covid19=0.7, normal=0.1, pneumonia=0.2)
    made = Findings(model=MODEL, films=films, analysed=films[0], probabilities=scores)
    PostgresStudies(engine, routes=reports_to("pacs")).settle_classified([(claim(engine), examined(made))])
    taking.record(SECOND)
    delivery = claim(engine, "deliver:pacs")
    assert PostgresDeliveries(engine).load(DeliveryId(delivery.subject_id)).findings == made


@pytest.mark.parametrize("policy", list(ConflictPolicy))
def test_the_same_content_is_no_conflict(engine: Engine, policy: ConflictPolicy) -> None:
    """Whatever the policy."""
    taking = intake(engine, policy)
    taking.record(FIRST)
    assert taking.record(FIRST).reception is Reception.DUPLICATE
    assert conflicts(engine) == []
