"""Drift: an index, and what it means with so many results."""

from __future__ import annotations

import pytest

from domain.findings import Label
from domain.quality import BINS, Reading, Scores, drift, stability_index


def scores(counts: tuple[int, ...], *, is_last: bool) -> list[Scores]:
    return [Scores(sender="X", week="2026-W48", label=label, counts=counts, is_last=is_last) for label in Label]


def spread(*counts: int) -> tuple[int, ...]:
    return counts + (0,) * (BINS - len(counts))


def test_the_same_shape_has_the_index_0() -> None:
    """However many there are, nearly."""
    assert stability_index([10] * 10, [10] * 10) == 0
    assert stability_index([1000] * 10, [10] * 10) == pytest.approx(0, abs=1e-9)


def test_the_index_is_that_of_the_textbook() -> None:
    """Shares of 0.5 and 0.5 against 0.9 and 0.1, but for the half that is added to each count."""
    assert stability_index([50_000, 50_000], [90_000, 10_000]) == pytest.approx(0.8789, abs=1e-3)


@pytest.mark.parametrize(
    ("last", "before", "reading"),
    [
        (spread(10, 9), spread(500, 500), Reading.TOO_FEW),
        (spread(12, 8), spread(500, 500), Reading.CHANCE),
        (spread(50_000, 50_000), spread(52_000, 48_000), Reading.SMALL),
        (spread(5000, 5000), spread(6800, 3200), Reading.SOME),
        (spread(500, 500), spread(900, 100), Reading.CLEAR),
    ],
)
def test_a_reading_counts_on_chance(last: tuple[int, ...], before: tuple[int, ...], reading: Reading) -> None:
    """With few results an index is large by itself."""
    (found,) = drift([*scores(last, is_last=True), *scores(before, is_last=False)])
    assert (found.last, found.before, found.reading) == (sum(last), sum(before), reading)


def test_weeks_before_are_put_together() -> None:
    """Each sender by itself."""
    (found,) = drift([*scores(spread(30), is_last=False)] * 2 + scores(spread(25), is_last=True))
    assert (found.last, found.before, found.worst) == (25, 60, pytest.approx(0, abs=0.1))
