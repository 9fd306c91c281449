from __future__ import annotations

import numpy as np
from PIL import Image, ImageFilter

from models.training.batches import Films
from models.training.twins import twins
from tests.drawn import lung_mask

SIDE = (224, 224)


def _texture(seed: int) -> np.ndarray:
    noise = np.random.default_rng(seed).integers(0, 256, (28, 28), dtype=np.uint8)
    return np.asarray(Image.fromarray(noise).resize(SIDE, Image.Resampling.BICUBIC))


def _films(squares: list[np.ndarray]) -> Films:
    count = len(squares)
    mask = np.asarray(lung_mask() * 255, dtype=np.uint8)
    return Films(
        squares=np.stack(squares).astype(np.uint8),
        masks=np.stack([mask] * count),
        boxes=np.tile(np.array([[0.1, 0.1, 0.9, 0.9]], np.float32), (count, 1)),
        greys=np.tile(np.array([[0.5, 0.2]], np.float32), (count, 1)),
        targets=np.eye(3, dtype=np.float32)[np.zeros(count, dtype=int)],
        groups=np.zeros(count, dtype=np.int64),
        lungs_only=np.zeros(count, dtype=bool),
    )


def test_a_changed_copy_is_found_among_strangers() -> None:
    """Blurred, flattened and cut to its lungs, a film is still taken for the film it was made of."""
    blurred = np.asarray(Image.fromarray(_texture(3)).filter(ImageFilter.GaussianBlur(2)))
    cut = blurred // 2 * (np.kron(lung_mask(), np.ones((2, 2))) > 0)
    films = _films([_texture(1), _texture(2), _texture(3), cut])
    assert twins(films, np.array([3]), np.array([0, 1, 2])) == {3: 2}


def test_strangers_are_no_twins() -> None:
    """Films that share nothing but the shape of the lungs are left alone; so is a film without others."""
    films = _films([_texture(number) for number in range(6)])
    assert twins(films, np.array([0, 1]), np.array([2, 3, 4, 5])) == {}
    assert twins(films, np.array([0]), np.array([], dtype=np.int64)) == {}
