"""Chest films that can't be judged as they are: turned, inverted, cut, or shown beside others."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from models.drawn.canvas import SIZE, Bytes, chance
from models.drawn.plates import screen

if TYPE_CHECKING:
    from collections.abc import Sequence

_GREYS = 255


def detail(films: Sequence[Bytes], random: np.random.Generator) -> Bytes:
    """Return a small part of a film, blown up: two fifths of its width and height at most."""
    wide, high = random.uniform(0.15, 0.4, 2) * SIZE
    left, top = random.uniform(0, SIZE - wide), random.uniform(0, SIZE - high)
    return _part(films[0], (left, top, left + wide, top + high))


def half(films: Sequence[Bytes], random: np.random.Generator) -> Bytes:
    """Return one side of a chest, or what lies below the lungs or above them."""
    share = random.uniform(0.3, 0.45) * SIZE
    sides = ((0, 0, share * 1.1, SIZE), (SIZE - share * 1.1, 0, SIZE, SIZE))
    parts = (*sides, *sides, (0, SIZE - share, SIZE, SIZE), (0, 0, SIZE, share * 0.8))
    return _part(films[0], parts[random.integers(len(parts))])


def sideways(films: Sequence[Bytes], random: np.random.Generator) -> Bytes:
    """Return a film that lies on its side."""
    return np.ascontiguousarray(np.rot90(films[0], random.choice((1, 3))))


def upside_down(films: Sequence[Bytes], random: np.random.Generator) -> Bytes:
    """Return a film with the neck below."""
    turned = films[0][::-1]
    return np.ascontiguousarray(turned if chance(random, 0.5) else turned[:, ::-1])


def inverted(films: Sequence[Bytes], random: np.random.Generator) -> Bytes:
    """Return a film with black and white exchanged."""
    del random
    return np.asarray(_GREYS - films[0], dtype=np.uint8)


def beside(films: Sequence[Bytes], random: np.random.Generator) -> Bytes:
    """Return films side by side, on top of each other or in four fields, squeezed into one square."""
    columns, rows = ((2, 1), (2, 1), (1, 2), (2, 2), (3, 1))[random.integers(5)]
    ground, gap = int(random.choice((0, 0, _GREYS))), int(random.integers(0, 8))
    sheet = Image.new("L", (SIZE, SIZE), ground)
    wide, high = SIZE // columns, SIZE // rows
    keep_shape = chance(random, 0.5)
    for number in range(columns * rows):
        film = Image.fromarray(films[number % len(films)])
        size = (min(wide, high),) * 2 if keep_shape else (wide, high)
        film = film.resize((size[0] - gap, size[1] - gap), Image.Resampling.BILINEAR)
        x, y = number % columns * wide + (wide - size[0]) // 2, number // columns * high + (high - size[1]) // 2
        sheet.paste(film, (x + gap // 2, y + gap // 2))
    return np.asarray(sheet)


def in_a_screenshot(films: Sequence[Bytes], random: np.random.Generator) -> Bytes:
    """Return a program's screen that shows a film in a part of it."""
    sheet = screen(random)
    wide, high = (random.uniform(0.25, 0.5, 2) * SIZE).astype(int).tolist()
    left, top = int(random.integers(0, SIZE - wide)), int(random.integers(16, SIZE - high))
    sheet.paste(Image.fromarray(films[0]).resize((wide, high), Image.Resampling.BILINEAR), (left, top))
    return np.asarray(sheet)


def washed_out(films: Sequence[Bytes], random: np.random.Generator) -> Bytes:
    """Return a film of which exposure or a broken window left black and white spots only."""
    film = films[0].astype(np.float32) - np.float32(random.choice((60, 190)))
    return np.asarray(np.clip(film * np.float32(random.uniform(12, 40)), 0, _GREYS), dtype=np.uint8)


def _part(film: Bytes, area: tuple[float, ...]) -> Bytes:
    left, top, right, bottom = area
    picture = Image.fromarray(film)
    return np.asarray(picture.resize((SIZE, SIZE), Image.Resampling.BILINEAR, box=(left, top, right, bottom)))
