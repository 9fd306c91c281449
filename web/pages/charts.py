"""Which figures of quality become which plots."""

from __future__ import annotations

from collections import defaultdict
from datetime import date, timedelta
from typing import TYPE_CHECKING, Final

from domain.findings import TARGETS, Label
from domain.quality import BINS
from web.pages.plots import (
    Caption,
    Interval,
    Plot,
    Series,
    axis_to,
    bar_plot,
    interval_plot,
    line_plot,
    reliability_plot,
    seconds_axis,
    shade_plot,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from domain.agreement import GroupAgreement, Share
    from domain.quality import Reliability, Scores, Times, Volume

MOST_ROWS: Final = 27
"""Of an interval plot; more can't be read."""
_MOST_SENDERS: Final = 5
_OTHERS: Final = "others"
_MEASURES: Final = (("sensitivity", "Sensitivity"), ("ppv", "PPV"), ("agreement", "Agreement"))


def told(share: Share) -> str:
    """Return a share with its interval and counts."""
    if share.value is None or share.wilson_95 is None:
        return "- (0/0)"
    low, high = share.wilson_95
    return f"{share.value:.2f} ({low:.2f} to {high:.2f}; {share.count}/{share.of})"


def agreements(groups: Sequence[GroupAgreement], name_of: Callable[[GroupAgreement], str]) -> tuple[Plot, ...]:
    """Return a plot of each measure of each disease, the groups one below the other, the newest or last ones first."""
    if not groups[-1].studies:
        return ()
    shown = [groups[-1], *reversed(groups[:-1])][:MOST_ROWS]
    return tuple(
        _agreement(target, number, measure, title, shown, name_of)
        for number, target in enumerate(TARGETS)
        for measure, title in _MEASURES
    )


def _agreement(
    target: Label, number: int, measure: str, title: str, groups: Sequence[GroupAgreement],
    name_of: Callable[[GroupAgreement], str],
) -> Plot:  # fmt: skip
    shares = [(name_of(group), getattr(group.targets[target], measure)) for group in groups]
    caption = Caption(
        key=f"{measure}-{target.lower()}",
        title=f"{title}, {target}",
        text=f"{title} for {target} of each group with its 95 % interval, from 0 at the left to 1 at the right.",
    )
    return Plot(
        svg=interval_plot(caption, [interval(name, share) for name, share in shares], tone=number),
        heads=("Group", f"{title} (95 % interval; counts)"),
        rows=tuple((name, told(share)) for name, share in shares),
    )


def interval(name: str, share: Share) -> Interval:
    """Return a share as a row of a plot."""
    low, high = share.wilson_95 or (0.0, 0.0)
    return Interval(name=name, value=share.value, low=low, high=high)


def scores(found: Sequence[Scores], sender: str) -> tuple[Plot, ...]:
    """Return a plot of each class's scores by week, of one sender, or of all where it is empty."""
    wanted = [one for one in found if sender in {"", one.sender}]
    weeks = sorted({one.week for one in wanted})
    if not weeks:
        return ()
    counts: dict[tuple[Label, str], list[int]] = defaultdict(lambda: [0] * BINS)
    for one in wanted:
        cell = counts[one.label, one.week]
        cell[:] = [count + more for count, more in zip(cell, one.counts, strict=True)]
    return tuple(_scores(label, number, weeks, counts) for number, label in enumerate(Label))


def _scores(label: Label, number: int, weeks: Sequence[str], counts: dict[tuple[Label, str], list[int]]) -> Plot:
    caption = Caption(
        key=f"scores-{label.lower()}",
        title=f"Output for {label}",
        text=f"Which share of a week's results has which output for {label}: weeks from left to right, output from 0 "
        "below to 1 above; the stronger the colour, the larger the share.",
    )
    columns = [counts[label, week] for week in weeks]
    return Plot(
        svg=shade_plot(caption, [_short_week(week) for week in weeks], columns, tone=number),
        heads=("Week", "Results", *(f"from {part / BINS:.1f}" for part in range(BINS))),
        rows=tuple(
            (week, str(sum(column)), *(str(count) for count in column))
            for week, column in zip(weeks, columns, strict=True)
        ),
    )


def reliability(found: Sequence[Reliability]) -> Plot | None:
    """Return a plot of how often readers saw what was named, over its probability."""
    if not found:
        return None
    caption = Caption(
        key="reliability",
        title="Seen by readers, by the output",
        text="Horizontal: the mean output of the named class, 0 to 1. Vertical: the share of which readers saw the "
        "same, with its 95 % interval. On the diagonal both are equal.",
    )
    groups = [
        (str(label), [(one.mean, interval("", one.seen)) for one in found if one.label is label])
        for label in Label
        if any(one.label is label for one in found)
    ]
    return Plot(
        svg=reliability_plot(caption, groups),
        heads=("Class named", "Output", "Mean output", "Seen by readers (95 % interval; counts)"),
        rows=tuple(
            (str(one.label), f"{one.bin / BINS:.1f} to {(one.bin + 1) / BINS:.1f}", f"{one.mean:.2f}", told(one.seen))
            for one in found
        ),
    )


def volumes(found: Sequence[Volume], first: date, days: int) -> Plot | None:
    """Return a plot of the studies that came each day, by sender."""
    if not found:
        return None
    totals: dict[str, int] = defaultdict(int)
    for one in found:
        totals[one.sender] += one.studies
    largest = sorted(totals, key=lambda name: (-totals[name], name))[:_MOST_SENDERS]
    names = [*largest, *([_OTHERS] if len(totals) > len(largest) else [])]
    counts: dict[tuple[str, date], int] = defaultdict(int)
    for one in found:
        counts[one.sender if one.sender in largest else _OTHERS, one.day] += one.studies
    calendar = _calendar(first, days)
    stack = [
        Series(name=name, values=tuple(float(counts[name, day]) for day in calendar), tone=tone)
        for tone, name in enumerate(names)
    ]
    most = max(sum(counts[name, day] for name in names) for day in calendar)
    caption = Caption(
        key="volumes", title="Studies that came, by day", text="Bars of each day's studies, one part for each sender."
    )
    return Plot(
        svg=bar_plot(caption, _names(calendar), stack, axis_to(most)),
        heads=("Day", "Sender", "Studies", "Films"),
        rows=tuple((one.day.isoformat(), one.sender, str(one.studies), str(one.films)) for one in found),
    )


def times(found: Sequence[Times], first: date, days: int) -> Plot | None:
    """Return a plot of how long results and reports took each day."""
    if not found:
        return None
    calendar, by_day = _calendar(first, days), {one.day: one for one in found}
    columns = (
        ("result, median", "result_median", 0),
        ("result, p95", "result_p95", 0),
        ("accepted, median", "delivery_median", 1),
        ("accepted, p95", "delivery_p95", 1),
    )
    lines = [
        Series(
            name=name,
            values=tuple(_of(by_day.get(day), column) for day in calendar),
            tone=tone,
            is_dashed=column.endswith("p95"),
        )
        for name, column, tone in columns
    ]
    caption = Caption(
        key="times",
        title="From film to result, and to accepted delivery",
        text="Lines of each day's median and 95th percentile, in seconds on a logarithmic scale.",
    )
    return Plot(
        svg=line_plot(caption, _names(calendar), lines, seconds_axis(list(_known(lines)))),
        heads=("Day", "Results", "Median", "p95", "Deliveries", "Median", "p95"),
        rows=tuple(
            (
                one.day.isoformat(), str(one.results), _seconds(one.result_median), _seconds(one.result_p95),
                str(one.deliveries), _seconds(one.delivery_median), _seconds(one.delivery_p95),
            )
            for one in found
        ),
    )  # fmt: skip


def _of(found: Times | None, column: str) -> float | None:
    return None if found is None else getattr(found, column)


def _known(lines: Iterable[Series]) -> Iterable[float]:
    return (value for line in lines for value in line.values if value is not None)


def _seconds(value: float | None) -> str:
    return "-" if value is None else f"{value:,.1f} s"


def _calendar(first: date, days: int) -> list[date]:
    return [first + timedelta(days=number) for number in range(days)]


def _names(days: Sequence[date]) -> list[str]:
    return [f"{day:%d %b}" for day in days]


def _short_week(week: str) -> str:
    return week.partition("-")[2]
