"""The plots of an evaluation, each drawn from the report alone, on light or on dark paper."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING, Any

from domain.findings import Label

if TYPE_CHECKING:
    from collections.abc import Callable

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from models.evaluation.figures import Report

_DOTS_PER_INCH = 144
_WIDTH = 8.0
"""Inches."""
_MOST_SOURCES = 12
"""Sources that a plot shows, the largest; the tables of the report show all."""
_PERCENT = 100.0
_LEAST_FALSE_CALLS = 0.05
"""Percent: where the axis of false calls begins, since a logarithm has no zero."""
_FALSE_CALLS_SHOWN = 25.0
"""Percent: the least that the axis of false calls by source spans."""
_DARK_CELL = 0.55


@dataclass(frozen=True, kw_only=True, slots=True)
class Paper:
    """The colours of a plot; the classes' differ for people who do not tell red from green (Okabe and Ito)."""

    ground: str
    ink: str
    grid: str
    cells: tuple[str, str]
    """From no film of the row to all of them."""
    labels: dict[Label, str]
    lines: tuple[str, ...]


LIGHT = Paper(
    ground="#ffffff",
    ink="#1d2733",
    grid="#d5dbe2",
    cells=("#f1f6fb", "#0b4f86"),
    labels={Label.COVID19: "#c2410c", Label.NORMAL: "#0369a1", Label.PNEUMONIA: "#0f8a63"},
    lines=("#0369a1", "#c2410c", "#0f8a63", "#7c3aed", "#a16207", "#be185d", "#0e7490", "#4d7c0f"),
)
DARK = Paper(
    ground="#18202a",
    ink="#e4e9ef",
    grid="#36424f",
    cells=("#1f2a36", "#7cc4ee"),
    labels={Label.COVID19: "#fb923c", Label.NORMAL: "#56b4e9", Label.PNEUMONIA: "#34d399"},
    lines=("#56b4e9", "#fb923c", "#34d399", "#c4b5fd", "#facc15", "#f9a8d4", "#67e8f9", "#bef264"),
)


def draw(name: str, report: Report, paper: Paper = LIGHT) -> bytes:
    """Return a plot as PNG; the same report gives the same picture."""
    buffer = BytesIO()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph")  # a source's name in letters that the font lacks
        figure = PLOTS[name](report, paper)
        figure.savefig(buffer, format="png", dpi=_DOTS_PER_INCH, facecolor=paper.ground, metadata={"Software": None})
    return buffer.getvalue()


def by_source(report: Report, paper: Paper) -> Figure:
    """Draw accuracy, sensitivity to COVID-19 and false COVID-19 calls of every source, with intervals."""
    groups = dict(list(report["by"]["source"].items())[:_MOST_SOURCES])
    figure, axes = _axes(paper, columns=3, height=1.5 + 0.42 * (len(groups) + 1), share_rows=True)
    rows = {**groups, "all together": report["all"]}
    panels: tuple[tuple[str, Callable[[Report], Report], str], ...] = (
        ("accuracy", lambda found: found["all"]["accuracy"], paper.ink),
        ("COVID-19 found", lambda found: found["all"]["sensitivity"][Label.COVID19], paper.labels[Label.NORMAL]),
        ("false COVID-19 calls", lambda found: found["all"]["false_covid19"], paper.labels[Label.COVID19]),
    )
    for place, (title, figure_of, colour) in zip(axes, panels, strict=True):
        place.set_title(title, fontsize=10, color=paper.ink, loc="left")
        place.set(ylim=(len(rows) - 0.5, -0.5), xlabel="percent of films")
        place.axhline(len(rows) - 1.5, color=paper.grid, linewidth=1.2)
        for height, group in enumerate(rows.values()):
            _whisker(place, height, figure_of(group), colour, paper)
    axes[0].set(xlim=(-3, 103))
    axes[1].set(xlim=(-3, 103))
    highest = max(_PERCENT * (spread_of(panels[2][1](group)) or (0.0, 0.0))[1] for group in rows.values())
    axes[2].set(xlim=(-0.03 * _FALSE_CALLS_SHOWN, max(_FALSE_CALLS_SHOWN, 1.05 * highest)))
    axes[0].set_yticks(range(len(rows)), [_short(name) for name in rows])
    return figure


def confusion(report: Report, paper: Paper) -> Figure:
    """Draw what was named what: counts, coloured by the share of the row."""
    from matplotlib.colors import LinearSegmentedColormap

    table = report["confusion"]
    figure, (place,) = _axes(paper, height=3.6)
    totals = [max(sum(row), 1) for row in table["films"]]
    shares = [[count / total for count in row] for row, total in zip(table["films"], totals, strict=True)]
    colours = LinearSegmentedColormap.from_list("shares", paper.cells)
    place.imshow(shares, cmap=colours, vmin=0, vmax=1, aspect="auto")
    for y, row in enumerate(table["films"]):
        for x, count in enumerate(row):
            red, green, blue, _ = colours(shares[y][x])
            dark = 0.299 * red + 0.587 * green + 0.114 * blue < _DARK_CELL
            text = f"{count}\n{_PERCENT * shares[y][x]:.1f} %"
            place.text(x, y, text, ha="center", va="center", fontsize=10, color="#ffffff" if dark else "#10161d")
    place.set_xticks(range(len(table["columns"])), table["columns"])
    place.set_yticks(range(len(table["rows"])), table["rows"])
    place.axvline(len(table["rows"]) - 0.5, color=paper.ground, linewidth=5)
    place.set(xlabel="named by the model", ylabel="label of the film")
    place.grid(visible=False)
    return figure


def roc(report: Report, paper: Paper) -> Figure:
    """Draw the ROC curve of every class against the others."""
    figure, (place,) = _axes(paper, width=5.6, height=5.0)
    place.plot([0, 1], [0, 1], color=paper.grid, linestyle="--", linewidth=1)
    if not report["roc"]:
        return _nothing(place, figure, "needs films of two classes", paper)
    for label in Label:
        if label in report["roc"]:
            curve, area = report["roc"][label], report["all"]["auroc"][label]["value"]
            place.plot(curve["false"], curve["right"], color=paper.labels[label], label=f"{label}  {area:.3f}")
    place.set(xlabel="share of other films called", ylabel="share of the class called", aspect="equal")
    _legend(place, paper, title="area under the curve", loc="lower right")
    return figure


def reliability(report: Report, paper: Paper) -> Figure:
    """Draw how often the model is right against how sure it is, and how many films are how sure."""
    bins = report["reliability"]
    figure, (place,) = _axes(paper, width=5.6, height=5.0)
    most = max((entry["films"] for entry in bins), default=1)
    starts = [entry["from"] for entry in bins]
    heights = [0.25 * entry["films"] / most for entry in bins]
    place.bar(starts, heights, width=1 / 15, align="edge", color=paper.grid, label="films (scaled)")
    place.plot([0, 1], [0, 1], color=paper.ink, linestyle="--", linewidth=1, label="perfect")
    sure, right = ([entry[key] for entry in bins] for key in ("confidence", "right"))
    place.plot(sure, right, "o-", color=paper.labels[Label.NORMAL], label="model")
    place.set(xlim=(0.3, 1.01), ylim=(0, 1.02), xlabel="probability of the likeliest class", ylabel="share right")
    _legend(place, paper, loc="upper left")
    return figure


def operating(report: Report, paper: Paper) -> Figure:
    """Draw the frontier: sensitivity to COVID-19 against false calls, pooled and on the other films of each source."""
    figure, (place,) = _axes(paper, height=4.6)
    found = report["frontier"]
    if found is None:
        return _nothing(place, figure, "needs films with and without COVID-19", paper)
    sensitivity = [_PERCENT * value for value in found["sensitivity"]]
    place.plot(_false_calls(found["false_calls"]), sensitivity, color=paper.ink, linewidth=2.4, label="all sources")
    curves = list(found["false_calls_by_source"].items())[: len(paper.lines)]
    for (source, values), colour in zip(curves, paper.lines, strict=False):
        place.plot(_false_calls(values), sensitivity, color=colour, linewidth=1.4, label=_short(source))
    own = report["operating_points"][0]
    own_false_calls = _false_calls([own["false_covid19"]["value"]])
    place.plot(
        own_false_calls, [_PERCENT * own["sensitivity"]["value"]], "D", color=paper.ink, label="the model's rule"
    )
    place.set_xscale("log")
    ticks = [0.1, 0.5, 1, 5, 10, 50, 100]
    place.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    place.set_xticks([], minor=True)
    place.set(xlim=(_LEAST_FALSE_CALLS, 110), ylim=(-2, 102), xlabel="false COVID-19 calls, percent (logarithmic)")
    place.set_ylabel("COVID-19 films called, percent")
    _legend(place, paper, loc="lower right", ncols=2 if len(curves) > len(Label) else 1)
    return figure


def scores(report: Report, paper: Paper) -> Figure:
    """Draw for each source how the probability of COVID-19 spreads over its films."""
    edges, names = report["scores"]["edges"], list(report["by"]["source"])
    sources = [name for name in names if name in report["scores"]["by_source"]][:_MOST_SOURCES]
    figure, axes = _axes(paper, rows=max(len(sources), 1), height=0.9 + 0.95 * max(len(sources), 1))
    if not sources:
        return _nothing(axes[0], figure, "no film was classified", paper)
    for place, source in zip(axes, sources, strict=True):
        for label, counts in report["scores"]["by_source"][source].items():
            shares = [_PERCENT * count / sum(counts) for count in counts]
            colour = paper.labels[Label(label)]
            place.stairs(shares, edges, color=colour, linewidth=1.5, label=f"{label} ({sum(counts)})")
            place.stairs(shares, edges, color=colour, fill=True, alpha=0.18)
        place.set(xlim=(0, 1), ylim=(0, 105), yticks=[0, 50, 100])
        place.set_ylabel(_short(source), rotation=0, ha="right", va="center", fontsize=9)
        place.tick_params(labelbottom=place is axes[-1])
        _legend(place, paper, loc="upper center", ncols=3)
    axes[-1].set_xlabel("probability of COVID-19; height: percent of the films of that class in that source")
    return figure


PLOTS = {
    "by_source": by_source,
    "confusion": confusion,
    "operating": operating,
    "roc": roc,
    "reliability": reliability,
    "scores": scores,
}
"""Every plot by the name of its file."""


def _axes(
    paper: Paper,
    *,
    width: float = _WIDTH,
    height: float,
    rows: int = 1,
    columns: int = 1,
    share_rows: bool = False,
) -> tuple[Figure, list[Axes]]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    found = figure.subplots(rows, columns, sharey=share_rows, squeeze=False)
    axes: list[Axes] = list(found.ravel())
    for place in axes:
        place.set_facecolor(paper.ground)
        place.tick_params(colors=paper.ink, labelsize=9, length=0)
        place.grid(color=paper.grid, linewidth=0.7)
        place.set_axisbelow(True)
        for spine in place.spines.values():
            spine.set_visible(False)
        place.xaxis.label.set(color=paper.ink, fontsize=9)
        place.yaxis.label.set(color=paper.ink, fontsize=9)
    return figure, axes


def _whisker(place: Axes, height: float, found: Report, colour: str, paper: Paper) -> None:
    if found["value"] is None:
        place.text(2, height, "no such films", va="center", fontsize=8, color=paper.ink, alpha=0.7)
        return
    low, high = (_PERCENT * bound for bound in spread_of(found) or (found["value"],) * 2)
    place.plot([low, high], [height, height], color=colour, linewidth=2.2, solid_capstyle="round")
    place.plot([_PERCENT * found["value"]], [height], "o", color=colour, markersize=6.5)


def spread_of(found: Report) -> tuple[float, float] | None:
    """Return the interval to show: the bootstrap's, or Wilson's where every resample agrees or there is none.

    A share of 0 or 100 % stays so however its patients are resampled; that is not certainty.
    """
    bootstrap, plain = found.get("interval_95"), found.get("wilson_95")
    if bootstrap is None or (plain is not None and bootstrap[0] == bootstrap[1]):
        bootstrap = plain
    return None if bootstrap is None else (bootstrap[0], bootstrap[1])


def _legend(place: Axes, paper: Paper, **options: Any) -> None:  # noqa: ANN401 - matplotlib's
    legend = place.legend(fontsize=8, frameon=False, labelcolor=paper.ink, **options)
    legend.get_title().set(color=paper.ink, fontsize=8)


def _nothing(place: Axes, figure: Figure, why: str, paper: Paper) -> Figure:
    place.text(0.5, 0.5, why, ha="center", va="center", color=paper.ink, transform=place.transAxes)
    place.set(xticks=[], yticks=[])
    return figure


def _false_calls(values: list[float]) -> list[float]:
    return [max(_PERCENT * value, _LEAST_FALSE_CALLS) for value in values]


def _short(name: str) -> str:
    longest = 26
    shown = name if len(name) <= longest else f"{name[: longest - 1]}…"
    return shown.replace("$", r"\$")  # else matplotlib reads a formula
