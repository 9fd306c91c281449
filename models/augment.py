"""Change a training film in ways that do not change its diagnosis, so that the network can't rely on them."""

from __future__ import annotations

import io
import math
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageFilter

if TYPE_CHECKING:
    from domain.film import GreyImage

_MIRRORED = 0.5
"""Share of films that are mirrored."""
_MOST_ROTATION = math.radians(8.0)
_MOST_SHIFT = 0.05
_MOST_ZOOM = 0.08
_MOST_BLUR_PIXELS = 1.2
_GAMMA = (0.7, 1.4)
_JPEG_QUALITY = (35, 95)
_MOST_NOISE = 0.02


def augment(image: GreyImage, random: np.random.Generator) -> GreyImage:
    """Return the film mirrored, moved, blurred, recompressed and re-exposed at random: same shape, float32, 0 to 1."""
    picture = Image.fromarray(np.round(image * 255.0).astype(np.uint8))
    if random.random() < _MIRRORED:
        picture = picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    picture = _recompress(_blur(_move(picture, random), random), random)
    return _expose(np.asarray(picture, dtype=np.float32) / np.float32(255.0), random)


def _move(picture: Image.Image, random: np.random.Generator) -> Image.Image:
    """Rotate, zoom and shift about the centre; what comes in from outside is black."""
    columns, rows = picture.size
    angle = random.uniform(-_MOST_ROTATION, _MOST_ROTATION)
    zoom = 1.0 + random.uniform(-_MOST_ZOOM, _MOST_ZOOM)
    right, down = random.uniform(-_MOST_SHIFT, _MOST_SHIFT, 2) * (columns, rows)
    cosine, sine = math.cos(angle) / zoom, math.sin(angle) / zoom
    x, y = columns / 2, rows / 2
    matrix = (cosine, sine, x - cosine * x - sine * y - right, -sine, cosine, y + sine * x - cosine * y - down)
    return picture.transform(picture.size, Image.Transform.AFFINE, matrix, Image.Resampling.BILINEAR)


def _blur(picture: Image.Image, random: np.random.Generator) -> Image.Image:
    return picture.filter(ImageFilter.GaussianBlur(random.uniform(0.0, _MOST_BLUR_PIXELS)))


def _recompress(picture: Image.Image, random: np.random.Generator) -> Image.Image:
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=int(random.integers(*_JPEG_QUALITY)))
    return Image.open(buffer)


def _expose(image: GreyImage, random: np.random.Generator) -> GreyImage:
    noise = random.normal(0.0, random.uniform(0.0, _MOST_NOISE), image.shape)
    return np.clip(image ** random.uniform(*_GAMMA) + noise, 0.0, 1.0).astype(np.float32)
