"""The picture that people see: the film stays the film, colours keep their order, nothing hides a pixel."""

from __future__ import annotations

import struct
from io import BytesIO

import numpy as np
import pytest
from PIL import Image, ImageFont

from domain.explanation import Box, Evidence, HeatMap
from domain.film import GreyImage
from domain.findings import Label
from models.colours import heat_colours
from models.overlay import NOTICE, Legend, blend, overlay_png

LEGEND = Legend(answer="COVID19 87 %", subject="evidence for COVID19", model="test-network 1.0.0")


def heat(values: Evidence) -> HeatMap:
    whole = Box(0.0, 0.0, 1.0, 1.0)
    return HeatMap(label=Label.COVID19, values=values, box=whole, evidence_outside_lungs=0.0, area_outside_lungs=0.0)


def ramp(rows: int = 120, columns: int = 600) -> GreyImage:
    return np.tile(np.linspace(0.0, 1.0, columns, dtype=np.float32), (rows, 1))


def opened(png: bytes) -> np.ndarray:
    with Image.open(BytesIO(png)) as picture:
        assert (picture.format, picture.mode) == ("PNG", "RGB")
        return np.asarray(picture)


def test_a_film_without_evidence_is_shown_as_it_is() -> None:
    """Every pixel is the film's grey, to the last of 256 levels: also where text stands in other programs."""
    film = ramp()
    picture = opened(overlay_png(film, heat(np.zeros_like(film)), LEGEND))
    grey = np.rint(film * 255).astype(np.uint8)
    assert (picture[:120, :600] == grey[..., np.newaxis]).all()


def test_only_pixels_with_evidence_change() -> None:
    """Outside of a square of heat the film is untouched; inside it is coloured."""
    film = ramp()
    values = np.zeros_like(film)
    values[30:60, 100:150] = 0.8
    picture = opened(overlay_png(film, heat(values), LEGEND))[:120, :600]
    coloured = np.ptp(picture.astype(int), axis=-1) > 0
    assert (coloured == (values > 0)).all()


def test_the_legend_lies_below_the_film() -> None:
    """The picture has the film's rows first, then a strip with light text on a dark ground."""
    film = ramp()
    strip = opened(overlay_png(film, heat(np.zeros_like(film)), LEGEND))[120:]
    assert strip.shape[0] > 40
    assert strip.shape[1] == 600
    assert strip.min() < 40
    assert strip.max() > 200


def test_a_different_answer_changes_the_legend_alone() -> None:
    """Nothing of the legend's text reaches the film's pixels."""
    film = ramp()
    one, other = (
        opened(overlay_png(film, heat(film), Legend(answer=answer, subject="evidence", model="m")))
        for answer in ("COVID19 87 %", "NORMAL 51 %")
    )
    assert (one[:120] == other[:120]).all()
    assert (one[120:] != other[120:]).any()


def test_a_narrow_film_gets_a_margin_on_its_right() -> None:
    """The film stays in its corner one to one, and the legend has room."""
    film = ramp(100, 64)
    picture = opened(overlay_png(film, heat(np.zeros_like(film)), LEGEND))
    assert picture.shape[1] == 480
    assert (picture[:100, :64, 0] == np.rint(film * 255)).all()
    assert picture[:100, 64:].max() < 40


def test_long_words_shrink_to_fit() -> None:
    """A long name of a model stays inside the picture: its last columns are empty."""
    film = ramp()
    long = Legend(answer="undetermined " * 12, subject="evidence", model="name" * 60)
    strip = opened(overlay_png(film, heat(np.zeros_like(film)), long))[120:]
    assert strip[:, -3:].max() < 40


def test_the_file_holds_pixels_and_nothing_else() -> None:
    """No text, time or profile: only the chunks that every PNG has."""
    png = overlay_png(ramp(), heat(ramp()), LEGEND)
    place, chunks = 8, set()
    while place < len(png):
        (length,) = struct.unpack(">I", png[place : place + 4])
        chunks.add(png[place + 4 : place + 8])
        place += length + 12
    assert chunks == {b"IHDR", b"IDAT", b"IEND"}


def test_film_and_heat_map_have_one_geometry() -> None:
    """A map of another film is refused."""
    with pytest.raises(ValueError, match="another geometry"):
        overlay_png(ramp(120, 600), heat(ramp(600, 120)), LEGEND)


def test_stronger_evidence_hides_more_of_the_film() -> None:
    """Above black the colour grows with the evidence, without a turn; at its strongest the film still shows."""
    values = np.linspace(0.0, 1.0, 64, dtype=np.float32)[np.newaxis]
    dark = blend(np.zeros_like(values), values).astype(int).sum(axis=-1)[0]
    bright = blend(np.ones_like(values), values).astype(int).sum(axis=-1)[0]
    assert (np.diff(dark) >= 0).all()
    assert bright[-1] - dark[-1] > 0.4 * 3 * 255


def lightness(colours: np.ndarray) -> np.ndarray:
    """Return CIE L* of sRGB colours (IEC 61966-2-1, CIE 15)."""
    linear = np.where(colours <= 0.04045, colours / 12.92, ((colours + 0.055) / 1.055) ** 2.4)
    luminance = linear @ np.array([0.2126, 0.7152, 0.0722])
    return np.asarray(116 * np.cbrt(luminance) - 16)


def test_colours_are_told_apart_without_hue() -> None:
    """Lightness alone grows from step to step, evenly, over more than half of its range: no colour vision is needed."""
    steps = np.diff(lightness(heat_colours(32)))
    assert steps.min() > 0.5 * steps.mean()
    assert steps.max() < 1.5 * steps.mean()
    assert steps.sum() > 50


def test_the_notice_can_be_drawn() -> None:
    """Pillow's own font is there, and knows every letter of the notice."""
    assert ImageFont.load_default(14).getlength(NOTICE) > 100
    assert "not a diagnosis" in NOTICE
