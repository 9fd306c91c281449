from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.looks import GREY_DEVIATION, GREY_MEAN, WHOLE, Look, LungField, show
from tests.drawn import lung_mask, square_film


def test_a_crop_keeps_the_lungs_and_little_else() -> None:
    """The box reaches from the first to the last column and row of lung, plus a margin."""
    field = LungField.of(square_film(), lung_mask(left=20, top=30, right=90, bottom=80))
    assert field.box == pytest.approx((20 / 112 - 0.04, 30 / 112 - 0.03, 90 / 112 + 0.04, 80 / 112 + 0.03), abs=0.015)


def test_a_stray_pixel_does_not_widen_the_crop() -> None:
    """One pixel of lung in a corner changes nothing."""
    mask = lung_mask()
    stray = mask.copy()
    stray[0, 0] = 1.0
    assert LungField.of(square_film(), stray).box == pytest.approx(LungField.of(square_film(), mask).box, abs=0.01)


def test_without_lungs_the_whole_film_is_shown() -> None:
    """An empty mask gives the whole film rather than an error: whether it may be judged is decided elsewhere."""
    assert LungField.of(square_film(), np.zeros((112, 112), np.float32)).box == WHOLE


def test_lungs_alone_do_not_show_what_lies_outside() -> None:
    """A change outside of the lungs changes the crop, not the lungs alone."""
    mask, film = lung_mask(), square_film()
    other = film.copy()
    other[np.kron(mask, np.ones((2, 2))) < 0.5] = 0.9
    (crop, lungs), _ = show(film, mask, [Look.CROP, Look.LUNGS], 160)
    (other_crop, other_lungs), _ = show(other, mask, [Look.CROP, Look.LUNGS], 160)
    inside = np.abs(lungs - GREY_MEAN) > 0.0
    assert np.abs(other_crop - crop).max() > 0.2
    assert np.abs(other_lungs - lungs)[~inside].max() == 0.0
    assert np.median(np.abs(other_lungs - lungs)[inside]) < 0.01


@given(gain=st.floats(0.3, 1.0), lift=st.floats(0.0, 0.5))
def test_exposure_says_nothing(gain: float, lift: float) -> None:
    """The same film, darker or flatter, looks the same."""
    mask, film = lung_mask(), square_film() * np.float32(0.6)
    flat = np.asarray(film * np.float32(gain) + np.float32(lift * 0.4), dtype=np.float32)
    one, _ = show(film, mask, [Look.CROP], 160)
    other, _ = show(flat, mask, [Look.CROP], 160)
    np.testing.assert_allclose(other, one, atol=0.01)


def test_grey_values_are_standardised_inside_the_lungs() -> None:
    """The mean is 0.5 and the deviation 0.2 whatever they were."""
    (lungs,), _ = show(square_film(), lung_mask(), [Look.LUNGS], 160)
    inside = lungs[np.abs(lungs - GREY_MEAN) > 0]
    assert inside.mean() == pytest.approx(GREY_MEAN, abs=0.03)
    assert inside.std() == pytest.approx(GREY_DEVIATION, abs=0.05)


def test_the_whole_film_is_shown_unchanged_at_its_own_size() -> None:
    """The look of the paper's recipe is the prepared film itself."""
    film = square_film()
    looks, boxes = show(film, lung_mask(), [Look.FILM], 224)
    np.testing.assert_array_equal(looks[0], film)
    assert boxes == [WHOLE]
