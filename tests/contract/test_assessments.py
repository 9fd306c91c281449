"""Final reports filed in the real database, and set beside the results."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import IntegrityError

from db.assessments import _COMPARE, PostgresAssessments, comparisons, unmatched
from db.engine import transaction
from db.intake import PostgresIntake
from domain.agreement import Comparison, Scanner
from domain.assessment import (
    AssessedReport,
    Assessment,
    Basis,
    Filing,
    Match,
    ReportMessage,
    StudyReference,
)
from domain.findings import Label, Outcome
from domain.report_phrases import Statement
from domain.subject import StudyIdentity
from tests.contract.test_growth import explained
from tests.contract.test_worklist import NEGATIVE, POSITIVE, Reading
from tests.fakes import received

NOW = timedelta(0)
FIRST, END = datetime(2020, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)
MORNING = datetime(2026, 1, 5, 8, tzinfo=UTC)
"""A Monday, the first day of week 2."""
P, A, N = Statement.PRESENT, Statement.ABSENT, Statement.NOT_SAID


def said(covid19: Statement = P, pneumonia: Statement = N) -> Assessment:
    match = Match(label=Label.COVID19, statement=covid19, basis=Basis.KEYWORD, term="covid 19", modifier="possible")
    statements = {Label.COVID19: covid19, Label.NORMAL: N, Label.PNEUMONIA: pneumonia}
    return Assessment(statements=statements, basis=Basis.KEYWORD, matches=(match,))


@dataclass
class Desk:
    """Studies that came, and reports of them."""

    engine: Engine
    number: int = 0
    reading: Reading = field(init=False)

    def __post_init__(self) -> None:
        self.reading = Reading(self.engine)

    def receive(self, study: int, *, accession: str = "", patient: str = "", sender: str = "XRAY1") -> None:
        identity = StudyIdentity(patient_id=patient, accession_number=accession, station_name=f"S{study}")
        intake = PostgresIntake(self.engine, quiet=NOW, max_attempts=3)
        intake.record(replace(received(study=study), identity=identity, calling_ae_title=sender))
        intake.close()

    def file(
        self,
        *references: StudyReference,
        assessment: Assessment | None = None,
        at: datetime | None = MORNING,
        is_correction: bool = False,
        control: str = "",
    ) -> Filing:
        """File a message of its own, unless it has the control id of another."""
        self.number += 1
        reports = [
            AssessedReport(study=one, assessment=assessment or said(), reported_at=at, is_correction=is_correction)
            for one in references
        ]
        message = ReportMessage(
            sender="RIS|H", control_id=control or f"M{self.number}", digest="d", reports=tuple(reports)
        )
        return PostgresAssessments(self.engine).file(message)

    def rows(self, columns: str = "covid19, reported_at") -> list[tuple[object, ...]]:
        with transaction(self.engine) as connection:
            return [tuple(row) for row in connection.execute(text(f"SELECT {columns} FROM assessments ORDER BY id"))]

    def compared(self) -> tuple[Comparison, ...]:
        return comparisons(self.engine, FIRST, END)


@pytest.fixture
def desk(engine: Engine) -> Desk:
    """Nothing came yet."""
    return Desk(engine)


UID = StudyReference(study_uid="2.25.1")


def test_a_report_is_kept_with_its_rules_and_without_a_name(desk: Desk) -> None:
    """Statements, basis, terms, times; the message that brought it."""
    desk.receive(1)
    assert desk.file(UID) == Filing(filed=1)
    ((source, assessor, covid19, pneumonia, basis, matches),) = desk.rows(
        "source, assessor, covid19, pneumonia, basis, matches"
    )
    assert (source, assessor, covid19, pneumonia, basis) == ("ris", "", "present", "not-said", "keyword")
    (match,) = matches if isinstance(matches, list) else json.loads(str(matches))
    assert match == {
        "label": "COVID19", "statement": "present", "basis": "keyword", "term": "covid 19", "modifier": "possible",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("reference", "expected"),
    [
        (StudyReference(study_uid="2.25.1", accession_numbers=("A2",)), "filed"),
        (StudyReference(study_uid="2.25.404", accession_numbers=("A1",), patient_ids=("P1",)), "filed"),
        (StudyReference(accession_numbers=("X", "A1"), patient_ids=("P9", "P1")), "filed"),
        (StudyReference(accession_numbers=("A1",)), "filed"),
        (StudyReference(accession_numbers=("A1",), patient_ids=("P2",)), "unknown"),
        (StudyReference(accession_numbers=("A3",), patient_ids=("P8",)), "filed"),
        (StudyReference(accession_numbers=("A4",)), "ambiguous"),
        (StudyReference(accession_numbers=("A4",), patient_ids=("P4",)), "filed"),
        (StudyReference(accession_numbers=("A6",), patient_ids=("P6",)), "ambiguous"),
        (StudyReference(study_uid="2.25.404"), "unknown"),
        (StudyReference(), "unknown"),
    ],
)
def test_a_study_is_found_by_its_uid_else_by_number_and_patient(
    desk: Desk, reference: StudyReference, expected: str
) -> None:
    """Where both know the patient he must be the same; of several studies it is none."""
    for study, accession, patient in (
        (1, "A1", "P1"), (2, "A2", "P2"), (3, "A3", ""), (4, "A4", "P4"), (5, "A4", "P5"), (6, "A6", "P6"),
        (7, "A6", "P6"), (8, "", ""),
    ):  # fmt: skip
        desk.receive(study, accession=accession, patient=patient)
    assert desk.file(reference) == Filing(**{expected: 1})
    assert len(desk.rows()) == (expected == "filed")


def test_of_a_report_without_a_study_only_that_it_came_is_kept(desk: Desk) -> None:
    """And counted in its days."""
    desk.receive(1)
    desk.file(UID, StudyReference(study_uid="2.25.404", patient_ids=("SECRET",)))
    assert unmatched(desk.engine, FIRST, END) == {"unknown": 1, "ambiguous": 0}
    assert unmatched(desk.engine, FIRST, FIRST + timedelta(days=1)) == {"unknown": 0, "ambiguous": 0}
    with transaction(desk.engine) as connection:
        kept = connection.execute(text("SELECT row_to_json(m)::text FROM report_messages AS m")).scalar_one()
    assert "SECRET" not in kept
    assert "2.25.404" not in kept


def test_a_message_that_is_sent_again_counts_once(desk: Desk) -> None:
    """Also one whose report found no study."""
    desk.receive(1)
    first, again = (desk.file(UID, StudyReference(), control="M1") for _ in range(2))
    assert first == Filing(filed=1, unknown=1)
    assert again == Filing(is_resent=True)
    assert unmatched(desk.engine, FIRST, END) == {"unknown": 1, "ambiguous": 0}


@pytest.mark.parametrize(
    ("at", "is_correction", "expected"),
    [
        (MORNING + timedelta(hours=1), False, "filed"),
        (MORNING, False, "filed"),
        (MORNING - timedelta(hours=1), False, "outdated"),
        (MORNING - timedelta(hours=1), True, "filed"),
    ],
)
def test_a_later_report_takes_the_place_of_the_one_before(
    desk: Desk, at: datetime, *, is_correction: bool, expected: str
) -> None:
    """A correction always does; one that was overtaken on its way does not."""
    desk.receive(1)
    desk.file(UID)
    assert desk.file(UID, assessment=said(A), at=at, is_correction=is_correction) == Filing(**{expected: 1})
    assert [row[0] for row in desk.rows()] == [A if expected == "filed" else P]


def test_all_reports_of_a_message_are_kept_or_none(desk: Desk) -> None:
    """A text that the database refuses takes the others and the message with it."""
    desk.receive(1)
    with pytest.raises(ValueError, match="NUL"):
        desk.file(UID, StudyReference(accession_numbers=("\x00",)), control="M1")
    assert desk.rows() == []
    assert desk.file(UID, control="M1") == Filing(filed=1)


@pytest.mark.parametrize("at", [None, datetime(2099, 1, 1, tzinfo=UTC)])
def test_a_report_without_a_time_or_from_the_future_has_that_of_its_coming(desk: Desk, at: datetime | None) -> None:
    """By the database's clock; else the next report would be taken for an older one."""
    desk.receive(1)
    desk.file(UID, at=at)
    ((reported, came),) = desk.rows("reported_at, received_at")
    assert reported == came


def test_a_report_stands_beside_the_last_result_before_it(desk: Desk) -> None:
    """With scanner, station and ISO week; a result that came later counts for later reports only."""
    desk.receive(1, sender="XRAY7")
    desk.reading.classify(POSITIVE)
    desk.file(UID)
    expected = Comparison(
        scanner=Scanner(ae_title="XRAY7", station="S1"),
        week="2026-W02",
        said={Label.COVID19: P, Label.NORMAL: N, Label.PNEUMONIA: N},
        outcome=Outcome.CLASSIFIED,
        label=Label.COVID19,
    )
    assert desk.compared() == (expected,)
    desk.reading.receive(1, 2)
    desk.reading.classify(NEGATIVE)
    assert desk.compared() == (expected,)
    desk.file(UID)
    assert desk.compared() == (replace(expected, label=Label.NORMAL),)


def test_a_study_without_a_result_stands_there_as_well(desk: Desk) -> None:
    """And what is the same of several studies is one line with their count."""
    for study in (1, 2, 3):
        desk.receive(study)
        desk.file(StudyReference(study_uid=f"2.25.{study}"), assessment=said(P if study < 3 else A))
    with transaction(desk.engine) as connection:
        connection.execute(text("UPDATE study_identities SET station_name = ''"))
    assert [(one.said[Label.COVID19], one.outcome, one.label, one.studies) for one in desk.compared()] == [
        (A, None, None, 1),
        (P, None, None, 2),
    ]


def test_a_final_report_counts_before_what_was_said_on_a_page(desk: Desk) -> None:
    """A study counts once."""
    desk.receive(1)
    page = "INSERT INTO assessments (study_id, source, assessor, covid19, pneumonia, normal, basis, reported_at) "
    desk.reading.run(
        page + "SELECT id, 'page', 'somebody', 'absent', 'absent', 'present', 'person', now() FROM studies"
    )
    assert [one.said[Label.COVID19] for one in desk.compared()] == [A]
    desk.file(UID)
    assert [(one.said[Label.COVID19], one.studies) for one in desk.compared()] == [(P, 1)]


def test_the_database_keeps_no_name_of_who_reported(desk: Desk) -> None:
    """Whoever writes it."""
    desk.receive(1)
    desk.file(UID)
    with pytest.raises(IntegrityError, match="a_ris_names_a_message"):
        desk.reading.run("UPDATE assessments SET assessor = 'somebody'")


def test_an_assessment_goes_with_its_study(desk: Desk) -> None:
    """Whoever deletes a study need not know of it."""
    desk.receive(1)
    desk.file(UID)
    desk.reading.run("DELETE FROM jobs; DELETE FROM instances; DELETE FROM series; DELETE FROM studies")
    assert desk.rows() == []


def test_a_window_of_days_reads_only_its_reports(desk: Desk) -> None:
    """Among a hundred thousand, by their index."""
    desk.reading.run("""
        INSERT INTO studies (study_instance_uid) SELECT '2.25.' || n FROM generate_series(1, 100000) AS n;
        INSERT INTO report_messages (sender, control_id, digest) VALUES ('RIS', 'M', 'd');
        INSERT INTO assessments (study_id, source, covid19, pneumonia, normal, basis, message_id, reported_at)
        SELECT studies.id, 'ris', 'absent', 'present', 'absent', 'code', m.id,
            timestamptz '2026-01-01' + studies.id * interval '5 minutes'
        FROM studies, report_messages AS m;
        ANALYZE
    """)
    window = {"first": datetime(2026, 3, 2, tzinfo=UTC), "end": datetime(2026, 3, 9, tzinfo=UTC)}
    read, pages = explained(desk.engine, _COMPARE.text, **window)
    assert "assessments_reported" in read
    assert "all of assessments" not in read
    assert pages < 60_000
    assert sum(one.studies for one in comparisons(desk.engine, window["first"], window["end"])) == 7 * 24 * 12
