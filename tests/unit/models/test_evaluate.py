from __future__ import annotations

import numpy as np
import pytest

from models.evaluate import auroc, calibration_error, fit_temperature, measure, proportion, softmax


def test_auroc_is_the_share_of_pairs_in_the_right_order() -> None:
    """Of six pairs four are in order and one is tied: 4.5 / 6."""
    values, positive = np.array([0.9, 0.5, 0.7, 0.5, 0.1]), np.array([True, True, False, False, False])
    assert auroc(values, positive) == pytest.approx(4.5 / 6)


def test_auroc_needs_both_classes() -> None:
    """With films of one class only there is no area."""
    assert auroc(np.array([0.1, 0.9]), np.array([True, True])) is None


def test_the_temperature_undoes_overconfidence() -> None:
    """Scores that were sharpened threefold are cooled by about three, and the calibration error falls."""
    random = np.random.default_rng(5)
    honest = random.normal(0, 1.5, (4000, 3))
    classes = np.array([random.choice(3, p=p) for p in softmax(honest)])
    temperature = fit_temperature(honest * 3, classes)
    assert temperature == pytest.approx(3.0, rel=0.15)
    before = calibration_error(softmax(honest * 3), classes)
    assert calibration_error(softmax(honest * 3, temperature), classes) < before / 3


def test_wilson_interval_of_a_textbook_case() -> None:
    """Ten of a hundred has the 95 % interval 5.5 % to 17.4 % (Wilson score)."""
    assert proportion(10, 100)["interval_95"] == [0.0552, 0.1744]


def test_false_covid_calls_are_counted_on_other_films_only() -> None:
    """Two of three films without COVID-19 that are called COVID-19 are two false calls of three."""
    named = np.eye(3)[[0, 0, 0, 1]]
    found = measure(named, np.array([0, 1, 2, 1]))
    assert found["false_covid19"]["count"] == 2  # type: ignore[index]
    assert found["false_covid19"]["of"] == 3  # type: ignore[index]
    assert found["sensitivity"]["NORMAL"]["share"] == 0.5  # type: ignore[index]
