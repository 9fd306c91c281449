"""What is asked of an archive."""

from __future__ import annotations

import pytest

from domain.archive import Query, RemoteSeries, RemoteStudy, Wanted, wanted
from domain.ids import SeriesUid, SopInstanceUid, StudyUid


def requests(count: int, *, known: int = 0, others: int = 0) -> list[Wanted]:
    """Return the requests for a study with one series, of whose films the first are known."""
    films = tuple(SopInstanceUid(f"1.{number}") for number in range(count))
    series = RemoteSeries(series_uid=SeriesUid("1"), films=films, others=others)
    return list(wanted(RemoteStudy(study_uid=StudyUid("1"), date="", series=(series,)), films[:known]))


def test_a_series_of_which_all_is_missing_is_asked_for_at_once() -> None:
    """However many films it has."""
    assert [(len(one.films), one.is_whole_series) for one in requests(120)] == [(120, True)]


def test_of_a_series_that_is_partly_here_the_rest_is_asked_for() -> None:
    """By its UIDs."""
    assert [(one.films, one.is_whole_series) for one in requests(3, known=1)] == [(("1.1", "1.2"), False)]


def test_a_series_with_other_instances_is_not_asked_for_as_a_whole() -> None:
    """They could not come."""
    assert [one.is_whole_series for one in requests(1, others=1)] == [False]


def test_long_lists_are_cut() -> None:
    """Some archives take no long ones."""
    assert [len(one.films) for one in requests(121, known=1)] == [50, 50, 20]


def test_what_is_here_is_not_asked_for() -> None:
    """Nothing is left of the series."""
    assert requests(3, known=3) == []


@pytest.mark.parametrize(
    "keys", [{}, {"modalities": frozenset({"CR"})}, {"date": "20260102", "modalities": frozenset()}]
)
def test_a_query_that_would_match_all_is_none(keys: dict[str, object]) -> None:
    """Or that would match nothing."""
    with pytest.raises(ValueError, match="say which"):
        Query(**keys)  # type: ignore[arg-type]
