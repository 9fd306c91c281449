"""Drawn X-rays of head, neck, spine, belly, pelvis, breast and teeth, and of the chest from the side."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from models.drawn.canvas import Canvas, Floats, Point, chance, clouds, pixels

if TYPE_CHECKING:
    from PIL import ImageDraw


def skull_frontal(random: np.random.Generator) -> Floats:
    """Draw a skull from the front: vault, orbits, nose, teeth, neck."""
    canvas = Canvas()
    wide, top = random.uniform(0.26, 0.36), random.uniform(0.34, 0.44)
    canvas.ball((0.5, top), (wide * 1.1, wide * 1.25), 0.25)
    canvas.ball((0.5, top), (wide, wide * 1.15), 0.5, rim=0.12)
    low = top + wide
    canvas.ball((0.5, low), (wide * 0.65, wide * 0.8), 0.35, rim=0.25)
    for side in (-1, 1):
        canvas.ball((0.5 + side * wide * 0.42, top + wide * 0.42), (wide * 0.27, wide * 0.25), -0.3)
        canvas.ball((0.5 + side * wide * 0.42, top + wide * 0.42), (wide * 0.3, wide * 0.28), 0.25, rim=0.12)
        canvas.ball((0.5 + side * wide * 0.3, top + wide * 0.9), (wide * 0.2, wide * 0.18), -0.18)
    canvas.ball((0.5, top + wide * 0.8), (wide * 0.13, wide * 0.26), -0.25)
    _tooth_row(canvas, (0.5, low + wide * 0.25), wide * 0.4)
    _column(canvas, (0.5, low + wide * 0.5), (0.5, 1.1), (5, wide * 0.25), 0.35)
    canvas.bone(((0.5, low), (0.5, 1.2)), (wide * 0.6, wide * 0.8), 0.2, waist=0, rim=1)
    return canvas.grey


def skull_lateral(random: np.random.Generator) -> Floats:
    """Draw a skull or the neck from the side: vault, base, face, jaw, and the vertebrae of the neck."""
    canvas = Canvas()
    side, wide = random.choice((-1, 1)), random.uniform(0.28, 0.4)
    top = random.uniform(0.05, 0.4)

    def place(x: float, y: float) -> Point:
        return 0.5 + side * wide * x, top + wide * y

    angle = side * 0.15
    canvas.ball(place(-0.1, 0), (wide * 1.1, wide * 0.85), 0.2, angle=angle)
    canvas.ball(place(-0.1, 0), (wide, wide * 0.78), 0.45, angle=angle, rim=0.12)
    canvas.ball(place(0.55, 0.65), (wide * 0.5, wide * 0.55), 0.3)
    canvas.ball(place(0.1, 0.5), (wide * 0.5, wide * 0.14), 0.4, angle=side * 0.3)
    canvas.ball(place(0.75, 0.3), (wide * 0.18, wide * 0.16), -0.25)
    canvas.bone((place(0.05, 0.7), place(0.2, 1.15)), (wide * 0.13, wide * 0.13), 0.35, waist=0, rim=0.5)
    canvas.bone((place(0.2, 1.15), place(0.85, 1.3)), (wide * 0.13, wide * 0.12), 0.4, waist=0, rim=0.5)
    _tooth_row(canvas, place(0.65, 1.0), wide * 0.3)
    _column(canvas, place(-0.15, 0.75), place(-0.35, 2.4), (7, wide * 0.25), 0.4)
    canvas.bone((place(-0.1, 0.6), place(-0.2, 2.6)), (wide * 0.55, wide * 0.65), 0.25, waist=0, rim=1)
    canvas.bone((place(0.2, 1.3), place(0.05, 2.6)), (wide * 0.08, wide * 0.08), -0.2, waist=0, rim=1)
    return canvas.grey


def spine(random: np.random.Generator) -> Floats:
    """Draw a spine from the front or the side, straight or bent."""
    canvas = Canvas(random.uniform(0, 0.4))
    width, bend = random.uniform(0.08, 0.2), random.uniform(-0.12, 0.12)
    canvas.bone(((0.5, -0.2), (0.5, 1.2)), (random.uniform(0.25, 0.6),) * 2, 0.35, waist=0, rim=1)
    half = (0.5 + bend, 0.5)
    count = max(int(0.45 / width), 3)
    _column(canvas, (0.5, -0.05), half, (count, width), 0.45)
    _column(canvas, half, (0.5 - bend / 2, 1.05), (count, width * 1.15), 0.45)
    if chance(random, 0.5):  # from the side: the arches behind the bodies
        side = random.choice((-1, 1))
        for number in range(6):
            start = (0.5 + side * width * 1.3, number * 0.19)
            canvas.bone((start, (start[0] + side * width, start[1] + 0.07)), (0.03, 0.04), 0.3, waist=0)
    canvas.grey += np.float32(0.03) * clouds(random, 6)
    return canvas.grey


def abdomen(random: np.random.Generator) -> Floats:
    """Draw a belly from the front: spine, hip bones, lowest ribs, gas in the bowels."""
    canvas = Canvas()
    canvas.disc((0.5, 0.5), (random.uniform(0.42, 0.6), 0.85), 0.35, edge=0.25)
    canvas.ball((0.5, 0.45), (0.5, 0.7), 0.15)
    _column(canvas, (0.5, -0.05), (0.5, 0.78), (6, random.uniform(0.06, 0.09)), 0.3)
    for side in (-1, 1):
        canvas.ball((0.5 + side * 0.27, 0.92), (0.2, 0.24), 0.3, angle=side * 0.5, rim=0.5)
        canvas.bone(((0.5 + side * 0.06, 0.3), (0.5 + side * 0.2, 0.85)), (0.04, 0.09), 0.1, waist=0, rim=1)
    canvas.ink(lambda draw: _low_ribs(draw, 0.14), 0.15, blur=2)
    if chance(random, 0.5):  # the lungs' lower ends
        for side in (-1, 1):
            canvas.ball((0.5 + side * 0.24, -0.05), (0.17, random.uniform(0.08, 0.18)), -0.3)
    canvas.ball((0.32, 0.25), (0.25, 0.2), 0.1)
    for _ in range(random.integers(4, 12)):
        x, y = random.uniform(0.18, 0.82), random.uniform(0.2, 0.95)
        wide, high = random.uniform(0.02, 0.08, 2)
        canvas.ball((x, y), (wide, high), random.uniform(-0.35, -0.1), angle=random.uniform(0, 3))
    canvas.grey += np.float32(0.03) * clouds(random, 8)
    return canvas.grey


def pelvis(random: np.random.Generator) -> Floats:
    """Draw a pelvis with both hips, or one hip alone, and now and then an artificial one."""
    canvas = Canvas()
    scale, x0 = (1.0, 0.5) if chance(random, 0.6) else (1.7, random.choice((-0.05, 1.05)))
    y0 = random.uniform(0.4, 0.55)

    def place(x: float, y: float) -> Point:
        return x0 + scale * x, y0 + scale * y

    canvas.disc(place(0, 0), (0.52 * scale, 0.75), 0.3, edge=0.25)
    _column(canvas, place(0, -0.6), place(0, -0.12), (4, 0.075 * scale), 0.3)
    canvas.ball(place(0, -0.02), (0.1 * scale, 0.15 * scale), 0.25)
    for side in (-1, 1):
        canvas.ball(place(side * 0.24, -0.13), (0.15 * scale, 0.2 * scale), 0.4, angle=side * 0.5, rim=0.35)
        canvas.ball(place(side * 0.09, 0.24), (0.09 * scale, 0.07 * scale), 0.35, angle=side * 0.6, rim=0.4)
        canvas.ball(place(side * 0.27, 0.12), (0.065 * scale,) * 2, 0.35, rim=0.6)
        canvas.bone((place(side * 0.28, 0.13), place(side * 0.36, 0.24)), (0.045 * scale,) * 2, 0.3, waist=0)
        canvas.bone((place(side * 0.37, 0.22), place(side * 0.35, 0.9)), (0.06 * scale, 0.05 * scale), 0.45, waist=0.1)
        canvas.bone((place(side * 0.36, 0.3), place(side * 0.34, 1.0)), (0.15 * scale,) * 2, 0.2, waist=0, rim=1)
    if chance(random, 0.2):
        side = random.choice((-1, 1))
        canvas.disc(place(side * 0.27, 0.12), (0.055 * scale,) * 2, 1.0)
        canvas.bone((place(side * 0.29, 0.14), place(side * 0.36, 0.5)), (0.03 * scale, 0.015), 1.0, waist=0, rim=1)
    for _ in range(random.integers(0, 7)):
        centre = place(random.uniform(-0.2, 0.2), random.uniform(-0.35, 0.1))
        canvas.ball(centre, tuple(random.uniform(0.02, 0.06, 2)), -0.15)
    return canvas.grey


def breast(random: np.random.Generator) -> Floats:
    """Draw a mammogram: half an ellipse on black ground, glandular tissue, now and then the muscle and a label."""
    canvas = Canvas()
    wide, high, y = random.uniform(0.35, 0.75), random.uniform(0.32, 0.55), random.uniform(0.45, 0.6)
    left = chance(random, 0.5)
    canvas.disc((0, y), (wide, high), 0.35, edge=0.06)
    gland = canvas.grey * clouds(random, int(random.integers(5, 16)))
    canvas.ball((wide * 0.45, y), (wide * 0.55, high * 0.7), random.uniform(0.1, 0.5))
    canvas.grey += np.float32(random.uniform(0.05, 0.35)) * gland
    if chance(random, 0.5):
        depth = random.uniform(0.15, 0.4)
        corner = [pixels((0, 0)), pixels((depth, 0)), pixels((0, random.uniform(0.4, 0.8)))]
        canvas.ink(lambda draw: draw.polygon(corner, fill=255), 0.4, blur=2)
    return canvas.grey if left else canvas.grey[:, ::-1]


def teeth(random: np.random.Generator) -> Floats:
    """Draw a dental film: teeth of one jaw or of both, with roots, pulp and fillings."""
    canvas = Canvas(random.uniform(0.15, 0.4))
    canvas.grey += np.float32(0.05) * clouds(random, 12)
    width, line = random.uniform(0.14, 0.24), random.uniform(0.4, 0.6)
    jaws = (-1, 1) if chance(random, 0.7) else (random.choice((-1, 1)),)
    slope = random.uniform(-0.15, 0.15)
    for jaw in jaws:
        x = random.uniform(-0.1, 0.05)
        while x < 1 + width / 2:
            one = width * random.uniform(0.8, 1.15)
            _tooth(canvas, (x + one / 2, line + slope * (x - 0.5) + jaw * 0.12), one * 0.48, jaw, random)
            x += one
    gap = [pixels((x, line + slope * (x - 0.5))) for x in (-0.1, 1.1)]
    canvas.ink(lambda draw: draw.line(gap, fill=255, width=int(random.integers(3, 12))), -0.4, blur=2)
    return canvas.grey


def jaw_panorama(random: np.random.Generator) -> Floats:
    """Draw a panorama of the jaws: a row of teeth in an arc above the bright edge of the lower jaw."""
    canvas = Canvas(random.uniform(0, 0.2))
    curve, middle = random.uniform(0.1, 0.5), random.uniform(0.4, 0.55)
    canvas.disc((0.5, 0.45), (0.6, 0.5), 0.2, edge=0.4)

    def height(x: float) -> float:
        return middle + 0.08 - curve * (x - 0.5) ** 2

    for number in range(12):
        x = 0.16 + number * 0.062
        for jaw in (-1, 1):
            canvas.bone(
                ((x, height(x) + jaw * 0.03), (x, height(x) + jaw * 0.17)), (0.03, 0.012), 0.45, waist=0, rim=0.6
            )
    edge = [pixels((x / 20, height(x / 20) + 0.24 - 0.4 * abs(x / 20 - 0.5))) for x in range(1, 20)]
    canvas.ink(lambda draw: draw.line(edge, fill=255, width=8), 0.4, blur=2)
    for side in (-1, 1):
        canvas.bone(((0.5 + side * 0.4, 0.25), (0.5 + side * 0.36, 0.6)), (0.05, 0.07), 0.3, waist=0)
        canvas.bone(((0.5 + side * 0.47, 0.2), (0.5 + side * 0.47, 1.0)), (0.04, 0.04), 0.3, waist=0)
    return canvas.grey


def chest_lateral(random: np.random.Generator) -> Floats:
    """Draw a chest from the side: one dark field, spine behind, heart in front, two domes below, arms above."""
    canvas = Canvas(random.uniform(0, 0.1))
    side = _Side(random)
    canvas.ink(lambda draw: draw.polygon(side.outline(), fill=255), 0.5, blur=3)
    arm = (random.uniform(0.1, 0.6), random.uniform(-0.2, 0.1))
    canvas.bone((side.place(0.55, 0.12), arm), (0.2, 0.15), random.uniform(0.15, 0.4), waist=0, rim=1)
    canvas.bone((side.place(0.6, 0.1), side.place(0.6, -0.2)), (0.2, 0.12), 0.2, waist=0, rim=1)
    canvas.ink(lambda draw: draw.polygon(side.lung(), fill=255), -random.uniform(0.3, 0.42), blur=8)
    canvas.ball(side.place(0.2, 0.4), (0.1, 0.14), random.uniform(-0.12, 0))
    canvas.ball(side.place(0.82, 0.72), (0.08, 0.1), random.uniform(-0.15, 0))
    _column(canvas, side.place(0.78, 0.05), side.place(0.86, 1.0), (12, side.depth * 0.1), random.uniform(0.05, 0.2))
    canvas.ball(side.place(0.3, 0.66), (side.depth * 0.3, 0.17), random.uniform(0.1, 0.3), angle=-0.5)
    canvas.ball(side.place(0.52, 0.46), (0.07, 0.08), random.uniform(0.05, 0.15))
    steps = [0.1 + 0.09 * number for number in range(8)]
    slopes = [[side.place(0.85, y), side.place(0.5, y + 0.1), side.place(0.12, y + 0.2)] for y in steps]
    canvas.ink(lambda draw: _lines(draw, slopes, 4), random.uniform(0.03, 0.1), blur=1)
    other = random.uniform(0.02, 0.06)
    canvas.ink(lambda draw: side.domes(draw, other), 0.45, blur=1)
    canvas.grey *= 1 + np.float32(0.05) * clouds(random, 16)
    return canvas.grey if chance(random, 0.5) else canvas.grey[:, ::-1]


class _Side:
    """The outline of a chest from the side; across, 0 is the breastbone's skin and 1 the back's."""

    def __init__(self, random: np.random.Generator) -> None:
        self._front, self._lean = random.uniform(0.06, 0.25), random.uniform(-0.08, 0.15)
        self.depth = random.uniform(0.55, 0.85)
        self._barrel, self._breast = random.uniform(0.02, 0.12), random.choice((0, 0, random.uniform(0.05, 0.15)))
        self._floor = random.uniform(0.72, 0.88)
        self._apex = random.uniform(0.08, 0.18)

    def place(self, across: float, y: float) -> Point:
        """Return a point of the film from its place between front and back."""
        slope = self._lean * (0.5 - y) + 0.14 * (1 - y) ** 3
        front = self._front + slope - self._barrel * math.sin(math.pi * y)
        back = self._front + self.depth + self._lean * (0.5 - y) * 0.3 + self._barrel * math.sin(math.pi * y)
        return front + (back - front) * across, y

    def outline(self) -> list[Point]:
        """Return the skin in pixels, with a breast on one film in three."""
        front = []
        for step in range(21):
            x, y = self.place(0, step / 20)
            front.append(pixels((x - self._breast * math.exp(-(((y - 0.6) / 0.12) ** 2)), y)))
        return front + [pixels(self.place(1, step / 20)) for step in range(20, -1, -1)]

    def lung(self) -> list[Point]:
        """Return the lungs' common field in pixels: narrow above, down to the floor behind."""
        ahead = ((0.55, 0.0), (0.35, 0.1), (0.2, 0.25), (0.11, 0.5), (0.1, 0.75), (0.14, 0.9))
        behind = ((0.5, 0.88), (0.75, 1.0), (0.9, 1.12), (0.92, 0.7), (0.9, 0.3), (0.8, 0.08))
        height = self._floor - self._apex
        return [pixels(self.place(across, self._apex + down * height)) for across, down in (*ahead, *behind)]

    def domes(self, draw: ImageDraw.ImageDraw, lower: float) -> None:
        """Draw both halves of the diaphragm, one lower than the other."""
        draw.polygon(self._dome(0), fill=125)
        draw.polygon(self._dome(lower), fill=255)

    def _dome(self, lower: float) -> list[Point]:
        edge = [(0.0, 0.04), (0.15, -0.03), (0.35, -0.06), (0.6, -0.02), (0.8, 0.07), (0.95, 0.2), (1.0, 0.22)]
        top = [pixels(self.place(across, self._floor + down + lower)) for across, down in edge]
        return [*top, pixels(self.place(1.0, 1.1)), pixels(self.place(0.0, 1.1))]


def _column(canvas: Canvas, start: Point, end: Point, bodies: tuple[int, float], weight: float) -> None:
    """Draw vertebrae from one point to another: how many, and half their width."""
    count, width = bodies
    dx, dy = (end[0] - start[0]) / count, (end[1] - start[1]) / count
    length = math.hypot(dx, dy)
    across = (-dy / length * width, dx / length * width)

    def paint(draw: ImageDraw.ImageDraw) -> None:
        for number in range(count):
            corners = []
            for along, side in ((0.1, -1.0), (0.1, 1.0), (0.5, 0.85), (0.88, 1.0), (0.88, -1.0), (0.5, -0.85)):
                step = number + along
                corners.append(
                    pixels((start[0] + dx * step + across[0] * side, start[1] + dy * step + across[1] * side))
                )
            draw.polygon(corners, fill=170, outline=255, width=2)

    canvas.ink(paint, weight, blur=1)


def _tooth_row(canvas: Canvas, centre: Point, half: float) -> None:
    for jaw in (-1, 1):
        for number in range(6):
            x = centre[0] + (number - 2.5) * half / 3
            canvas.ball((x, centre[1] + jaw * half * 0.3), (half / 7, half * 0.3), 0.25)


def _tooth(canvas: Canvas, crown: Point, half: float, jaw: int, random: np.random.Generator) -> None:
    """Draw one tooth of the upper (-1) or the lower (1) jaw."""
    x, y = crown
    canvas.ball(crown, (half, 0.11), 0.5, rim=0.5)
    for side in (-1, 1) if chance(random, 0.6) else (0,):
        tip = (x + side * half * 0.6, y + jaw * random.uniform(0.28, 0.4))
        canvas.bone(((x + side * half * 0.4, y), tip), (half * 0.5, half * 0.15), 0.35, waist=0, rim=0.6)
    if chance(random, 0.2):
        place = (x + random.uniform(-0.5, 0.5) * half, y - jaw * 0.06)
        canvas.disc(place, (half * random.uniform(0.3, 0.7), random.uniform(0.02, 0.06)), 0.8)


def _low_ribs(draw: ImageDraw.ImageDraw, highest: float) -> None:
    for number in range(3):
        y = highest * number - 0.1
        for side in (-1, 1):
            points = [pixels((0.5 + side * x, y + x * x * 1.6)) for x in (0.06, 0.15, 0.25, 0.34, 0.4)]
            draw.line(points, fill=255, width=6)


def _lines(draw: ImageDraw.ImageDraw, lines: list[list[Point]], width: int) -> None:
    for line in lines:
        draw.line([pixels(place) for place in line], fill=255, width=width)
