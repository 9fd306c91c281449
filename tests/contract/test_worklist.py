"""The reading worklist in the real database."""

from __future__ import annotations

import threading
from dataclasses import dataclass, replace
from datetime import timedelta
from random import Random

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import IntegrityError

from db.engine import transaction
from db.intake import PostgresIntake
from db.queue import PostgresQueue
from db.studies import PostgresStudies
from db.worklist import PostgresWorklist
from dicom_node.nameplate import identity_by
from domain.findings import Findings, Probabilities
from domain.ids import StudyId
from domain.priority import Priority
from domain.subject import StudyIdentity
from domain.worklist import FINAL_STATES, Answer, Changes, StepPriority, StepState, Workitem, WorklistQuery
from tests.fakes import MODEL, examined, received

NOW = timedelta(0)
DAY = timedelta(days=1)
POSITIVE = Probabilities(covid19=0.9, normal=0.05, pneumonia=0.05)
NEGATIVE = Probabilities(covid19=0.02, normal=0.95, pneumonia=0.03)


@dataclass
class Reading:
    """Studies that come, are classified, and are read."""

    engine: Engine

    @property
    def worklist(self) -> PostgresWorklist:
        return PostgresWorklist(self.engine)

    def receive(self, study: int, number: int = 1, *, priority: Priority = Priority.ROUTINE) -> None:
        intake = PostgresIntake(self.engine, quiet=NOW, max_attempts=3, workitems_expire=DAY)
        identity = StudyIdentity(patient_id=f"P{study}", accession_number=f"A{study}")
        intake.record(replace(received(number, study=study, priority=priority), identity=identity))
        intake.close()

    def classify(self, scores: Probabilities) -> None:
        """Let the next study have this result."""
        (job,) = PostgresQueue(self.engine).claim("classify", worker="host:1", lease=timedelta(seconds=30))
        studies = PostgresStudies(self.engine, routes=[])
        films = studies.films([StudyId(job.subject_id)])[StudyId(job.subject_id)]
        found = Findings(model=MODEL, films=films, analysed=films[0], probabilities=scores)
        studies.settle_classified([(job, examined(found))])

    def items(self, **query: object) -> list[Workitem]:
        return list(self.worklist.search(WorklistQuery(**query)))  # type: ignore[arg-type]  # fields of a query

    def item(self, study: int = 1) -> Workitem:
        return self.items(study_uid=f"2.25.{study}")[-1]

    def run(self, statement: str) -> None:
        with transaction(self.engine) as connection:
            connection.execute(text(statement))


@pytest.fixture
def reading(engine: Engine) -> Reading:
    """An empty worklist."""
    return Reading(engine)


@pytest.mark.parametrize(
    ("ordered", "scores", "expected"),
    [
        (Priority.ROUTINE, POSITIVE, StepPriority.HIGH),
        (Priority.LOW, POSITIVE, StepPriority.HIGH),
        (Priority.ROUTINE, NEGATIVE, StepPriority.MEDIUM),
        (Priority.LOW, NEGATIVE, StepPriority.LOW),
        (Priority.STAT, NEGATIVE, StepPriority.HIGH),
    ],
)
def test_a_result_may_make_a_study_more_urgent_and_never_less(
    reading: Reading, ordered: Priority, scores: Probabilities, expected: StepPriority
) -> None:
    """What was ordered stays the least."""
    reading.receive(1, priority=ordered)
    reading.classify(scores)
    assert (reading.item().priority, reading.item().suggested) == (expected, expected)


def test_a_second_result_takes_no_urgency_back(reading: Reading) -> None:
    """A late film that looks normal does not undo what was seen in the first."""
    reading.receive(1)
    reading.classify(POSITIVE)
    reading.receive(1, 2)
    reading.classify(NEGATIVE)
    assert reading.item().priority is StepPriority.HIGH


def test_the_database_refuses_what_is_less_urgent_than_suggested(reading: Reading) -> None:
    """Whoever writes it."""
    reading.receive(1, priority=Priority.STAT)
    with pytest.raises(IntegrityError, match="never_less_urgent_than_suggested"):
        reading.run("UPDATE workitems SET priority = 2")


def test_somebody_may_raise_and_lower_down_to_what_was_suggested(reading: Reading) -> None:
    """And is told where it stopped."""
    reading.receive(1)
    uid = reading.item().uid

    def ask(priority: StepPriority) -> Answer:
        return reading.worklist.change(uid, Changes(priority=priority), transaction_uid="")

    assert [ask(StepPriority.HIGH), ask(StepPriority.MEDIUM), ask(StepPriority.LOW)] == [
        Answer.DONE,
        Answer.DONE,
        Answer.NOT_LOWERED,
    ]


def test_of_many_who_claim_one_gets_it(reading: Reading) -> None:
    """At the same moment."""
    reading.receive(1)
    uid, answers = reading.item().uid, []

    def claim(number: int) -> None:
        answers.append(reading.worklist.claim(uid, transaction_uid=f"2.25.{number}", performer="READER"))

    threads = [threading.Thread(target=claim, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answer.name for answer in answers) == ["DONE", *["IN_PROGRESS"] * 7]


def test_a_claimed_study_is_not_touched_by_a_result(reading: Reading) -> None:
    """Somebody is reading it already."""
    reading.receive(1)
    reading.worklist.claim(reading.item().uid, transaction_uid="2.25.5", performer="READER")
    reading.classify(POSITIVE)
    assert (reading.item().state, reading.item().priority) == (StepState.IN_PROGRESS, StepPriority.MEDIUM)


@pytest.mark.parametrize("final", FINAL_STATES)
def test_what_ended_does_not_change(reading: Reading, final: StepState) -> None:
    """Nor is it claimed, or ended in another way."""
    reading.receive(1)
    uid = reading.item().uid
    reading.worklist.claim(uid, transaction_uid="2.25.5", performer="READER")
    assert reading.worklist.end(uid, transaction_uid="2.25.5", state=final) is Answer.DONE
    other = next(state for state in FINAL_STATES if state is not final)
    assert reading.worklist.end(uid, transaction_uid="2.25.5", state=other) is Answer.FINAL
    assert reading.worklist.claim(uid, transaction_uid="2.25.6", performer="READER") is Answer.FINAL
    assert reading.worklist.change(uid, Changes(), transaction_uid="2.25.5") is Answer.FINAL


def test_what_nobody_takes_expires(reading: Reading) -> None:
    """It says why; others stay."""
    reading.receive(1)
    reading.receive(2)
    reading.run("UPDATE workitems SET expires_at = now() - interval '1 second' WHERE id = 1")
    assert reading.worklist.expire(at_most=10) == 1
    assert (reading.item(1).state, reading.item(2).state) == (StepState.CANCELED, StepState.SCHEDULED)
    assert reading.item(1).reason


def test_a_claim_that_never_ends_gives_the_study_back(reading: Reading) -> None:
    """As a new item of the same priority: a workstation that crashed hides no study."""
    reading.receive(1, priority=Priority.STAT)
    reading.worklist.claim(reading.item().uid, transaction_uid="2.25.5", performer="READER")
    assert reading.worklist.take_back(patience=DAY, expire=DAY, at_most=10) == 0
    assert reading.worklist.take_back(patience=NOW, expire=DAY, at_most=10) == 1
    (again,) = reading.items(states=[StepState.SCHEDULED])
    assert (again.study_uid, again.priority) == ("2.25.1", StepPriority.HIGH)
    assert len(reading.items()) == 2


def test_what_ended_is_forgotten_in_time(reading: Reading) -> None:
    """And nothing else."""
    reading.receive(1)
    reading.receive(2)
    reading.run("UPDATE workitems SET expires_at = now() WHERE id = 1")
    reading.worklist.expire(at_most=10)
    assert reading.worklist.forget(keep=DAY, at_most=10) == 0
    assert reading.worklist.forget(keep=NOW, at_most=10) == 1
    assert [item.study_uid for item in reading.items()] == ["2.25.2"]


def test_a_long_list_comes_in_order_and_whole(reading: Reading) -> None:
    """It is read in pages."""
    for study in range(450):
        reading.receive(study, priority=list(Priority)[study % 4])
    found = reading.items(states=[StepState.SCHEDULED])
    order = [(item.priority, item.created_at) for item in found]
    assert len({item.study_uid for item in found}) == 450
    assert order == sorted(order)


def test_items_are_found_by_what_identifies_a_study(reading: Reading) -> None:
    """Accession number, patient, UID, priority."""
    for study in (1, 2):
        reading.receive(study)
    for query in ({"accession_number": "A2"}, {"patient_id": "P2"}, {"study_uid": "2.25.2"}):
        assert [item.identity.patient_id for item in reading.items(**query)] == ["P2"]
    assert reading.items(priorities=[StepPriority.HIGH]) == []


def test_a_header_full_of_text_is_no_reason_to_refuse_its_film(reading: Reading) -> None:
    """Devices write longer values than they may; an index takes no row that is too long."""
    drawn = Random(1)  # noqa: S311 - the same each time
    letters = "".join(chr(drawn.randrange(0x0E01, 0x0E2F)) for _ in range(1024)).encode("tis-620")
    values = {0x00080005: b"ISO_IR 166", 0x00080050: letters, 0x00100010: letters, 0x00100020: letters}
    identity = identity_by(lambda: values)
    intake = PostgresIntake(reading.engine, quiet=NOW, max_attempts=3, workitems_expire=DAY)
    intake.record(replace(received(), identity=identity))
    intake.close()
    assert reading.item().identity == identity


def test_without_readers_there_is_no_list(reading: Reading) -> None:
    """But whom a study is about is known."""
    intake = PostgresIntake(reading.engine, quiet=NOW, max_attempts=3)
    intake.record(received())
    intake.close()
    assert reading.items() == []
    with transaction(reading.engine) as connection:
        assert connection.execute(text("SELECT count(*) FROM study_identities")).scalar_one() == 1
