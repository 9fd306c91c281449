"""Which object of which result goes to which peer, and where one does not take it, in the real database."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, text

from db.engine import transaction
from db.intake import PostgresIntake
from db.job_desk import JobDesk
from db.outbox import PostgresDeliveries
from db.queue import PostgresQueue, enqueue
from db.studies import PostgresStudies
from domain.delivery import ResultObject, Route
from domain.film import FilmHeader, Unsuitable, View
from domain.findings import Findings, ModelVersion, Probabilities, Verdict
from domain.ids import AeTitle, DeliveryId, StudyId
from domain.jobs import Job, JobKind, ReasonClass
from domain.priority import Priority
from tests.fakes import MODEL, examined, received
from tests.outbox import PROOF

LEASE = timedelta(seconds=30)
NOW = timedelta(0)
REPORT, CAPTURE, DOCUMENT = ResultObject.REPORT, ResultObject.CAPTURE, ResultObject.DOCUMENT
PNEUMONIA = Probabilities(covid19=0.1, normal=0.1, pneumonia=0.8)
NORMAL = Probabilities(covid19=0.1, normal=0.8, pneumonia=0.1)
DOUBTFUL = Probabilities(covid19=0.3, normal=0.4, pneumonia=0.3)
TO_PACS = Route(peer="pacs", object=REPORT)


@dataclass
class Reading:
    """Studies that come in and are classified."""

    engine: Engine
    studies: int = 0

    def classify(
        self,
        *routes: Route,
        scores: Probabilities | None = PNEUMONIA,
        sender: str = "XRAY1",
        priority: Priority = Priority.ROUTINE,
    ) -> StudyId:
        """Receive a study and classify it; without scores it can't be processed."""
        self.studies += 1
        intake = PostgresIntake(self.engine, quiet=NOW, max_attempts=3)
        film = replace(received(study=self.studies, priority=priority), calling_ae_title=sender)
        study = intake.record(film).study_id
        intake.close()
        self.settle(routes, scores)
        return study

    def again(self, study: StudyId, *routes: Route, scores: Probabilities, version: str = "2.0.0") -> None:
        """Classify a study by another version of the network."""
        with transaction(self.engine) as connection:
            enqueue(connection, JobKind.CLASSIFY, "classify", study, max_attempts=3, after=NOW)
        self.settle(routes, scores, replace(MODEL, version=version))

    def settle(self, routes: tuple[Route, ...], scores: Probabilities | None, model: ModelVersion = MODEL) -> None:
        studies = PostgresStudies(self.engine, routes=routes)
        job = self.claim("classify")
        films = studies.films([StudyId(job.subject_id)])[StudyId(job.subject_id)]
        found = Findings(
            model=model,
            films=films,
            analysed=films[0] if scores else None,
            probabilities=scores,
            unsuitable=None if scores else Unsuitable.NOT_FRONTAL,
        )
        assert studies.settle_classified([(job, examined(found))]) == frozenset()

    def claim(self, lane: str) -> Job:
        (job,) = PostgresQueue(self.engine).claim(lane, worker="host:1", lease=LEASE)
        return job

    def hold(self, job: Job) -> None:
        PostgresQueue(self.engine).hold(job, reason="broken", reason_class=ReasonClass.PERMANENT)

    def sent(self) -> list[tuple[Any, ...]]:
        """Return findings, peer and object of each delivery, in the order of their jobs."""
        query = """
        SELECT findings_id, peer, object FROM deliveries JOIN jobs ON kind = 'deliver' AND subject_id = deliveries.id
        WHERE lane = 'deliver:' || peer ORDER BY jobs.id
        """
        with transaction(self.engine) as connection:
            return [tuple(row) for row in connection.execute(text(query))]


@pytest.fixture
def reading(engine: Engine) -> Reading:
    """An empty installation."""
    return Reading(engine)


def test_a_result_without_a_route_stays_here(reading: Reading) -> None:
    """It is in the database all the same."""
    reading.classify()
    assert reading.sent() == []


def test_each_object_is_a_delivery_of_its_own_and_the_report_goes_first(reading: Reading) -> None:
    """One may be refused and the other taken."""
    reading.classify(Route(peer="pacs", object=CAPTURE), TO_PACS, Route(peer="archive", object=REPORT))
    assert reading.sent() == [(1, "archive", "report"), (1, "pacs", "report"), (1, "pacs", "capture")]


def test_routes_that_lead_to_the_same_place_send_once(reading: Reading) -> None:
    """A rule for all and a rule for the urgent ones meet."""
    reading.classify(TO_PACS, replace(TO_PACS, priorities=frozenset({Priority.STAT})), priority=Priority.STAT)
    assert len(reading.sent()) == 1


@pytest.mark.parametrize(
    ("scores", "verdict"),
    [
        (PNEUMONIA, Verdict.POSITIVE),
        (NORMAL, Verdict.NEGATIVE),
        (DOUBTFUL, Verdict.UNDETERMINED),
        (None, Verdict.COULD_NOT_PROCESS),
    ],
)
def test_a_route_may_be_for_some_results_only(reading: Reading, scores: Probabilities | None, verdict: Verdict) -> None:
    """The database judges as the findings do."""
    routes = [Route(peer=one, object=REPORT, verdicts=frozenset({one})) for one in Verdict]
    reading.classify(*routes, scores=scores)
    assert [peer for _, peer, _ in reading.sent()] == [verdict]


def test_a_route_may_be_for_some_senders_only(reading: Reading) -> None:
    """So results go back to where the films came from."""
    routes = [Route(peer=name, object=REPORT, senders=frozenset({AeTitle(name)})) for name in ("XRAY1", "WARD")]
    reading.classify(*routes, sender="WARD")
    reading.classify(*routes, sender="XRAY1")
    assert reading.sent() == [(1, "WARD", "report"), (2, "XRAY1", "report")]


def test_a_route_may_be_for_some_priorities_only(reading: Reading) -> None:
    """All conditions of a route must be met."""
    urgent = replace(
        TO_PACS, priorities=frozenset({Priority.STAT, Priority.HIGH}), verdicts=frozenset({Verdict.POSITIVE})
    )
    reading.classify(urgent)
    reading.classify(urgent, priority=Priority.HIGH)
    reading.classify(urgent, priority=Priority.HIGH, scores=NORMAL)
    assert reading.sent() == [(2, "pacs", "report")]


def test_whoever_was_told_a_result_is_told_the_next_one(reading: Reading) -> None:
    """A peer that gets positive results only must learn that one of them was taken back."""
    positive = replace(TO_PACS, verdicts=frozenset({Verdict.POSITIVE}))
    study = reading.classify(positive)
    reading.again(study, positive, scores=NORMAL)
    other = reading.classify(positive, scores=NORMAL)
    reading.again(other, positive, scores=NORMAL)
    assert reading.sent() == [(1, "pacs", "report"), (2, "pacs", "report")]


def test_what_needs_a_film_is_not_sent_where_none_was_analysed(reading: Reading) -> None:
    """Of a study that could not be processed there is a report, but no picture."""
    reading.classify(TO_PACS, *(Route(peer="pacs", object=one) for one in ResultObject), scores=None)
    assert {ResultObject(one) for _, _, one in reading.sent()} == {one for one in ResultObject if not one.needs_film}


def test_a_dispatch_says_which_object(reading: Reading) -> None:
    """The outbox gives back what was stored."""
    reading.classify(Route(peer="pacs", object=CAPTURE))
    dispatch = PostgresDeliveries(reading.engine).load(DeliveryId(reading.claim("deliver:pacs").subject_id))
    assert (dispatch.peer, dispatch.object, dispatch.findings.verdict) == ("pacs", CAPTURE, Verdict.POSITIVE)


def test_a_dispatch_says_what_was_seen_of_each_film(reading: Reading) -> None:
    """As it was when the result was made; a document lists it."""
    reading.classify(Route(peer="pacs", object=DOCUMENT))
    dispatch = PostgresDeliveries(reading.engine).load(DeliveryId(reading.claim("deliver:pacs").subject_id))
    assert dispatch.object is DOCUMENT
    assert dispatch.seen == {film.sop_instance_uid: FilmHeader(view=View.PA) for film in dispatch.findings.films}


def instead(reading: Reading, patience: timedelta = NOW) -> int:
    reading.classify(replace(TO_PACS, instead="second", patience=patience), priority=Priority.STAT)
    return PostgresDeliveries(reading.engine).send_instead(at_most=10)


def test_what_is_not_taken_in_time_goes_to_another_peer_as_well(reading: Reading) -> None:
    """Once, as urgent as before; the first peer gets it when it is back."""
    assert (instead(reading), PostgresDeliveries(reading.engine).send_instead(at_most=10)) == (1, 0)
    assert reading.sent() == [(1, "pacs", "report"), (1, "second", "report")]
    query = text("SELECT array_agg(DISTINCT priority) FROM jobs WHERE kind = 'deliver'")
    with transaction(reading.engine) as connection:
        assert connection.execute(query).scalar_one() == [Priority.STAT]
    assert reading.claim("deliver:pacs").subject_id


def test_before_its_time_nothing_goes_to_another_peer(reading: Reading) -> None:
    """The first peer may be slow."""
    assert instead(reading, timedelta(minutes=1)) == 0


def test_what_was_taken_goes_nowhere_else(reading: Reading) -> None:
    """The time has passed, but the first peer has it."""
    reading.classify(replace(TO_PACS, instead="second", patience=NOW))
    deliveries = PostgresDeliveries(reading.engine)
    deliveries.settle_delivered(reading.claim("deliver:pacs"), PROOF)
    assert deliveries.send_instead(at_most=10) == 0


def test_what_a_person_cancelled_goes_nowhere_else(reading: Reading) -> None:
    """It was wanted so."""
    reading.classify(replace(TO_PACS, instead="second", patience=NOW))
    query = text("SELECT id FROM jobs WHERE kind = 'deliver'")
    with transaction(reading.engine) as connection:
        job = connection.execute(query).scalar_one()
    JobDesk(reading.engine, actor="ann@host").cancel(job, "the peer is gone for good")
    assert PostgresDeliveries(reading.engine).send_instead(at_most=10) == 0


# --- what is overdue ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("scores", "priority", "is_urgent"),
    [
        (PNEUMONIA, Priority.ROUTINE, True),
        (NORMAL, Priority.ROUTINE, False),
        (DOUBTFUL, Priority.ROUTINE, False),
        (NORMAL, Priority.STAT, True),
        (None, Priority.HIGH, True),
        (None, Priority.LOW, False),
    ],
)
def test_urgent_results_that_reach_nobody_are_overdue(
    reading: Reading,
    scores: Probabilities | None,
    priority: Priority,
    is_urgent: bool,  # noqa: FBT001 - a table
) -> None:
    """Of urgent studies whatever the result, of others where a disease is named."""
    reading.classify(TO_PACS, scores=scores, priority=priority)
    found = PostgresDeliveries(reading.engine).overdue(older_than=NOW)
    assert (found.count, len(found.untold), found.peers) == ((1, 1, ("pacs",)) if is_urgent else (0, 0, ()))


def test_people_are_told_once_and_it_stays_counted(reading: Reading) -> None:
    """Until the peer has it."""
    deliveries = PostgresDeliveries(reading.engine)
    reading.classify(TO_PACS)
    deliveries.told(deliveries.overdue(older_than=NOW))
    found = deliveries.overdue(older_than=NOW)
    assert (found.count, found.untold) == (1, ())
    reading.classify(Route(peer="archive", object=REPORT))
    found = deliveries.overdue(older_than=NOW)
    assert (found.count, found.peers) == (2, ("archive",))
    deliveries.settle_delivered(reading.claim("deliver:pacs"), PROOF)
    assert deliveries.overdue(older_than=NOW).count == 1
    assert deliveries.overdue(older_than=timedelta(minutes=1)).count == 0
