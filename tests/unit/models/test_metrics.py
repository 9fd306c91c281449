"""The statistics, against small cases worked by hand and against what must always hold."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.intervals import wilson
from models.evaluation.metrics import (
    Array,
    auroc,
    basic_interval,
    calibration_error,
    percentile_interval,
    reliability,
    resamples,
    weighted_auroc,
    weighted_ratio,
)

FILMS = st.lists(st.tuples(st.integers(0, 5), st.booleans(), st.integers(0, 3)), min_size=1, max_size=25)


def columns(films: list[tuple[int, bool, int]]) -> tuple[Array, np.ndarray, Array]:
    values, positive, times = zip(*films, strict=True)
    return np.array(values, dtype=float), np.array(positive), np.array(times, dtype=float)


def test_auroc_is_the_share_of_pairs_in_the_right_order() -> None:
    """Of six pairs four are in order and one is tied: 4.5 / 6."""
    values, positive = np.array([0.9, 0.5, 0.7, 0.5, 0.1]), np.array([True, True, False, False, False])
    assert auroc(values, positive) == pytest.approx(4.5 / 6)


def test_auroc_needs_both_classes() -> None:
    """With films of one class only, or none, there is no area."""
    assert auroc(np.array([0.1, 0.9]), np.array([True, True])) is None
    assert auroc(np.array([]), np.array([], dtype=bool)) is None


@given(FILMS)
def test_a_weight_counts_a_film_so_often(films: list[tuple[int, bool, int]]) -> None:
    """The weighted area is the area of the films repeated."""
    values, positive, times = columns(films)
    repeated = auroc(np.repeat(values, times.astype(int)), np.repeat(positive, times.astype(int)))
    weighted = weighted_auroc(values, positive, times[None, :])[0]
    assert weighted == pytest.approx(np.nan if repeated is None else repeated, nan_ok=True)


@given(FILMS)
def test_the_other_side_has_the_other_area(films: list[tuple[int, bool, int]]) -> None:
    """Swapping the classes mirrors the area at one half."""
    values, positive, _ = columns(films)
    area, mirrored = auroc(values, positive), auroc(values, ~positive)
    assert (area is None) == (mirrored is None)
    assert area is None or area + (mirrored or 0.0) == pytest.approx(1.0)


def test_a_ratio_of_nothing_is_unknown() -> None:
    """One of two drawn films is a hit; a resample without films of the base has no value."""
    hits, base = np.array([[1.0], [0.0], [0.0]]), np.array([[1.0], [1.0], [0.0]])
    found = weighted_ratio(hits, base, np.array([[1.0, 1.0, 1.0], [0.0, 0.0, 3.0]]))
    assert found[0, 0] == 0.5
    assert np.isnan(found[1, 0])


def test_calibration_error_of_two_bins() -> None:
    """Half the films are 0.9 sure and half of those right, the others 0.6 sure and right: 0.5 x 0.4 + 0.5 x 0.4."""
    probabilities = np.array([[0.9, 0.1, 0.0]] * 2 + [[0.6, 0.4, 0.0]] * 2)
    classes = np.array([0, 1, 0, 0])
    assert calibration_error(probabilities, classes) == pytest.approx(0.4)
    assert [(entry["films"], entry["right"]) for entry in reliability(probabilities, classes)] == [(2, 1.0), (2, 0.5)]


def test_wilson_interval_of_a_textbook_case() -> None:
    """Ten of a hundred has the 95 % interval 5.5 % to 17.4 %; none of none has no interval."""
    assert wilson(10, 100) == pytest.approx((0.0552, 0.1744), abs=1e-4)
    assert wilson(0, 0) is None


@given(st.integers(0, 40), st.integers(1, 40))
def test_wilson_interval_holds_the_share(count: int, more: int) -> None:
    """The share lies in its interval, which lies between 0 and 1."""
    total = count + more - 1
    if total:
        low, high = wilson(count, total) or (2.0, -1.0)
        assert 0.0 <= low <= count / total + 1e-12
        assert count / total - 1e-12 <= high <= 1.0


@given(st.lists(st.integers(0, 6), min_size=2, max_size=30), st.integers(0, 99))
def test_patients_are_drawn_whole(patients: list[int], seed: int) -> None:
    """All films of a patient have one weight, and each resample draws as many patients as there are."""
    numbers = np.array(patients)
    first = [int(np.flatnonzero(numbers == patient)[0]) for patient in np.unique(numbers)]
    for weights in resamples(numbers, 70, seed):
        assert (weights == weights[:, [first[list(np.unique(numbers)).index(p)] for p in patients]]).all()
        assert (weights[:, first].sum(axis=1) == len(first)).all()


def test_the_seed_decides_the_resamples() -> None:
    """Same seed, same weights; a hundred resamples come in rows of a hundred; one patient gives none."""
    patients = np.arange(9)
    one, other = (np.concatenate(list(resamples(patients, 100, 3))) for _ in range(2))
    assert one.shape == (100, 9)
    assert (one == other).all()
    assert (one != np.concatenate(list(resamples(patients, 100, 4)))).any()
    assert list(resamples(np.zeros(9, dtype=int), 100, 3)) == []


def test_the_bootstrap_finds_the_known_spread_of_a_mean() -> None:
    """Of 400 single films with a share of one half the interval is close to 0.5 +- 1.96 x 0.025."""
    hits = np.arange(400)[:, None] % 2 == 0
    weights = np.concatenate(list(resamples(np.arange(400), 2000, 1)))
    draws = weighted_ratio(hits.astype(float), np.ones((400, 1)), weights)[:, 0]
    assert percentile_interval(draws) == pytest.approx((0.451, 0.549), abs=0.006)


def test_films_of_one_patient_widen_the_interval() -> None:
    """400 films of 40 patients, alike within each, say no more than 40 films."""
    hits, patients = (np.arange(400) // 10 % 2 == 0).astype(float)[:, None], np.arange(400) // 10
    draws = weighted_ratio(hits, np.ones((400, 1)), np.concatenate(list(resamples(patients, 2000, 1))))[:, 0]
    low, high = percentile_interval(draws) or (0.0, 0.0)
    assert high - low == pytest.approx(2 * 1.96 * 0.5 / 40**0.5, rel=0.1)


def test_an_interval_needs_values() -> None:
    """Where most resamples have no value there is no interval, and a mirrored one does not go below 0."""
    assert percentile_interval(np.array([np.nan, np.nan, 0.5])) is None
    assert percentile_interval(np.array([])) is None
    assert basic_interval(0.1, np.linspace(0.1, 0.3, 101)) == pytest.approx((0.0, 0.095))
