"""Drawn X-rays of arms and legs: long bones, joints, hands and feet."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from models.drawn.canvas import Canvas, Floats, Point, chance, pixels

if TYPE_CHECKING:
    import numpy as np
    from PIL import ImageDraw

_SOFT = 0.25
"""Weight of soft parts beside that of bone."""


def limb(random: np.random.Generator) -> Floats:
    """Draw the shaft of an arm or a leg, with one bone or two, and now and then a plate with screws."""
    canvas = Canvas()
    turn = _Turn(random)
    width = random.uniform(0.12, 0.3)
    canvas.bone(turn.pair((-0.9, 0), (0.9, 0)), (width, width * random.uniform(0.6, 1)), _SOFT, waist=0.1, rim=1)
    radius = width * random.uniform(0.2, 0.4)
    places = [0.0] if chance(random, 0.5) else [-width * 0.45, width * 0.45]
    for place in places:
        one = radius * random.uniform(0.6, 1) if len(places) > 1 else radius
        canvas.bone(turn.pair((-0.9, place), (0.9, place * 0.8)), (one, one * 0.8), 0.6, waist=0.1, rim=0.35)
    if chance(random, 0.2):
        _plate(canvas, turn, places[0], radius, random)
    return canvas.grey


def joint(random: np.random.Generator) -> Floats:
    """Draw a knee, an elbow or an ankle: bones that widen towards a narrow gap."""
    canvas = Canvas()
    turn = _Turn(random)
    width, bend = random.uniform(0.16, 0.32), random.uniform(-0.35, 0.35)
    end = width * random.uniform(0.55, 0.85)
    gap = end + random.uniform(0.005, 0.02)
    for side in (-1, 1):
        far = (side * 1.1, bend * (side > 0))
        canvas.bone(turn.pair((0, 0), far), (width, width * 0.7), _SOFT / 2, waist=0, rim=1)
        shaft = end * random.uniform(0.4, 0.6)
        split = chance(random, 0.4)
        for place in (-0.5, 0.5) if split else (0.0,):
            near = (side * gap, place * end)
            one = end * (0.55 if split else 1)
            canvas.bone(turn.pair(near, far), (one, shaft * (0.6 if split else 1)), 0.4, waist=0.25, rim=0.3)
    canvas.ball(turn.point((0, end * 0.2)), (end * 0.5, end * 0.45), random.uniform(0, 0.25))
    return canvas.grey


def hand(random: np.random.Generator) -> Floats:
    """Draw a hand from the front, or a foot from above: five rays of ever shorter bones."""
    canvas = Canvas()
    turn = _Turn(random, scale=random.uniform(0.75, 1.15))
    toes = chance(random, 0.4)
    canvas.bone(turn.pair((-0.8, 0), (-0.25, 0)), (0.11, 0.1), _SOFT, waist=0.1, rim=1)
    canvas.bone(turn.pair((-0.2, 0), (0.05, 0)), (0.13, 0.16), _SOFT, waist=0, rim=1)
    for place in (-0.04, 0.05):
        canvas.bone(turn.pair((-0.8, place), (-0.27, place)), (0.04, 0.045), 0.5, waist=0.3)
    for _ in range(5):
        centre = turn.point((random.uniform(-0.24, -0.14), random.uniform(-0.08, 0.08)))
        canvas.ball(centre, (0.035, 0.03), 0.35, angle=random.uniform(0, 3))
    spread = random.uniform(0.05, 0.35)
    for ray in range(5):
        _ray(canvas, turn, ray, spread, 0.5 if toes else 1.0)
    return canvas.grey


def _ray(canvas: Canvas, turn: _Turn, ray: int, spread: float, length: float) -> None:
    """Draw one finger with its bone in the palm; the first is the thumb."""
    angle = (ray - 2) * spread * 0.6 - (0.5 if ray == 0 and length == 1 else 0)
    x, y = -0.12, (ray - 2) * 0.042
    lengths = (0.2, 0.13 * length, 0.085 * length, 0.06 * length) if ray else (0.15, 0.1 * length, 0.07 * length)
    width = 0.021
    for number, bone in enumerate(lengths):
        tip = (x + math.cos(angle) * bone, y + math.sin(angle) * bone)
        canvas.bone(turn.pair((x, y), tip), (width, width * 0.9), 0.55, waist=0.35)
        if number % 3 == 1:
            far = (x + math.cos(angle) * sum(lengths[1:]), y + math.sin(angle) * sum(lengths[1:]))
            canvas.bone(turn.pair((x, y), far), (0.04, 0.036), _SOFT * 0.7, waist=0, rim=1)
        x, y = x + math.cos(angle) * (bone + 0.022), y + math.sin(angle) * (bone + 0.022)
        width *= 0.88


def shoulder(random: np.random.Generator) -> Floats:
    """Draw a shoulder: the head of the arm's bone, collar bone, shoulder blade, and ribs over a bit of one lung."""
    canvas = Canvas()
    side = random.choice((-1, 1))

    def place(x: float, y: float) -> Point:
        return 0.5 + side * (x - 0.5), y

    canvas.ball(place(0.6, 0.75), (0.5, 0.5), 0.35)
    canvas.bone((place(0.35, 0.35), place(0.2, 1.2)), (0.2, 0.14), 0.3, waist=0, rim=1)
    canvas.ball(place(1.0, 0.9), (0.32, 0.5), -0.25)
    canvas.ball(place(0.36, 0.36), (0.1, 0.1), 0.35, rim=0.5)
    canvas.bone((place(0.33, 0.42), place(0.22, 1.1)), (0.065, 0.05), 0.5, waist=0.2)
    canvas.bone((place(0.42, 0.2), place(1.05, 0.3)), (0.035, 0.04), 0.4, waist=0.2)
    canvas.bone((place(0.5, 0.32), place(0.62, 0.8)), (0.03, 0.04), 0.3, waist=0, rim=1)
    canvas.ball(place(0.56, 0.5), (0.13, 0.26), 0.15, angle=side * 0.3, rim=0.2)
    start = random.uniform(0.35, 0.45)

    def ribs(draw: ImageDraw.ImageDraw) -> None:
        for number in range(6):
            y = start + number * 0.12
            points = [pixels(place(x, y + (x - 0.6) ** 2 * 1.3 - 0.1)) for x in (0.62, 0.7, 0.8, 0.9, 1.02)]
            draw.line(points, fill=255, width=7)

    canvas.ink(ribs, 0.2, blur=2)
    return canvas.grey


def _plate(canvas: Canvas, turn: _Turn, place: float, radius: float, random: np.random.Generator) -> None:
    """Draw a metal plate along a bone, and its screws."""
    edge, length = place + radius, random.uniform(0.15, 0.4)
    canvas.bone(turn.pair((-length, edge), (length, edge)), (0.02, 0.02), 1.2, waist=0, rim=1)
    for number in range(5):
        x = (number - 2) * length * 0.45
        canvas.bone(turn.pair((x, edge), (x, place - radius)), (0.008, 0.006), 1.0, waist=0, rim=1)


class _Turn:
    """Places a drawing on the film: turned any way, scaled, moved a little."""

    def __init__(self, random: np.random.Generator, scale: float = 1.0) -> None:
        angle = random.uniform(0, 2 * math.pi)
        self._cosine, self._sine = math.cos(angle) * scale, math.sin(angle) * scale
        self._x, self._y = random.uniform(0.4, 0.6, 2).tolist()

    def point(self, place: Point) -> Point:
        """Return where a point lies whose drawing is centred at (0, 0)."""
        x, y = place
        return self._x + x * self._cosine - y * self._sine, self._y + x * self._sine + y * self._cosine

    def pair(self, one: Point, other: Point) -> tuple[Point, Point]:
        """Return where two points lie."""
        return self.point(one), self.point(other)
