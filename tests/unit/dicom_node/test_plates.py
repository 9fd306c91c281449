"""From stored values to grey levels that a viewer windows by itself."""

from __future__ import annotations

import numpy as np
import pytest

from dicom_node.pixels import render, unwindowed
from domain.film import NotClassifiable, Unsuitable
from models.small_picture import grey_levels
from tests.variants import made


def windowed(film: object) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    """Apply the film's own window to its levels, as a viewer does."""
    image, scale = unwindowed(film)  # type: ignore[arg-type]  # a data set
    values = scale.black + image.astype(np.float64) * (scale.white - scale.black)
    shown = np.clip((values - scale.centre) / scale.width + 0.5, 0.0, 1.0)
    return shown if scale.white > scale.black else 1.0 - shown


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"WindowCenter": None, "WindowWidth": None},
        {"PhotometricInterpretation": "MONOCHROME1"},
        {"RescaleSlope": 2, "RescaleIntercept": -1000, "WindowCenter": 1000, "WindowWidth": 3000},
    ],
)
def test_with_its_own_window_a_plate_is_the_rendered_film(changes: dict[str, object]) -> None:
    """Whatever polarity and rescale it has."""
    film = made(**changes)
    assert np.abs(windowed(film) - render(film)).max() < 0.005


def test_a_plate_holds_what_the_window_hides() -> None:
    """All values, not only those in the window."""
    image, scale = unwindowed(made(WindowCenter=500, WindowWidth=100))
    assert (image.min(), image.max()) == (0.0, 1.0)
    assert (scale.centre, scale.width) == (500.0, 100.0)


def test_padding_is_black_and_counts_for_nothing() -> None:
    """It would squeeze all other values."""
    film = made()
    film.PixelPaddingValue = int(film.pixel_array.max())
    image, scale = unwindowed(film)
    assert scale.white < film.PixelPaddingValue
    assert image[film.pixel_array == film.PixelPaddingValue].max() == 0.0


def test_a_film_of_one_value_has_no_plate() -> None:
    """There is nothing to see."""
    film = made()
    film.PixelData = bytes(len(film.PixelData))
    with pytest.raises(NotClassifiable) as caught:
        unwindowed(film)
    assert caught.value.reason is Unsuitable.NO_CONTRAST


def test_grey_levels_keep_sixteen_bits_and_proportions() -> None:
    """And are no larger than asked for."""
    image = np.linspace(0.0, 1.0, 200 * 100, dtype=np.float32).reshape(200, 100)
    assert (grey_levels(image, 500).shape, grey_levels(image, 50).shape) == ((200, 100), (50, 25))
    assert (grey_levels(image, 500).min(), grey_levels(image, 500).max()) == (0, 65535)
    assert len(np.unique(grey_levels(image, 500))) == 200 * 100
