"""Drawn slices and echoes: what CT, MR and ultrasound send, on black ground."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from models.drawn.canvas import SIZE, Canvas, Floats, Point, box, chance, clouds, pixels

if TYPE_CHECKING:
    from PIL import ImageDraw


def chest_slice(random: np.random.Generator) -> Floats:
    """Draw a CT slice of the chest, in a window for the lungs or for soft parts, with the table now and then."""
    canvas = Canvas()
    wide, high, y = random.uniform(0.42, 0.5), random.uniform(0.3, 0.46), random.uniform(0.46, 0.54)
    soft = random.uniform(0.4, 0.8)
    canvas.disc((0.5, y), (wide, high), soft, edge=0.02)
    canvas.disc((0.5, y), (wide * 0.88, high * 0.86), random.uniform(0, 0.15), edge=0.02)
    lungs = Canvas()
    for side in (-1, 1):
        radii = (wide * random.uniform(0.34, 0.42), high * random.uniform(0.62, 0.8))
        lungs.disc((0.5 + side * wide * 0.43, y), radii, 1, angle=side * random.uniform(0, 0.25), edge=0.03)
    lungs.disc(
        (0.5 + random.uniform(0, 0.04), y - high * 0.15), (wide * 0.25, high * random.uniform(0.3, 0.6)), -2, edge=0.04
    )
    lungs.disc((0.5, y + high * 0.5), (wide * 0.2, high * 0.25), -2, edge=0.04)
    inside = np.clip(lungs.grey, 0, 1)
    canvas.grey -= inside * np.float32(soft * random.uniform(0.7, 1.05))
    canvas.grey += inside * np.float32(random.uniform(0, 0.12)) * clouds(random, 14)
    _vessels(canvas, inside, random, int(random.integers(10, 50)))
    _ring_of_ribs(canvas, (0.5, y), (wide * 0.88, high * 0.88), random)
    canvas.ball((0.5, y + high * 0.6), (0.055, 0.05), 0.4)
    canvas.ball((0.5, y + high * 0.78), (0.03, 0.06), 0.3)
    if chance(random, 0.6):
        canvas.ink(lambda draw: draw.arc(box((0.5, 0.3), (0.5, y + high - 0.28)), 30, 150, fill=255, width=2), 0.4)
    return canvas.grey


def belly_slice(random: np.random.Generator) -> Floats:
    """Draw a CT slice of the belly: liver, spleen, kidneys, spine, gas in the bowels."""
    canvas = Canvas()
    wide, high = random.uniform(0.4, 0.49), random.uniform(0.3, 0.42)
    canvas.disc((0.5, 0.5), (wide, high), 0.3, edge=0.02)
    canvas.disc((0.5, 0.5), (wide * 0.87, high * 0.83), 0.15, edge=0.04)
    canvas.disc((0.5 - wide * 0.4, 0.47), (wide * 0.42, high * 0.55), 0.2, angle=0.3, edge=0.06)
    canvas.disc((0.5 + wide * 0.55, 0.56), (wide * 0.17, high * 0.35), 0.2, angle=-0.3, edge=0.08)
    for side in (-1, 1):
        canvas.disc((0.5 + side * wide * 0.4, 0.5 + high * 0.45), (0.05, 0.07), 0.3, angle=side * 0.4, edge=0.15)
    canvas.disc((0.5, 0.5 + high * 0.5), (0.06, 0.055), 0.5, edge=0.1)
    canvas.disc((0.52, 0.5 + high * 0.2), (0.03, 0.03), 0.3, edge=0.2)
    for _ in range(random.integers(0, 8)):
        centre = (0.5 + random.uniform(-0.5, 0.6) * wide, 0.5 - random.uniform(0, 0.6) * high)
        canvas.disc(centre, tuple(random.uniform(0.02, 0.07, 2)), -0.4, edge=0.1)
    _ring_of_ribs(canvas, (0.5, 0.5), (wide * 0.86, high * 0.84), random)
    canvas.grey += canvas.grey * np.float32(0.05) * clouds(random, 20, octaves=2)
    return canvas.grey


def head_slice(random: np.random.Generator) -> Floats:
    """Draw a slice of the head as CT (bright bone) or MR (bright fat) shows it, from above or from the side."""
    canvas = Canvas()
    wide, high = random.uniform(0.28, 0.4), random.uniform(0.38, 0.47)
    bone = random.uniform(0.3, 1.0) if chance(random, 0.6) else -0.3
    canvas.disc((0.5, 0.5), (wide, high), 0.5, edge=0.03)
    canvas.disc((0.5, 0.5), (wide * 0.93, high * 0.94), bone, edge=0.02)
    canvas.disc((0.5, 0.5), (wide * 0.83, high * 0.86), -bone - random.uniform(0, 0.2), edge=0.03)
    folds = np.abs(clouds(random, 12, octaves=1)) * np.clip(canvas.grey, 0, 1)
    canvas.grey += np.float32(random.uniform(0, 0.12)) * folds
    fluid = random.uniform(-0.3, 0.3)
    for side in (-1, 1):
        canvas.disc((0.5 + side * 0.05, 0.44), (0.025, random.uniform(0.06, 0.12)), fluid, angle=side * -0.3, edge=0.3)
        canvas.disc((0.5 + side * 0.07, 0.6), (0.02, 0.05), fluid, angle=side * 0.5, edge=0.3)
    canvas.ink(
        lambda draw: draw.line([pixels((0.5, 0.5 - high * 0.8)), pixels((0.5, 0.5 + high * 0.8))], fill=255), 0.1
    )
    return canvas.grey


def ultrasound(random: np.random.Generator) -> Floats:
    """Draw an ultrasound image: a fan of speckle with dark holes, on black ground."""
    canvas = Canvas(random.uniform(0.2, 0.4))
    canvas.grey += np.float32(0.15) * clouds(random, 8)
    for _ in range(random.integers(1, 5)):
        centre = (random.uniform(0.3, 0.7), random.uniform(0.3, 0.8))
        canvas.disc(centre, tuple(random.uniform(0.04, 0.2, 2)), -0.4, angle=random.uniform(0, 3), edge=0.2)
    canvas.grey *= np.abs(clouds(random, 80, octaves=1)) + np.float32(0.2)
    half, top = random.uniform(25, 55), random.uniform(-0.2, 0.1)
    fan = box((0.5, top), (random.uniform(0.85, 1.0) - top,) * 2)
    if chance(random, 0.7):
        canvas.keep(lambda draw: draw.pieslice(fan, 90 - half, 90 + half, fill=255))
    else:
        canvas.keep(lambda draw: draw.rectangle(box((0.5, 0.5), (0.35, 0.45)), fill=255))
    return np.maximum(canvas.grey, 0)


def _vessels(canvas: Canvas, inside: Floats, random: np.random.Generator, count: int) -> None:
    """Draw the lungs' vessels as dots and short strokes, where there is lung."""
    places = random.uniform(0.1, 0.9, (count, 2)) * SIZE
    ways = random.normal(0, 8, (count, 2))

    def paint(draw: ImageDraw.ImageDraw) -> None:
        for (x, y), (dx, dy) in zip(places, ways, strict=True):
            draw.line([x, y, x + dx, y + dy], fill=255, width=2)

    layer = Canvas()
    layer.ink(paint, random.uniform(0.2, 0.5), blur=0.7)
    canvas.grey += layer.grey * inside


def _ring_of_ribs(canvas: Canvas, centre: Point, radii: Point, random: np.random.Generator) -> None:
    """Draw the cut ribs around the body and its breastbone."""
    start = random.uniform(0, 0.5)
    for number in range(12):
        angle = start + number * math.pi / 6
        place = (centre[0] + radii[0] * math.cos(angle), centre[1] + radii[1] * math.sin(angle))
        tangent = math.atan2(radii[1] * math.cos(angle), -radii[0] * math.sin(angle))
        canvas.ball(place, (random.uniform(0.02, 0.06), 0.013), 0.5, angle=tangent)
