from __future__ import annotations

import numpy as np
import pytest

from models.networks.layer_summary import reference_image
from models.preprocess import prepare


@pytest.mark.parametrize("shape", [(224, 224), (2048, 2500), (60, 90), (301, 299)])
def test_every_film_becomes_the_input_of_the_network(shape: tuple[int, int]) -> None:
    """Whatever the size of a film, the network gets 224 x 224 float32 values from 0 to 1."""
    prepared = prepare(np.random.default_rng(1).random(shape, dtype=np.float32))
    assert prepared.shape == (224, 224)
    assert prepared.dtype == np.float32
    assert prepared.min() == 0.0
    assert prepared.max() == 1.0


def test_the_size_of_a_film_says_nothing() -> None:
    """The same picture in two sizes looks the same to the network."""
    small, large = (prepare(_smooth(size)) for size in (224, 1400))
    assert np.abs(small - large).mean() < 0.01


def test_the_window_of_a_film_says_nothing() -> None:
    """A film that uses only the middle of the grey scale looks like the one that uses all of it."""
    film = reference_image(448)
    np.testing.assert_allclose(prepare(film * np.float32(0.4) + np.float32(0.3)), prepare(film), atol=1e-4)


def test_a_few_glaring_pixels_do_not_darken_the_film() -> None:
    """A marker in one corner leaves the grey values of the lungs where they were."""
    film = reference_image(448) * np.float32(0.5)
    marked = film.copy()
    marked[:20, :20] = 1.0
    assert np.abs(prepare(marked) - prepare(film))[60:].max() < 0.02


@pytest.mark.parametrize("value", [0.0, 0.5, 1.0])
def test_a_blank_film_stays_flat(value: float) -> None:
    """A film without contrast gives a flat, finite picture instead of amplified noise."""
    assert np.ptp(prepare(np.full((300, 300), value, dtype=np.float32))) == 0.0


def test_the_same_film_gives_the_same_input() -> None:
    """Preparing a film twice gives identical bytes and leaves the film as it was."""
    film = reference_image(500)
    before = film.copy()
    assert prepare(film).tobytes() == prepare(film).tobytes()
    assert np.array_equal(film, before)


@pytest.mark.parametrize("shape", [(224, 224, 3), (10,), (0, 10)])
def test_what_is_no_film_is_refused(shape: tuple[int, ...]) -> None:
    """An array that is not rows and columns of pixels is refused."""
    with pytest.raises(ValueError, match="rows and columns"):
        prepare(np.zeros(shape, dtype=np.float32))


def _smooth(size: int) -> np.ndarray:
    row, column = np.meshgrid(np.linspace(0, 1, size), np.linspace(0, 1, size), indexing="ij")
    return (0.5 + 0.25 * np.sin(6 * row) + 0.25 * np.cos(9 * column)).astype(np.float32)
