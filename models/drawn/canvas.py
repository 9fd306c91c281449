"""A square film that is drawn: shapes weaken the X-rays, and what lies on one line adds up, as on a real film."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFilter

from models.networks.architecture import IMAGE_SIZE

if TYPE_CHECKING:
    from collections.abc import Callable

Bytes = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]
Point = tuple[float, float]
"""Column and row as shares of the film: (0, 0) is the upper left corner, (1, 1) the lower right one."""

SIZE = IMAGE_SIZE
_GREYS = 255.0
_LEAST_RADIUS = 1e-3
_PLACES = ((np.arange(SIZE) + 0.5) / SIZE).astype(np.float32)
"""Middle of each column or row."""


class Canvas:
    """A film in the making; a shape's weight is what it adds where it is thickest, 1 is about the whole range."""

    def __init__(self, ground: float = 0.0) -> None:
        self.grey: Floats = np.full((SIZE, SIZE), ground, dtype=np.float32)

    def ball(self, centre: Point, radii: Point, weight: float, *, angle: float = 0.0, rim: float = 1.0) -> None:
        """Add an ellipsoid; a rim below 1 makes it a hollow one whose wall is that share of the radius."""
        part, x, y = self._window(centre, max(radii))
        if x.size and y.size:
            self.grey[part] += np.float32(weight) * _thickness(_distance(x, y, radii, angle), rim)

    def disc(self, centre: Point, radii: Point, weight: float, *, angle: float = 0.0, edge: float = 0.1) -> None:
        """Add an ellipse of even weight, which fades over `edge`, a share of its radius."""
        part, x, y = self._window(centre, max(radii) * (1 + edge))
        if x.size and y.size:
            inside = np.float32(1 / edge + 1) - np.sqrt(_distance(x, y, radii, angle)) * np.float32(1 / edge)
            self.grey[part] += np.float32(weight) * np.clip(inside, 0, 1)

    def bone(
        self, ends: tuple[Point, Point], radii: Point, weight: float, *, waist: float = 0.3, rim: float = 0.3
    ) -> None:
        """Add a long bone from one end to the other: narrower by `waist` in the middle, with a dense rim.

        `radii` are those of the two ends, in shares of the film. Soft parts are bones without waist and with rim 1.
        """
        (x0, y0), (x1, y1) = ends
        half = max(abs(x1 - x0), abs(y1 - y0)) / 2 + max(radii)
        part, x, y = self._window(((x0 + x1) / 2, (y0 + y1) / 2), half)
        if not (x.size and y.size):
            return
        dx, dy = x1 - x0, y1 - y0
        square = np.float32(max(dx * dx + dy * dy, _LEAST_RADIUS**2))
        place = np.clip(_dot(x, y, dx, dy) / square + np.float32(0.5), 0, 1)
        first, last = np.float32(radii[0]), np.float32(radii[1])
        radius = (first + (last - first) * place) * (1 - np.float32(4 * waist) * place * (1 - place))
        place -= np.float32(0.5)
        across, along = x - place * np.float32(dx), y - place * np.float32(dy)
        self.grey[part] += np.float32(weight) * _thickness((across * across + along * along) / (radius * radius), rim)

    def ink(self, paint: Callable[[ImageDraw.ImageDraw], None], weight: float, *, blur: float = 1.0) -> None:
        """Add what `paint` draws in pixels: 255 adds the whole weight. `blur` is a radius in pixels."""
        layer = Image.new("L", (SIZE, SIZE))
        paint(ImageDraw.Draw(layer))
        if blur:
            layer = layer.filter(ImageFilter.BoxBlur(blur))
        self.grey += np.asarray(layer, dtype=np.float32) * np.float32(weight / _GREYS)

    def keep(self, paint: Callable[[ImageDraw.ImageDraw], None], *, ground: float = 0.0, blur: float = 1.0) -> None:
        """Keep what lies under what `paint` draws in 255; elsewhere is the ground."""
        outside = Canvas()
        outside.ink(paint, 1.0, blur=blur)
        self.grey = np.float32(ground) + (self.grey - np.float32(ground)) * outside.grey

    def _window(self, centre: Point, half: float) -> tuple[tuple[slice, slice], Floats, Floats]:
        """Return the part of the film around a point, and the way from the point to each of its columns and rows."""
        sides, ways = [], []
        for middle in centre:
            first = min(max(int((middle - half) * SIZE), 0), SIZE)
            last = min(max(int((middle + half) * SIZE) + 2, first), SIZE)
            sides.append(slice(first, last))
            ways.append(_PLACES[first:last] - np.float32(middle))
        return (sides[1], sides[0]), ways[0][None, :], ways[1][:, None]


def _dot(x: Floats, y: Floats, right: float, down: float) -> Floats:
    """Return how far each pixel lies in a direction."""
    return np.asarray(x * np.float32(right) + y * np.float32(down), dtype=np.float32)


def _distance(x: Floats, y: Floats, radii: Point, angle: float) -> Floats:
    """Return the squared distance from the middle of a tilted ellipse, 1 on its edge."""
    cosine, sine = math.cos(angle), math.sin(angle)
    across = _dot(x, y, cosine / radii[0], sine / radii[0])
    along = _dot(x, y, -sine / radii[1], cosine / radii[1])
    return np.asarray(across * across + along * along, dtype=np.float32)


def _thickness(square: Floats, rim: float) -> Floats:
    """Return how thick a ball of radius 1 is at a squared distance from its middle, 1 at most; hollow, if rim < 1."""
    whole = np.sqrt(np.maximum(np.float32(1) - square, 0))
    hollow = 1 - rim
    if hollow <= _LEAST_RADIUS:
        return np.asarray(whole, dtype=np.float32)
    inner = np.float32(hollow) * np.sqrt(np.maximum(1 - square / np.float32(hollow**2), 0))
    return np.asarray((whole - inner) / np.float32(np.sqrt(1 - hollow**2)), dtype=np.float32)


def clouds(random: np.random.Generator, coarse: int, octaves: int = 2) -> Floats:
    """Return soft irregular blotches, float32 (224, 224), about 0 with deviation about 1; `coarse` cells at first."""
    total = np.zeros((SIZE, SIZE), dtype=np.float32)
    for octave in range(octaves):
        cells = min(coarse * 2**octave, SIZE)
        grid = Image.fromarray(random.standard_normal((cells, cells), dtype=np.float32))
        total += np.asarray(grid.resize((SIZE, SIZE), Image.Resampling.BICUBIC)) * np.float32(0.6**octave)
    return total


def chance(random: np.random.Generator, share: float) -> bool:
    """Say yes in this share of the cases."""
    return bool(random.random() < share)


def pixels(place: Point) -> Point:
    """Return a point in pixels."""
    return place[0] * SIZE, place[1] * SIZE


def box(centre: Point, radii: Point) -> tuple[float, float, float, float]:
    """Return the rectangle about a centre in pixels: left, top, right, bottom."""
    (x, y), (wide, high) = pixels(centre), pixels(radii)
    return x - wide, y - high, x + wide, y + high


def to_bytes(grey: Floats) -> Bytes:
    """Return a drawing as a film, uint8 (224, 224): its least value is black, its greatest white."""
    low, high = float(grey.min()), float(grey.max())
    if high - low < _LEAST_RADIUS:
        return np.full(grey.shape, int(np.clip(low, 0, 1) * _GREYS), dtype=np.uint8)
    return np.asarray((grey - low) * np.float32(_GREYS / (high - low)), dtype=np.uint8)
