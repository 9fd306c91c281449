"""Which figures of networks on trial become which plots."""

from __future__ import annotations

from typing import TYPE_CHECKING

from domain.findings import Label
from domain.quality import BINS
from web.pages.charts import MOST_ROWS, interval, told
from web.pages.plots import Caption, Plot, Series, axis_to, interval_plot, twin_plot

if TYPE_CHECKING:
    from domain.pairs import SourcePairs
    from domain.trial_board import TrialBoard

_PARTS = [f"{part / BINS:.1f}" for part in range(BINS)]
_ACTIVE, _SHADOW = 0, 1
"""Tones."""


def plots(board: TrialBoard) -> tuple[Plot, ...]:
    """Return plots of the agreement of each source, and of both networks' scores of each class; none without both."""
    if not board.sources or not board.sources[-1].studies:
        return ()
    everything = board.sources[-1]
    return (_agreement([everything, *board.sources[:-1]]), *(_scores(everything, label) for label in Label))


def _agreement(sources: list[SourcePairs]) -> Plot:
    caption = Caption(
        key="shadow-agreement",
        title="Shadow and active network say the same",
        text="The share of studies of each source of which both say the same, with its 95 % interval, from 0 at the "
        "left to 1 at the right.",
    )
    return Plot(
        svg=interval_plot(caption, [interval(one.title, one.agreement) for one in sources[:MOST_ROWS]]),
        heads=("Source", "Both say the same (95 % interval; counts)"),
        rows=tuple((one.title, told(one.agreement)) for one in sources),
    )


def _scores(source: SourcePairs, label: Label) -> Plot:
    caption = Caption(
        key=f"shadow-scores-{label.lower()}",
        title=f"Output for {label}, all sources",
        text=f"How many studies have which output for {label}, from 0 at the left to 1 at the right: two bars for each "
        "tenth, the left one of the active network, the right one of the shadow.",
    )
    active, shadow = source.active_scores[label], source.shadow_scores[label]
    twins = [
        Series(name="active", values=tuple(map(float, active)), tone=_ACTIVE),
        Series(name="shadow", values=tuple(map(float, shadow)), tone=_SHADOW),
    ]
    return Plot(
        svg=twin_plot(caption, _PARTS, twins, axis_to(max(*active, *shadow))),
        heads=("Output from", "Active", "Shadow"),
        rows=tuple((part, str(one), str(other)) for part, one, other in zip(_PARTS, active, shadow, strict=True)),
    )
