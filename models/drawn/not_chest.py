"""Made-up pictures that are no upright frontal chest film: what a PACS may send by mistake, drawn or spoiled at random.

A network that has only seen chest films has no notion of anything else. These pictures, thousands of each kind and no
two alike, teach it what real examples are too few for. They are rough: the network sees 112 pixels of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from models.drawn import limbs, plates, slices, spoiled, trunks
from models.drawn.canvas import SIZE, Bytes, Floats, chance, to_bytes

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    Draw = Callable[[np.random.Generator], Floats]
    Spoil = Callable[[Sequence[Bytes], np.random.Generator], Bytes]

BODIES: Mapping[str, Draw] = {
    "limb": limbs.limb,
    "joint": limbs.joint,
    "hand or foot": limbs.hand,
    "shoulder": limbs.shoulder,
    "skull from the front": trunks.skull_frontal,
    "skull from the side": trunks.skull_lateral,
    "spine": trunks.spine,
    "abdomen": trunks.abdomen,
    "pelvis": trunks.pelvis,
    "breast": trunks.breast,
    "teeth": trunks.teeth,
    "jaw panorama": trunks.jaw_panorama,
    "chest from the side": trunks.chest_lateral,
}
"""X-rays: exposed, collimated and marked at random."""
PICTURES: Mapping[str, Draw] = {
    "slice of the chest": slices.chest_slice,
    "slice of the belly": slices.belly_slice,
    "slice of the head": slices.head_slice,
    "ultrasound": slices.ultrasound,
    "blank": plates.blank,
    "noise": plates.noise,
    "gradient": plates.gradient,
    "blotches": plates.blotches,
    "photograph": plates.photograph,
    "phantom": plates.phantom,
    "test pattern": plates.test_pattern,
    "page": plates.page,
    "screenshot": plates.screenshot,
    "label": plates.label,
}
"""Everything else that is drawn."""
SPOILED: Mapping[str, Spoil] = {
    "part of a film": spoiled.detail,
    "half a film": spoiled.half,
    "on its side": spoiled.sideways,
    "upside down": spoiled.upside_down,
    "inverted": spoiled.inverted,
    "beside another": spoiled.beside,
    "in a screenshot": spoiled.in_a_screenshot,
    "washed out": spoiled.washed_out,
}
"""Chest films that can't be judged as they are."""
DRAWN: Mapping[str, Draw] = {**BODIES, **PICTURES}
FILMS_NEEDED = 4
"""How many films a spoiled one is made of, at most."""

_MARKED = 0.4
_FRAMED = 0.25
_MOST_FRAME = 0.04
"""Share of the film's width that a frame may take on each side."""
_INVERTED = 0.12
"""Share of drawn X-rays with black and white exchanged."""
_COLLIMATED = 0.3
_GREYS = 255.0


def draw(random: np.random.Generator, kind: str | None = None) -> Bytes:
    """Return a drawn picture, uint8 (224, 224), of a kind of `DRAWN` or of any; the generator decides all of it."""
    chosen = kind or str(random.choice(list(DRAWN)))
    grey = DRAWN[chosen](random)
    return dress(to_bytes(_expose(grey, random) if chosen in BODIES else grey), random)


def spoil(films: Sequence[Bytes], random: np.random.Generator, kind: str | None = None) -> Bytes:
    """Return a picture made from up to four chest films, uint8 (224, 224) each, of a kind of `SPOILED` or of any."""
    chosen = kind or str(random.choice(list(SPOILED)))
    return dress(SPOILED[chosen](films, random), random)


def dress(film: Bytes, random: np.random.Generator) -> Bytes:
    """Return the film with letters or a frame at its edges, or as it is.

    It is done to chest films as to everything else, or letters and frames would tell them apart.
    """
    marked, framed = chance(random, _MARKED), chance(random, _FRAMED)
    if not (marked or framed):
        return film
    picture = Image.fromarray(film)
    pen = ImageDraw.Draw(picture)
    if framed:
        widths = random.uniform(0, _MOST_FRAME, 4) * SIZE
        ground = int(random.choice((0, 0, 0, 255)))
        for side, width in enumerate(widths.tolist()):
            pen.rectangle(_edge(side, width), fill=ground)
    if marked:
        plates.write_marker(pen, random, int(random.integers(160, 256)))
    return np.asarray(picture)


def _edge(side: int, width: float) -> tuple[float, float, float, float]:
    return (
        (0, 0, width, SIZE),
        (SIZE - width, 0, SIZE, SIZE),
        (0, 0, SIZE, width),
        (0, SIZE - width, SIZE, SIZE),
    )[side]


def _expose(grey: Floats, random: np.random.Generator) -> Floats:
    """Return a drawing as a detector gives it: contrast, blur, grain, collimation; now and then inverted."""
    soft = Image.fromarray(to_bytes(grey)).filter(ImageFilter.BoxBlur(random.uniform(0.3, 1.5)))
    curve = (np.arange(_GREYS + 1) / _GREYS) ** np.exp(random.uniform(-0.6, 0.5))
    level = curve.astype(np.float32)[np.asarray(soft)]
    level += np.float32(random.uniform(0, 0.12)) * (random.random((SIZE, SIZE), dtype=np.float32) - np.float32(0.5))
    if chance(random, _INVERTED):
        level = np.float32(1) - level
    return _collimate(level, random) if chance(random, _COLLIMATED) else level


def _collimate(level: Floats, random: np.random.Generator) -> Floats:
    """Return the film with all but a tilted rectangle dark, now and then bright."""
    left, top = random.uniform(0, 0.25, 2) * SIZE
    right, bottom = random.uniform(0.75, 1, 2) * SIZE
    tilt = random.uniform(-12, 12)
    window = Image.new("L", (SIZE, SIZE))
    corners = [(left + tilt, top), (right, top + tilt), (right - tilt, bottom), (left, bottom - tilt)]
    ImageDraw.Draw(window).polygon(corners, fill=1)
    ground = np.float32(level.min() if chance(random, 0.85) else level.max())
    return np.where(np.asarray(window, dtype=bool), level, ground)
