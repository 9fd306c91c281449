"""What an archive has and is not here, compared in the real database."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import Engine

from db.gaps import compare, gaps
from db.intake import PostgresIntake
from domain.archive import GapKind, RemoteSeries, RemoteStudy
from domain.ids import SeriesUid, SopInstanceUid, StudyUid
from tests.contract.test_routes import TO_PACS, Reading
from tests.fakes import received


@pytest.fixture
def reading(engine: Engine) -> Reading:
    """An empty installation."""
    return Reading(engine)


def remote(study: int, *numbers: int) -> RemoteStudy:
    """Return a study as an archive has it, with films as `received` names them."""
    films = tuple(SopInstanceUid(received(number, study=study).sop_instance_uid) for number in numbers)
    series = RemoteSeries(series_uid=SeriesUid(f"2.25.{study}.9"), films=films)
    return RemoteStudy(study_uid=StudyUid(f"2.25.{study}"), date="20260102", series=(series,))


def found(engine: Engine) -> list[tuple[str, str, int, int, GapKind]]:
    return [(one.peer, one.study_instance_uid, one.films, one.missing, one.kind) for one in gaps(engine)]


def test_what_is_here_and_has_a_result_is_no_gap(reading: Reading) -> None:
    """Nobody needs to look at it."""
    reading.classify(TO_PACS)
    assert compare(reading.engine, "pacs", [remote(1, 1)]) == 0
    assert found(reading.engine) == []


def test_films_that_never_came_are_counted(reading: Reading) -> None:
    """Of a study that is here, and of one that is not."""
    reading.classify(TO_PACS)
    assert compare(reading.engine, "pacs", [remote(1, 1, 2, 3), remote(2, 1)]) == 2
    assert found(reading.engine) == [
        ("pacs", "2.25.1", 3, 2, GapKind.MISSING),
        ("pacs", "2.25.2", 1, 1, GapKind.MISSING),
    ]


def test_a_study_that_is_going_to_be_classified_is_listed_but_not_counted(reading: Reading) -> None:
    """It needs a moment; once nobody is at it, it counts."""
    intake = PostgresIntake(reading.engine, quiet=timedelta(0), max_attempts=3)
    intake.record(received())
    intake.close()
    assert compare(reading.engine, "pacs", [remote(1, 1)]) == 0
    assert found(reading.engine)[0][4] is GapKind.AT_WORK
    job = reading.claim("classify")
    assert compare(reading.engine, "pacs", [remote(1, 1)]) == 0
    reading.hold(job)
    assert compare(reading.engine, "pacs", [remote(1, 1)]) == 1
    assert found(reading.engine)[0][4] is GapKind.NO_RESULT


def test_a_new_comparison_takes_the_place_of_the_one_before(reading: Reading) -> None:
    """Of the same archive; those of others stay."""
    compare(reading.engine, "archive", [remote(7, 1)])
    compare(reading.engine, "pacs", [remote(1, 1), remote(2, 1)])
    compare(reading.engine, "pacs", [remote(2, 1)])
    assert [(peer, study) for peer, study, *_ in found(reading.engine)] == [("archive", "2.25.7"), ("pacs", "2.25.2")]
    assert compare(reading.engine, "pacs", []) == 0
    assert len(found(reading.engine)) == 1
