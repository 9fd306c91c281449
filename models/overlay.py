"""A heat map made visible: the film as it is displayed, the evidence in colour above it, and a legend below it."""

from __future__ import annotations

from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

from models.colours import heat_colours

if TYPE_CHECKING:
    from domain.explanation import HeatMap
    from domain.film import GreyImage, Picture
    from domain.findings import ModelVersion, Probabilities

NOTICE = "NOT FOR DIAGNOSTIC USE. AI decision support, not a diagnosis."

_STRONGEST_OPACITY = 0.55
"""At the strongest place the film still shows through."""
_LEVELS = 256
_SMALLEST_WIDTH = 480
"""A legend needs so many pixels to be read; a narrower film gets a dark margin on its right."""
_SMALLEST_FONT, _COLUMNS_PER_FONT_PIXEL = 14, 48
_LINE_HEIGHT = 1.5
_NEARLY_CERTAIN = 0.99
"""Above it a rounded percentage would claim more than a network can know."""
_BAR_STEPS = 256
_BAR_GREY = 0.35
"""A film's middle grey, on which the legend shows the colours as they appear above the film."""
_BACKGROUND, _TEXT, _FAINT_TEXT = (16, 16, 16), (240, 240, 240), (170, 170, 170)
_FASTER_COMPRESSION = 4
"""Of 0 to 9: half the time of the default, and the file is a twentieth larger."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Legend:
    """What stands below the picture: the answer, and who gave it. Nothing about the patient belongs here."""

    answer: str
    """For example `COVID19 87 %`."""
    subject: str
    """What the colours speak for, for example `evidence for COVID19`; empty: there are none."""
    model: str
    """Name and version of the network."""


def legend_of(probabilities: Probabilities, model: ModelVersion, *, is_coloured: bool = True) -> Legend:
    """Return what stands below the picture: the answer with its probability, and the network that gave it."""
    label = probabilities.label
    answer = f"{label} {_percent(probabilities.of(label))}"
    if model.label_of(probabilities) is None:
        answer = f"undetermined (most probable: {answer})"
    subject = f"evidence for {label}" if is_coloured else ""
    return Legend(answer=answer, subject=subject, model=f"{model.name} {model.version}")


def _percent(probability: float) -> str:
    return "over 99 %" if probability > _NEARLY_CERTAIN else f"{100 * probability:.0f} %"


def overlay(image: GreyImage, heat: HeatMap | None, legend: Legend) -> Picture:
    """Return the film with its evidence and a legend: (rows, columns, 3), uint8.

    The film's pixels are the first rows and columns of the picture, one to one; where there is no evidence they are
    the film's own grey. The legend is below them, so that nothing is written over the film.

    `image` is (rows, columns), float32, 0 = black to 1 = white, and has the geometry of the heat map.

    Raises:
        ValueError: film and heat map differ in geometry.
    """
    if heat is not None and image.shape != heat.values.shape:
        raise ValueError("the heat map was made for a film of another geometry")
    rows, columns = image.shape
    strip = _strip(legend, max(columns, _SMALLEST_WIDTH))
    picture = Image.new("RGB", (strip.width, rows + strip.height), _BACKGROUND)
    values = np.zeros_like(image) if heat is None else heat.values
    picture.paste(Image.fromarray(blend(image, values)), (0, 0))
    picture.paste(strip, (0, rows))
    return np.asarray(picture)


def overlay_png(image: GreyImage, heat: HeatMap | None, legend: Legend) -> bytes:
    """Return the overlay as an 8-bit RGB PNG without any metadata; see `overlay`."""
    content = BytesIO()
    Image.fromarray(overlay(image, heat, legend)).save(content, "PNG", compress_level=_FASTER_COMPRESSION)
    return content.getvalue()


def blend(image: GreyImage, values: npt.NDArray[np.float32]) -> Picture:
    """Return the film with the evidence in colour above it, the more opaque the stronger: (rows, columns, 3), uint8.

    Both are (rows, columns), float32, 0 to 1.
    """
    level = np.rint(values * (_LEVELS - 1)).astype(np.uint8)
    grey = np.rint(np.clip(image, 0.0, 1.0) * 255.0)
    opacity = np.linspace(0.0, _STRONGEST_OPACITY, _LEVELS)
    added = (heat_colours(_LEVELS) * opacity[:, np.newaxis] * 255.0).astype(np.float32)
    grey *= (1.0 - opacity).astype(np.float32)[level]
    picture = np.empty((*image.shape, 3), dtype=np.uint8)
    for channel in range(3):
        picture[..., channel] = np.rint(grey + added[level, channel])
    return picture


def _strip(legend: Legend, width: int) -> Image.Image:
    """Draw the legend: the answer, the scale of colours if there are any, the notice with the network's name."""
    size = max(_SMALLEST_FONT, width // _COLUMNS_PER_FONT_PIXEL)
    line = round(size * _LINE_HEIGHT)
    margin = size // 2
    room = width - 2 * margin
    bar = _scale(room // 4, size)
    rows = [(legend.answer, room, _TEXT), (NOTICE, room, _TEXT), (legend.model, room, _FAINT_TEXT)]
    if legend.subject:
        subject = f"{legend.subject}: none to strongest in this film"
        rows.insert(1, (subject, room - bar.width - margin, _TEXT))
    strip = Image.new("RGB", (width, len(rows) * line + 2 * margin), _BACKGROUND)
    draw = ImageDraw.Draw(strip)
    for number, (text, most, colour) in enumerate(rows):
        draw.text((margin, margin + number * line), text, font=_fitting(text, size, most), fill=colour)
    if legend.subject:
        strip.paste(bar, (width - margin - bar.width, margin + line))
    return strip


def _scale(width: int, height: int) -> Image.Image:
    values = np.linspace(0.0, 1.0, _BAR_STEPS, dtype=np.float32)[np.newaxis, :]
    bar = blend(np.full_like(values, _BAR_GREY), values)
    return Image.fromarray(bar).resize((width, height), Image.Resampling.NEAREST)


def _fitting(text: str, size: int, room: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """Return Pillow's own font, smaller where the text would not fit."""
    font = ImageFont.load_default(size)
    length = font.getlength(text)
    return font if length <= room else ImageFont.load_default(size * room / length)
