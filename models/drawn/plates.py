"""Drawn pictures of nobody: blank plates, noise, phantoms, test patterns, paper, screens and labels."""

from __future__ import annotations

import functools
import itertools
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from models.drawn.canvas import SIZE, Canvas, Floats, box, chance, clouds

if TYPE_CHECKING:
    from collections.abc import Callable

_LETTERS = "ABCDEFGHIKLMNOPRSTUVWXYZ 0123456789 .:-/"
_GREYS = 255.0


def blank(random: np.random.Generator) -> Floats:
    """Draw a plate without anything, or with a speck of noise."""
    plate = np.full((SIZE, SIZE), random.uniform(0, 1), dtype=np.float32)
    if chance(random, 0.5):
        plate += np.float32(random.uniform(0.002, 0.02)) * random.standard_normal((SIZE, SIZE), dtype=np.float32)
    return plate


def noise(random: np.random.Generator) -> Floats:
    """Draw noise: fine, coarse, or in lines, as a broken detector gives it."""
    shape = ((SIZE, SIZE), (SIZE, 1), (1, SIZE))[random.choice(3, p=(0.6, 0.2, 0.2))]
    lines = random.standard_normal(shape, dtype=np.float32)
    return np.broadcast_to(lines, (SIZE, SIZE)) + np.float32(random.uniform(0, 1)) * clouds(random, 30, octaves=2)


def gradient(random: np.random.Generator) -> Floats:
    """Draw an even slope, a glow, or both."""
    canvas = Canvas()
    across, down = random.uniform(-1, 1, 2)
    line = np.linspace(0, 1, SIZE, dtype=np.float32)
    canvas.grey += np.float32(across) * line[None, :] + np.float32(down) * line[:, None]
    if chance(random, 0.5):
        centre, radii = random.uniform(0, 1, 2).tolist(), random.uniform(0.2, 1, 2).tolist()
        canvas.ball((centre[0], centre[1]), (radii[0], radii[1]), random.uniform(-1, 1))
    return canvas.grey


def blotches(random: np.random.Generator) -> Floats:
    """Draw clouds without meaning, soft or with hard edges."""
    found = clouds(random, int(random.integers(2, 20)), octaves=int(random.integers(1, 5)))
    if chance(random, 0.3):
        found = np.clip(found * np.float32(random.uniform(3, 20)), -1, 1)
    return found


def photograph(random: np.random.Generator) -> Floats:
    """Draw what a camera might see: things of all sizes in front of each other (the dead leaves model)."""
    picture = Image.new("L", (SIZE, SIZE), int(random.integers(0, 256)))
    pen = ImageDraw.Draw(picture)
    count = int(random.integers(20, 90))
    sizes = np.sort(8 / (random.random(count) + 0.06))[::-1]
    greys = random.integers(0, 256, count).tolist()
    for (x, y), size, grey in zip(random.uniform(0, SIZE, (count, 2)).tolist(), sizes.tolist(), greys, strict=True):
        shape = pen.ellipse if grey % 2 else pen.rectangle
        shape((x - size, y - size * (0.5 + grey / 255), x + size, y + size * (0.5 + grey / 255)), fill=grey)
    light = 1 + np.float32(0.2) * clouds(random, 3, octaves=2)
    return np.asarray(picture, dtype=np.float32) / np.float32(_GREYS) * light


def phantom(random: np.random.Generator) -> Floats:
    """Draw a plate for quality control: rows of discs, wedges in steps, wires, on an even ground."""
    canvas = Canvas(random.uniform(0.2, 0.8))
    canvas.disc((0.5, 0.5), (random.uniform(0.4, 0.9),) * 2, random.uniform(-0.2, 0.3), edge=0.02)
    steps = int(random.integers(4, 12))
    for number in range(steps):
        weight = (number / steps - 0.5) * random.uniform(0.5, 1)
        canvas.disc((0.12 + 0.76 * number / steps, 0.25), (0.03, 0.03), weight, edge=0.1)
        left = 0.12 + 0.76 * number / steps
        canvas.ink(_filled(box((left, 0.72), (0.36 / steps, 0.06))), weight, blur=0)
    for number in range(int(random.integers(0, 14))):
        x = 0.2 + 0.6 * number / 14
        canvas.bone(((x, 0.42), (x, 0.58)), (0.002 + 0.001 * number,) * 2, 0.5, waist=0, rim=1)
    return canvas.grey


def test_pattern(random: np.random.Generator) -> Floats:
    """Draw what a monitor is adjusted by: a grid, grey squares, bars, circles."""
    canvas = Canvas(random.uniform(0.1, 0.6))
    cells = int(random.integers(3, 13))
    ramp = np.linspace(0, 1, SIZE, dtype=np.float32)
    if chance(random, 0.4):
        board = (np.floor(ramp * cells)[:, None] + np.floor(ramp * cells)[None, :]) % 2
        canvas.grey += np.float32(random.uniform(0.2, 0.8)) * board
    else:
        lines = [number * SIZE / cells for number in range(cells + 1)]
        canvas.ink(lambda draw: _grid(draw, lines), 0.5, blur=0)
    for number in range(11):
        place = box((0.15 + 0.07 * number, 0.5), (0.035, 0.05))
        canvas.ink(_filled(place), number / 10 - 0.5, blur=0)
    canvas.ink(lambda draw: draw.ellipse(box((0.5, 0.5), (random.uniform(0.2, 0.48),) * 2), outline=255, width=2), 0.6)
    stripes = np.sin(ramp * np.float32(random.uniform(60, 500)))
    canvas.grey[20:50, :] += np.float32(0.3) * stripes[None, :]
    return canvas.grey


def page(random: np.random.Generator) -> Floats:
    """Draw a page of text as a scanner or a telephone takes it: a report, a form, a request."""
    picture = Image.new("L", (SIZE, SIZE), 235)
    draw = ImageDraw.Draw(picture)
    write_heading(draw, random, 30)
    _write_lines(draw, random, (random.uniform(8, 30), 40.0, random.uniform(180, 216), random.uniform(120, 216)), 30)
    if chance(random, 0.4):
        draw.rectangle(
            random.uniform((20, 100, 120, 170), (100, 140, 200, 210)).tolist(), fill=int(random.integers(60, 200))
        )
    if chance(random, 0.5):
        ground = int(random.integers(0, 120))
        corners = np.array([0, 0, 0, SIZE, SIZE, SIZE, SIZE, 0]) + random.uniform(-30, 30, 8)
        picture = picture.transform((SIZE, SIZE), Image.Transform.QUAD, corners.tolist(), fillcolor=ground)
    light = 1 + np.float32(0.15) * clouds(random, 2, octaves=1)
    return np.asarray(picture, dtype=np.float32) / np.float32(_GREYS) * light


def screenshot(random: np.random.Generator) -> Floats:
    """Draw a screen of a program: bars, panels, tables, small print."""
    return np.asarray(screen(random), dtype=np.float32) / np.float32(_GREYS)


def screen(random: np.random.Generator) -> Image.Image:
    """Return a screen of a program as a picture, dark or light."""
    dark = chance(random, 0.5)
    ground, ink = (int(random.integers(0, 60)), 220) if dark else (int(random.integers(200, 256)), 30)
    picture = Image.new("L", (SIZE, SIZE), ground)
    draw = ImageDraw.Draw(picture)
    draw.rectangle((0, 0, SIZE, int(random.integers(8, 20))), fill=int(random.integers(50, 200)))
    side = int(random.integers(0, 80))
    draw.rectangle((0, 20, side, SIZE), fill=int(random.integers(30, 220)))
    _write_lines(draw, random, (6.0, 30.0, max(side - 6.0, 12.0), random.uniform(60, 216)), ink)
    _write_lines(draw, random, (side + 8.0, 30.0, random.uniform(160, 216), random.uniform(60, 216)), ink)
    write_heading(draw, random, ink)
    return picture


def label(random: np.random.Generator) -> Floats:
    """Draw a dose report or a name plate: bright text on an even ground."""
    picture = Image.new("L", (SIZE, SIZE), int(random.integers(0, 50)))
    draw = ImageDraw.Draw(picture)
    for number in range(int(random.integers(2, 14))):
        draw.text((random.uniform(4, 60), 8 + number * 15), _words(random, 24), fill=230, font=_font(12))
    return np.asarray(picture, dtype=np.float32) / np.float32(_GREYS)


def write_heading(draw: ImageDraw.ImageDraw, random: np.random.Generator, ink: int) -> None:
    """Write a line of letters somewhere near the upper edge."""
    draw.text(random.uniform((5, 4), (60, 20)).tolist(), _words(random, 14), fill=ink, font=_font(14))


def write_marker(draw: ImageDraw.ImageDraw, random: np.random.Generator, ink: int) -> None:
    """Write what a film has in its corners: a side's letter, or lines of small print."""
    right, low = chance(random, 0.5), chance(random, 0.2)
    x = random.uniform(150, 205) if right else random.uniform(4, 30)
    y = random.uniform(180, 200) if low else random.uniform(4, 30)
    if chance(random, 0.6):
        draw.text((x, y), str(random.choice(list("LR"))), fill=ink, font=_font(int(random.integers(9, 22))))
        return
    for number in range(int(random.integers(1, 5))):
        draw.text((min(x, 170), y + number * 7), _words(random, 10), fill=ink, font=_font(6))


def _write_lines(
    draw: ImageDraw.ImageDraw, random: np.random.Generator, area: tuple[float, float, float, float], ink: int
) -> None:
    """Fill a part of a page with lines whose words are bars: letters would be too small to see."""
    left, y, right, bottom = area
    step = random.uniform(5, 10)
    while y < bottom:
        words = np.cumsum(random.uniform(6, 24, 14)) + left
        for start, end in itertools.pairwise(words):
            if end > right - 10 * random.random():
                break
            draw.rectangle((start, y, end - 3, y + step * 0.35), fill=ink)
        y += step * (1 if chance(random, 0.85) else 2)


def _filled(place: tuple[float, float, float, float]) -> Callable[[ImageDraw.ImageDraw], None]:
    """Return a painter of a rectangle."""
    return lambda draw: draw.rectangle(place, fill=255)


def _grid(draw: ImageDraw.ImageDraw, lines: list[float]) -> None:
    for place in lines:
        draw.line((place, 0, place, SIZE), fill=255)
        draw.line((0, place, SIZE, place), fill=255)


def _words(random: np.random.Generator, most: int) -> str:
    return "".join(random.choice(list(_LETTERS), size=random.integers(3, most)))


@functools.cache
def _font(pixels: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(pixels)
