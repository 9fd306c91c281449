from __future__ import annotations

import numpy as np
import pytest

from models.evaluation.metrics import calibration_error
from models.training.calibrate import fit_temperature, macro_auroc, softmax


def test_the_temperature_makes_an_overconfident_network_honest() -> None:
    """Scores that are three times too large are found to be so, and the calibration error falls."""
    random = np.random.default_rng(1)
    honest = random.normal(0, 1.5, (4000, 3))
    classes = np.array([random.choice(3, p=row) for row in softmax(honest)])
    temperature = fit_temperature(honest * 3, classes, np.ones(4000))
    assert temperature == pytest.approx(3.0, rel=0.1)
    before, after = softmax(honest * 3), softmax(honest * 3 / temperature)
    assert calibration_error(after, classes) < 0.05 < calibration_error(before, classes)


def test_a_film_counts_by_its_weight() -> None:
    """Films of weight nought do not sway the temperature."""
    scores = np.array([[4.0, 0, 0], [4.0, 0, 0], [4.0, 0, 0]])
    right_only = fit_temperature(scores, np.array([0, 0, 1]), np.array([1.0, 1.0, 0.0]))
    assert right_only < fit_temperature(scores, np.array([0, 0, 1]), np.ones(3))


def test_the_macro_area_needs_every_class() -> None:
    """Without films of a class there is no mean over the classes."""
    probabilities = softmax(np.random.default_rng(0).normal(size=(30, 3)))
    assert macro_auroc(probabilities, np.array([0, 1] * 15)) is None
    assert macro_auroc(np.eye(3)[[0, 1, 2] * 10], np.array([0, 1, 2] * 10)) == 1.0
