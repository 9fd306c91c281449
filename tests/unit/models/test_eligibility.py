from __future__ import annotations

import numpy as np
import pytest

from domain.film import Unsuitable
from models.eligibility import Limits, exposure, has_two_lungs, verdict
from tests.drawn import lung_mask, square_film

LIMITS = Limits()


def test_a_frontal_film_with_two_lungs_is_accepted() -> None:
    """Nothing speaks against it."""
    assert verdict(lung_mask(), 0.9, 0.1, LIMITS) is None


def test_what_does_not_look_like_a_chest_film_is_named_so() -> None:
    """The network's word counts, whatever the mask shows."""
    assert verdict(lung_mask(), 0.1, 0.1, LIMITS) is Unsuitable.NOT_A_CHEST_FILM


def test_an_inverted_film_is_told_from_no_film() -> None:
    """Where only the inverted image looks like a chest film, that is the reason."""
    assert verdict(lung_mask(), 0.1, 0.9, LIMITS) is Unsuitable.INVERTED


@pytest.mark.parametrize(
    "mask",
    [
        pytest.param(np.zeros((112, 112), np.float32), id="none"),
        pytest.param(np.ones((112, 112), np.float32), id="everything"),
        pytest.param(lung_mask(left=50, top=50, right=60, bottom=60), id="tiny"),
        pytest.param(lung_mask(one_lung=True), id="one"),
    ],
)
def test_no_two_lungs_is_a_reason(mask: np.ndarray) -> None:
    """Without two lungs of plausible size the film can't be judged."""
    assert not has_two_lungs(mask, LIMITS)
    assert verdict(mask, 0.9, 0.1, LIMITS) is Unsuitable.NO_LUNGS


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_a_film_that_is_nearly_all_black_or_white_is_badly_exposed(value: float) -> None:
    """Four fifths without detail are too much; a letterbox of two fifths is not."""
    film = square_film().clip(0.1, 0.9)
    film[:180] = value
    assert exposure(film) is Unsuitable.BADLY_EXPOSED
    film = square_film().clip(0.1, 0.9)
    film[:90] = value
    assert exposure(film) is None
