"""Plots as SVG within a page: axes, lines, bars, intervals, shades; colours come from the page's style sheet."""

from __future__ import annotations

import math
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

_WIDTH: Final = 440
_HEIGHT: Final = 264
_LEFT, _RIGHT, _TOP, _BOTTOM = 52, 12, 58, 30
_MOST_LABELS: Final = 6
_ROW: Final = 19
_ROWS_TOP: Final = 34
_LONGEST_NAME: Final = 32
"""Letters of a row's name; the rest is left out."""
_SWATCH: Final = 14
_LETTER: Final = 7.4
"""Mean width of a letter of a legend, in units of the picture."""
_DOT: Final = 3.5


@dataclass(frozen=True, kw_only=True, slots=True)
class Plot:
    """A picture of figures, and the same figures as a table for who can't see it or wants to know exactly."""

    svg: str
    """Every text in it is escaped."""
    heads: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Caption:
    """What a plot is called and says."""

    key: str
    """Unique on the page: letters, digits, hyphens."""
    title: str
    text: str
    """For screen readers: what is on which axis."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Axis:
    """The vertical axis."""

    top: float
    ticks: tuple[tuple[float, str], ...]
    bottom: float = 0.0
    is_logarithmic: bool = False

    def share(self, value: float) -> float:
        """Return how far up a value lies, 0 to 1."""
        low, high, here = self.bottom, self.top, min(max(value, self.bottom), self.top)
        if self.is_logarithmic:
            low, high, here = math.log(low), math.log(high), math.log(here)
        return (here - low) / (high - low)


@dataclass(frozen=True, kw_only=True, slots=True)
class Series:
    """Values over the places of the horizontal axis."""

    name: str
    values: tuple[float | None, ...]
    """None: there is no value at this place."""
    tone: int = 0
    is_dashed: bool = False

    @property
    def kind(self) -> str:
        """The classes of its line."""
        return f"tone-{self.tone}{' dashed' if self.is_dashed else ''}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Interval:
    """A share with its interval, 0 to 1; None of nothing."""

    name: str
    value: float | None
    low: float = 0.0
    high: float = 0.0


SHARES: Final = Axis(top=1.0, ticks=((0.0, "0"), (0.25, ".25"), (0.5, ".5"), (0.75, ".75"), (1.0, "1")))


def axis_to(most: float) -> Axis:
    """Return an axis from 0 to a round number above the largest value."""
    rough = max(most, 1.0) / 4
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(times * power for times in (1, 2, 2.5, 5, 10) if times * power >= rough)
    ticks = tuple((step * number, f"{step * number:,g}") for number in range(math.ceil(max(most, 1.0) / step) + 1))
    return Axis(top=ticks[-1][0], ticks=ticks)


def seconds_axis(values: Sequence[float]) -> Axis:
    """Return a logarithmic axis of time that holds all values."""
    known = ((0.1, "0.1 s"), (1.0, "1 s"), (10.0, "10 s"), (60.0, "1 min"), (600.0, "10 min"), (3600.0, "1 h"),
             (36000.0, "10 h"), (360000.0, "100 h"))  # fmt: skip
    low = max([value for value, _ in known[:-1] if value <= min(values, default=1.0)], default=known[0][0])
    high = min(
        [value for value, _ in known if value >= max(values, default=10.0) and value > low], default=known[-1][0]
    )
    return Axis(top=high, bottom=low, ticks=tuple(one for one in known if low <= one[0] <= high), is_logarithmic=True)


def line_plot(caption: Caption, places: Sequence[str], lines: Sequence[Series], axis: Axis) -> str:
    """Draw lines over places from left to right; a place without a value parts a line."""
    drawn = [_horizontals(axis), _places(places), _legend([(one.name, one.kind) for one in lines])]
    for one in lines:
        points = [
            None if value is None else (_middle(place, len(places)), _up(axis, value))
            for place, value in enumerate(one.values)
        ]
        drawn += [_element("polyline", points=" ".join(f"{x:.1f},{y:.1f}" for x, y in part), kind=f"line {one.kind}")
                  for part in _parts(points)]  # fmt: skip
        drawn += [_element("circle", cx=point[0], cy=point[1], r=2, kind=f"fill-{one.tone}")
                  for point in points if point]  # fmt: skip
    return _picture(caption, drawn)


def bar_plot(caption: Caption, places: Sequence[str], stack: Sequence[Series], axis: Axis) -> str:
    """Draw bars over places from left to right, the series on top of each other."""
    drawn = [_horizontals(axis), _places(places), _legend([(one.name, one.kind) for one in stack])]
    width = max(_inner() / max(len(places), 1) * 0.8, 0.6)
    for place in range(len(places)):
        below = 0.0
        for one in stack:
            value = one.values[place] or 0.0
            if value:
                top, foot = _up(axis, below + value), _up(axis, below)
                x = _middle(place, len(places)) - width / 2
                tall = max(foot - top, 0.5)
                drawn.append(_element("rect", x=x, y=top, width=width, height=tall, kind=f"fill-{one.tone}"))
            below += value
    return _picture(caption, drawn)


def twin_plot(caption: Caption, places: Sequence[str], twins: Sequence[Series], axis: Axis) -> str:
    """Draw bars over places from left to right, those of the series beside each other."""
    drawn = [_horizontals(axis), _places(places), _legend([(one.name, one.kind) for one in twins])]
    width = _inner() / max(len(places), 1) * 0.8 / max(len(twins), 1)
    for number, one in enumerate(twins):
        for place, value in enumerate(one.values):
            if value:
                x = _middle(place, len(places)) + (number - len(twins) / 2) * width
                y = _up(axis, value)
                tall = max(_up(axis, 0) - y, 0.5)
                drawn.append(_element("rect", x=x, y=y, width=width, height=tall, kind=f"fill-{one.tone}"))
    return _picture(caption, drawn)


def interval_plot(caption: Caption, rows: Sequence[Interval], *, tone: int = 0) -> str:
    """Draw shares one below the other, each with its interval; 0 is left, 1 is right."""
    longest = max((len(row.name) for row in rows), default=0)
    left, height = 16 + _LETTER * min(longest, _LONGEST_NAME), _ROWS_TOP + _ROW * max(len(rows), 1) + _BOTTOM
    inner = _WIDTH - left - _RIGHT
    foot = height - _BOTTOM
    drawn = []
    for value, text in SHARES.ticks:
        x = left + value * inner
        drawn.append(_element("line", x1=x, x2=x, y1=_ROWS_TOP - 4, y2=foot, kind="grid"))
        drawn.append(_text(text, x=x, y=foot + 15, kind="middle"))
    for number, row in enumerate(rows):
        y = _ROWS_TOP + _ROW * (number + 0.5)
        drawn.append(_text(_short(row.name, _LONGEST_NAME), x=left - 8, y=y + 4, kind="end"))
        if row.value is None:
            drawn.append(_text("-", x=left + 4, y=y + 4))
            continue
        x1, x2, x = (left + share * inner for share in (row.low, row.high, row.value))
        drawn.append(_element("line", x1=x1, x2=x2, y1=y, y2=y, kind=f"interval tone-{tone}"))
        drawn.append(_element("circle", cx=x, cy=y, r=_DOT, kind=f"fill-{tone}"))
    return _picture(caption, drawn, height=height)


def reliability_plot(caption: Caption, groups: Sequence[tuple[str, Sequence[tuple[float, Interval]]]]) -> str:
    """Draw shares with their intervals over probabilities, one series a group; on the diagonal both are the same."""
    drawn = [
        _horizontals(SHARES),
        _element("line", x1=_LEFT, y1=_up(SHARES, 0), x2=_LEFT + _inner(), y2=_up(SHARES, 1), kind="diagonal"),
        _legend([(name, f"tone-{number}") for number, (name, _) in enumerate(groups)]),
    ]
    for value, text in SHARES.ticks:
        drawn.append(_text(text, x=_LEFT + value * _inner(), y=_HEIGHT - 12, kind="middle"))
    for number, (_, points) in enumerate(groups):
        for mean, seen in points:
            x = _LEFT + mean * _inner()
            low, high = _up(SHARES, seen.low), _up(SHARES, seen.high)
            drawn.append(_element("line", x1=x, x2=x, y1=low, y2=high, kind=f"interval tone-{number}"))
            drawn.append(_element("circle", cx=x, cy=_up(SHARES, seen.value or 0), r=_DOT, kind=f"fill-{number}"))
    return _picture(caption, drawn)


def shade_plot(caption: Caption, places: Sequence[str], columns: Sequence[Sequence[int]], *, tone: int = 0) -> str:
    """Draw how counts lie over equal parts of 0 to 1, upwards, at each place; the darker, the larger the share."""
    drawn = [_horizontals(SHARES), _places(places)]
    width = _inner() / max(len(places), 1)
    for place, counts in enumerate(columns):
        total = sum(counts)
        tall = (_HEIGHT - _TOP - _BOTTOM) / max(len(counts), 1)
        for part, count in enumerate(counts):
            if count:
                x, y = _LEFT + place * width + 0.5, _up(SHARES, 0) - (part + 1) * tall
                depth = round(0.08 + 0.92 * math.sqrt(count / total), 2)
                drawn.append(
                    _element("rect", x=x, y=y, width=max(width - 1, 0.5), height=tall, kind=f"fill-{tone}", depth=depth)
                )
    return _picture(caption, drawn)


def _picture(caption: Caption, drawn: Sequence[str], *, height: int = _HEIGHT) -> str:
    key = caption.key
    return (
        f'<svg class="plot" viewBox="0 0 {_WIDTH} {height}" role="img" aria-labelledby="{escape(key)}-title '
        f'{escape(key)}-text"><title id="{escape(key)}-title">{escape(caption.title)}</title>'
        f'<desc id="{escape(key)}-text">{escape(caption.text)}</desc>'
        f"{_text(caption.title, x=4, y=16, kind='plot-title')}{''.join(drawn)}</svg>"
    )


def _horizontals(axis: Axis) -> str:
    drawn = []
    for value, text in axis.ticks:
        y = _up(axis, value)
        is_foot = value == axis.bottom
        drawn.append(_element("line", x1=_LEFT, x2=_LEFT + _inner(), y1=y, y2=y, kind="axis" if is_foot else "grid"))
        drawn.append(_text(text, x=_LEFT - 6, y=y + 4, kind="end"))
    return "".join(drawn)


def _places(places: Sequence[str]) -> str:
    """Write names below the axis, as many as there is room for."""
    step = max(math.ceil(len(places) / _MOST_LABELS), 1)
    return "".join(
        _text(name, x=_middle(number, len(places)), y=_HEIGHT - 12, kind="middle")
        for number, name in enumerate(places)
        if number % step == 0
    )


def _legend(names: Sequence[tuple[str, str]]) -> str:
    """Write what each kind of line is, in one row, or in two."""
    drawn, x, y = [], 4.0, 33
    for name, kind in names:
        width = _SWATCH + 17 + _LETTER * min(len(name), 16)
        if x + width > _WIDTH and y == 33:  # noqa: PLR2004 - the first row
            x, y = 4.0, 48
        drawn.append(_element("line", x1=x, x2=x + _SWATCH, y1=y - 4, y2=y - 4, kind=f"swatch {kind}"))
        drawn.append(_text(_short(name, 16), x=x + _SWATCH + 5, y=y))
        x += width
    return "".join(drawn)


def _parts(points: Sequence[tuple[float, float] | None]) -> list[list[tuple[float, float]]]:
    parts: list[list[tuple[float, float]]] = [[]]
    for point in points:
        if point is None:
            parts.append([])
        else:
            parts[-1].append(point)
    return [part for part in parts if len(part) > 1]


def _inner() -> float:
    return _WIDTH - _LEFT - _RIGHT


def _middle(place: int, places: int) -> float:
    return _LEFT + (place + 0.5) * _inner() / max(places, 1)


def _up(axis: Axis, value: float) -> float:
    return _HEIGHT - _BOTTOM - axis.share(value) * (_HEIGHT - _TOP - _BOTTOM)


def _short(name: str, most: int) -> str:
    return name if len(name) <= most else f"{name[: most - 1]}…"


def _text(text: str, *, x: float, y: float, kind: str = "") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" class="{escape(kind)}">{escape(text)}</text>'


def _element(name: str, *, kind: str, points: str = "", depth: float | None = None, **places: float) -> str:
    attributes = "".join(f' {key}="{value:.1f}"' for key, value in places.items())
    attributes += f' points="{points}"' if points else ""
    attributes += f' fill-opacity="{depth}"' if depth is not None else ""
    return f'<{name}{attributes} class="{escape(kind)}"/>'
