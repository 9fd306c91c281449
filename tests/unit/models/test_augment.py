from __future__ import annotations

import numpy as np

from models.augment import augment
from models.layer_summary import reference_image


def test_a_changed_film_is_still_a_film() -> None:
    """Whatever the dice say, shape, type and range of a film stay."""
    film = reference_image(224)
    for seed in range(20):
        changed = augment(film, np.random.default_rng(seed))
        assert changed.shape == film.shape
        assert changed.dtype == np.float32
        assert 0.0 <= changed.min() < changed.max() <= 1.0


def test_the_same_dice_give_the_same_film() -> None:
    """Changing a film is repeatable, and other dice give another film."""
    film = reference_image(224)
    first, again, other = (augment(film, np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
