"""A study as a person looks at it: names, dates, and answers that contradict themselves."""

from __future__ import annotations

import pytest

from domain.findings import Findings, Label, Probabilities
from domain.report_phrases import Statement
from domain.study_view import BadAssessment, agreed, answered, shown_date, shown_name
from tests.fakes import MODEL, stored_film

P, A, U, N = Statement.PRESENT, Statement.ABSENT, Statement.UNDETERMINED, Statement.NOT_SAID


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("Muster^Anna", "Muster, Anna"),
        ("Muster^Anna^Maria^Dr.^MSc", "Muster, Dr. Anna Maria, MSc"),
        ("Yamada^Tarou=山田^太郎=やまだ^たろう", "Yamada, Tarou (山田, 太郎) (やまだ, たろう)"),
        ("=山田^太郎", "山田, 太郎"),
        ("Muster", "Muster"),
        ("^Anna", "Anna"),
        ("^^^^", ""),
        ("a^b^c^d^e^f^g", "a, d b c, e"),
        ("", ""),
    ],
)
def test_names_are_shown_as_people_write_them(name: str, shown: str) -> None:
    """Whatever components there are."""
    assert shown_name(name) == shown


@pytest.mark.parametrize(("date", "shown"), [("19610203", "1961-02-03"), ("", ""), ("1961", "1961"), ("x", "x")])
def test_dates_are_shown_with_hyphens(date: str, shown: str) -> None:
    """What is no date stays as it is."""
    assert shown_date(date) == shown


def test_who_calls_a_disease_present_calls_the_film_not_normal() -> None:
    """The other disease is not said: nobody was heard on it."""
    said = answered({Label.COVID19: P}).statements
    assert said == {Label.COVID19: P, Label.NORMAL: A, Label.PNEUMONIA: N}


@pytest.mark.parametrize(
    "statements", [{}, {Label.COVID19: P, Label.NORMAL: P}, {Label.COVID19: P, Label.PNEUMONIA: P}]
)
def test_an_answer_that_can_not_be_is_refused(statements: dict[Label, Statement]) -> None:
    """With a sentence for the person."""
    with pytest.raises(BadAssessment):
        answered(statements)


def test_a_comment_alone_is_an_answer() -> None:
    """Of which no class is said anything."""
    assert set(answered({}, comment="film of another patient").statements.values()) == {N}


@pytest.mark.parametrize(
    ("scores", "expected"),
    [
        (Probabilities(covid19=0.9, normal=0.05, pneumonia=0.05), (P, A, A)),
        (Probabilities(covid19=0.02, normal=0.95, pneumonia=0.03), (A, P, A)),
        (Probabilities(covid19=0.3, normal=0.35, pneumonia=0.35), (U, U, U)),
    ],
)
def test_who_agrees_says_what_the_result_says(scores: Probabilities, expected: tuple[Statement, ...]) -> None:
    """Of all three classes."""
    film = stored_film()
    said = agreed(Findings(model=MODEL, films=(film,), analysed=film, probabilities=scores)).statements
    assert tuple(said[label] for label in Label) == expected
