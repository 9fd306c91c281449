"""A study as a page shows it, from the real database."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import IntegrityError

from db.engine import transaction
from db.intake import PostgresIntake
from db.study_view import PostgresStudyViews
from domain.assessment import Source
from domain.findings import Label, Verdict
from domain.ids import StudyId
from domain.report_phrases import Statement
from domain.study_view import StudyView, answered
from domain.subject import StudyIdentity
from tests.contract.test_worklist import NEGATIVE, POSITIVE, Reading
from tests.fakes import MODEL, received


@dataclass
class Desk:
    """Studies that come and are looked at."""

    engine: Engine

    def receive(self, study: int, number: int = 1, **identity: str) -> None:
        intake = PostgresIntake(self.engine, quiet=timedelta(0), max_attempts=3)
        intake.record(replace(received(number, study=study), identity=StudyIdentity(**identity)))
        intake.close()

    def classify(self, scores: object) -> None:
        Reading(self.engine).classify(scores)  # type: ignore[arg-type]  # probabilities

    def assess(self, **said: Statement | str) -> None:
        comment = str(said.pop("comment", ""))
        statements = {Label(name.upper()): Statement(value) for name, value in said.items()}
        PostgresStudyViews(self.engine).assess(
            self.id_of(1), answered(statements, comment=comment), assessor="maria", comment=comment
        )

    def view(self, study: int = 1) -> StudyView:
        found = PostgresStudyViews(self.engine).find(self.id_of(study))
        assert found is not None
        return found

    def id_of(self, study: int) -> StudyId:
        with transaction(self.engine) as connection:
            statement = text("SELECT id FROM studies WHERE study_instance_uid = :uid")
            return StudyId(connection.execute(statement, {"uid": f"2.25.{study}"}).scalar_one())


@pytest.fixture
def desk(engine: Engine) -> Desk:
    """Nothing came yet."""
    return Desk(engine)


def test_a_study_that_is_not_there_is_none(engine: Engine) -> None:
    """Whatever its number."""
    assert PostgresStudyViews(engine).find(StudyId(404)) is None


def test_a_study_without_a_result_has_its_films_and_its_patient(desk: Desk) -> None:
    """It can be looked at before it is classified."""
    desk.receive(1, patient_name="Muster^Anna", patient_id="P1")
    desk.receive(1, 2)
    view = desk.view()
    assert (view.identity.patient_name, view.result, view.assessments) == ("Muster^Anna", None, ())
    assert [(film.number, film.view, film.source) for film in view.films] == [(1, None, "XRAY1"), (2, None, "XRAY1")]
    assert [step.event for step in view.steps][:2] == ["received", "spooled"]


def test_results_come_latest_first_with_the_film_and_network_of_each(desk: Desk) -> None:
    """A late film makes a second result, which counts."""
    desk.receive(1)
    desk.classify(NEGATIVE)
    desk.receive(1, 2)
    desk.classify(POSITIVE)
    view = desk.view()
    assert [result.findings.verdict for result in view.results] == [Verdict.POSITIVE, Verdict.NEGATIVE]
    assert view.result is not None
    assert (view.result.number, view.result.findings.model) == (1, MODEL)
    assert [film.view for film in view.films] == ["PA", "PA"]


def test_a_film_with_another_content_is_not_the_one_that_was_analysed(desk: Desk) -> None:
    """Its picture is not what the network saw."""
    desk.receive(1)
    desk.classify(POSITIVE)
    with transaction(desk.engine) as connection:
        connection.execute(text("UPDATE instances SET digest = 'other'"))
        connection.execute(text("UPDATE findings_instances SET digest = 'first'"))
    result = desk.view().result
    assert result is not None
    assert result.number is None


def test_priors_are_of_the_same_patient_and_issuer(desk: Desk) -> None:
    """The latest first, with the verdict of each; an empty patient ID is nobody's."""
    desk.receive(2, patient_id="P1", study_date="20200101", study_description="Chest")
    desk.classify(NEGATIVE)
    desk.receive(1, patient_id="P1")
    desk.receive(3, patient_id="P1", study_date="20210101")
    desk.receive(4, patient_id="P1", issuer_of_patient_id="ELSEWHERE")
    for study in (5, 6):
        desk.receive(study)
    priors = desk.view().priors
    assert [(one.study_id, one.verdict) for one in priors] == [
        (desk.id_of(3), None),
        (desk.id_of(2), Verdict.NEGATIVE),
    ]
    assert desk.view(5).priors == ()


def test_an_assessment_on_a_page_takes_the_place_of_the_one_before(desk: Desk) -> None:
    """With its comment and who said it."""
    desk.receive(1)
    desk.assess(covid19=Statement.PRESENT)
    desk.assess(covid19=Statement.ABSENT, comment="old scar")
    (one,) = desk.view().assessments
    assert (one.source, one.assessor, one.comment) == (Source.PAGE, "maria", "old scar")
    assert one.assessment.statements[Label.COVID19] is Statement.ABSENT


def test_no_comment_is_kept_of_a_final_report(desk: Desk) -> None:
    """The database refuses it, whoever writes it."""
    desk.receive(1)
    statement = """
        WITH m AS (INSERT INTO report_messages (sender, control_id, digest) VALUES ('a', 'b', 'c') RETURNING id)
        INSERT INTO assessments (study_id, source, covid19, pneumonia, normal, basis, message_id, comment)
        SELECT s.id, 'ris', 'absent', 'absent', 'present', 'code', m.id, 'a text' FROM studies AS s, m
    """
    with pytest.raises(IntegrityError, match="no_text_of_a_ris"), transaction(desk.engine) as connection:
        connection.execute(text(statement))
