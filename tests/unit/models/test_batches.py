from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("tensorflow", reason="training needs more packages: pip install 'hilum[train]'")

from models.looks import Look, LungField, show
from models.training.augmentation import NONE, Augmentation
from models.training.batches import Drawing, Films, group_shares, looks
from tests.drawn import lung_mask, square_film

# TensorFlow arrays do not know the copy keyword of NumPy 2 yet.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


def _films(count: int = 12, *, lungs_only: bool = False) -> Films:
    square = np.round(square_film() * 255).astype(np.uint8)
    mask = np.round(lung_mask() * 255).astype(np.uint8)
    field = LungField.of(square.astype(np.float32) / 255, mask.astype(np.float32) / 255)
    return Films(
        squares=np.stack([square] * count),
        masks=np.stack([mask] * count),
        boxes=np.tile(np.array([field.box], np.float32), (count, 1)),
        greys=np.tile(np.array([[field.mean, field.deviation]], np.float32), (count, 1)),
        targets=np.eye(3, dtype=np.float32)[np.arange(count) % 3],
        groups=np.arange(count) % 3,
        lungs_only=np.full(count, lungs_only),
    )


@pytest.mark.parametrize(("look", "alone"), [(Look.CROP, 0.0), (Look.LUNGS, 1.0)])
def test_training_shows_what_serving_shows(look: Look, alone: float) -> None:
    """Without changes, the graph's look is the one of `models.looks`, but for the resampling at edges."""
    films = _films(1)
    square, mask = films.squares[0].astype(np.float32) / 255, films.masks[0].astype(np.float32) / 255
    served, _ = show(square, mask, [look], 160)
    arrays = (films.squares, films.masks, films.boxes, films.greys)
    trained = looks(*arrays, np.array([alone], np.float32), NONE, 160).numpy()[..., 0]
    assert np.abs(trained - served).mean() < 0.01


def test_the_paper_is_shown_the_whole_film() -> None:
    """Training without a crop shows what serving shows a network of whole films."""
    films = _films(1).uncropped()
    square, mask = films.squares[0].astype(np.float32) / 255, films.masks[0].astype(np.float32) / 255
    served, _ = show(square, mask, [Look.FILM], 224)
    arrays = (films.squares, films.masks, films.boxes, films.greys)
    trained = looks(*arrays, np.zeros(1, np.float32), NONE, 224).numpy()[..., 0]
    np.testing.assert_allclose(trained, served, atol=1e-4)


def test_changes_keep_shape_and_range() -> None:
    """A changed look is still a picture of grey values, and no two changes are alike."""
    films = _films(4)
    arrays = (films.squares, films.masks, films.boxes, films.greys, np.array([0, 1, 0, 1], np.float32))
    changed = looks(*arrays, Augmentation(), 64).numpy()
    assert changed.shape == (4, 64, 64, 1)
    assert 0.0 <= changed.min() < changed.max() <= 1.0
    assert np.abs(changed[0] - changed[2]).mean() > 0.01


def test_balance_draws_every_class_alike() -> None:
    """Ten films of one class are drawn as often as a hundred of another, and a rare source more often per film."""
    groups = np.array([0] * 10 + [1] * 90 + [2] * 10)
    targets = np.eye(3, dtype=np.float32)[np.array([0] * 10 + [1] * 100)]
    shares = group_shares(groups, targets, balance=0.5)
    assert shares[0] == pytest.approx(shares[1] + shares[2])
    assert shares[2] / 10 == pytest.approx(3 * shares[1] / 90)
    assert group_shares(groups, targets, balance=None)[1] == pytest.approx(90 / 110)


def test_a_step_draws_the_same_films_again() -> None:
    """Seed and step decide, so that a resumed training goes on as if nothing had happened."""
    one, other = (Drawing(films=_films(), batch=16, balance=0.7, lungs_share=0.5, seed=seed) for seed in (7, 8))
    np.testing.assert_array_equal(one.rows(5)[0], one.rows(5)[0])
    assert (one.rows(5)[0] != one.rows(6)[0]).any()
    assert (one.rows(5)[0] != other.rows(5)[0]).any()


def test_a_lungs_only_film_is_never_shown_as_a_crop() -> None:
    """There is nothing around its lungs to be seen."""
    drawing = Drawing(films=_films(lungs_only=True), batch=16, balance=0.7, lungs_share=0.0, seed=7)
    assert drawing.rows(0)[1].all()
