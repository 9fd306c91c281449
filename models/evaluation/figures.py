"""The figures of one group of judged films, each with its interval, as they stand in `metrics.json`.

Three views say what a film counts for that names no class. "all": every film counts, and only a named class can be
right, as whoever uses the model meets it. "likeliest": the likeliest class of every film that was not refused, as
papers count. "determined": only films with a named class.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from domain.intervals import wilson
from models.evaluation.judge import COVID19, LABELS, REFUSED, UNDETERMINED
from models.evaluation.metrics import (
    Array,
    Flags,
    basic_interval,
    percentile_interval,
    resamples,
    weighted_auroc,
    weighted_calibration_error,
    weighted_ratio,
)

if TYPE_CHECKING:
    from domain.intervals import Interval
    from models.evaluation.judge import Outcomes
    from models.evaluation.metrics import Classes

Report = dict[str, Any]
"""What JSON can hold."""

VIEWS = ("all", "likeliest", "determined")
MACRO = "macro"
_NOBODY = -1
_DIGITS = 4


@dataclass(frozen=True, kw_only=True, slots=True)
class Bootstrap:
    """How intervals are made: how many resamples of the patients, from which seed."""

    resamples: int = 1000
    seed: int = 7


@dataclass(frozen=True, kw_only=True, slots=True)
class Ratio:
    """One figure that is a sum over a sum of films."""

    key: tuple[str, ...]
    """Where the figure stands in the report."""
    hits: Array | Flags
    base: Array | Flags
    is_share: bool = True
    """Whether the hits are a part of the base, so that a count and Wilson's interval make sense."""


def measure(outcomes: Outcomes, bootstrap: Bootstrap) -> Report:
    """Return every figure of these films, with intervals from resampling their patients."""
    report = _counts(outcomes)
    known = outcomes.named != REFUSED
    ratios = list(_ratios(outcomes))
    measure_ratios(report, ratios, outcomes.patients, bootstrap)

    def others(weights: Array) -> Array:
        return _curve_figures(outcomes.probabilities[known], outcomes.truth[known], weights[:, known])

    estimates, draws = _estimate_and_draws(others, outcomes.patients, bootstrap)
    names = [*LABELS, MACRO]
    for number, name in enumerate(names):
        _put(report, ("auroc", name), _figure(estimates[number], percentile_interval(draws[:, number])))
    _put(report, ("calibration_error",), _figure(estimates[-1], basic_interval(estimates[-1], draws[:, -1])))
    return report


def measure_ratios(report: Report, ratios: list[Ratio], patients: Classes, bootstrap: Bootstrap) -> None:
    """Put the figures that are ratios into the report, at their keys."""
    hits = np.stack([ratio.hits for ratio in ratios], axis=1).astype(np.float64)
    base = np.stack([ratio.base for ratio in ratios], axis=1).astype(np.float64)
    estimates, draws = _estimate_and_draws(lambda weights: weighted_ratio(hits, base, weights), patients, bootstrap)
    for number, ratio in enumerate(ratios):
        figure = _figure(estimates[number], percentile_interval(draws[:, number]))
        if ratio.is_share:
            figure |= share(int(hits[:, number].sum()), int(base[:, number].sum()))
        _put(report, ratio.key, figure)


def share(count: int, total: int) -> Report:
    """Return a plain share with Wilson's interval."""
    return {
        "value": None if total == 0 else round(count / total, _DIGITS),
        "count": count,
        "of": total,
        "wilson_95": _rounded(wilson(count, total)),
    }


def _counts(outcomes: Outcomes) -> Report:
    return {
        "films": len(outcomes.truth),
        "patients": len(np.unique(outcomes.patients)),
        "classified": int((outcomes.named != REFUSED).sum()),
        "by_label": {label: int((outcomes.truth == number).sum()) for number, label in enumerate(LABELS)},
    }


def _ratios(outcomes: Outcomes) -> Iterator[Ratio]:
    everyone = np.ones(len(outcomes.truth), dtype=bool)
    refused = outcomes.named == REFUSED
    determined = outcomes.named < UNDETERMINED
    yield Ratio(key=("undetermined",), hits=outcomes.named == UNDETERMINED, base=everyone)
    yield Ratio(key=("refused",), hits=refused, base=everyone)
    likeliest = np.where(refused, _NOBODY, np.nan_to_num(outcomes.probabilities).argmax(axis=1))
    for view, counted, called in zip(
        VIEWS, (everyone, ~refused, determined), (outcomes.named, likeliest, outcomes.named), strict=True
    ):
        yield from _view_ratios(view, counted, outcomes.truth, called)


def _view_ratios(view: str, counted: Flags, truth: Classes, called: Classes) -> Iterator[Ratio]:
    yield Ratio(key=(view, "accuracy"), hits=counted & (called == truth), base=counted)
    for number, label in enumerate(LABELS):
        is_it, says_it = counted & (truth == number), counted & (called == number)
        is_other = counted & (truth != number)
        yield Ratio(key=(view, "sensitivity", label), hits=is_it & says_it, base=is_it)
        yield Ratio(key=(view, "specificity", label), hits=is_other & ~says_it, base=is_other)
        yield Ratio(key=(view, "ppv", label), hits=is_it & says_it, base=says_it)
        both = is_it.astype(np.float64) + says_it
        yield Ratio(key=(view, "f1", label), hits=2.0 * (is_it & says_it), base=both, is_share=False)
    others = counted & (truth != COVID19)
    yield Ratio(key=(view, "false_covid19"), hits=others & (called == COVID19), base=others)


def _curve_figures(probabilities: Array, truth: Classes, weights: Array) -> Array:
    """Return the areas of the classes, their mean, and the calibration error: (resamples, classes + 2)."""
    areas = [weighted_auroc(probabilities[:, n], truth == n, weights) for n in range(len(LABELS))]
    error = weighted_calibration_error(probabilities, truth, weights)
    return np.stack([*areas, np.mean(areas, axis=0), error], axis=1)


def _estimate_and_draws(
    statistic: Any,  # noqa: ANN401 - weights (rows, films) in, values (rows, figures) out
    patients: Classes,
    bootstrap: Bootstrap,
) -> tuple[list[float], Array]:
    estimates = statistic(np.ones((1, len(patients))))
    draws = [statistic(weights) for weights in resamples(patients, bootstrap.resamples, bootstrap.seed)]
    return estimates[0].tolist(), np.concatenate([estimates[:0], *draws])


def _figure(value: float, interval: Interval | None) -> Report:
    known = not math.isnan(value)
    return {"value": round(value, _DIGITS) if known else None, "interval_95": _rounded(interval) if known else None}


def _rounded(interval: Interval | None) -> list[float] | None:
    return None if interval is None else [round(bound, _DIGITS) for bound in interval]


def _put(report: Report, key: tuple[str, ...], figure: Report) -> None:
    for part in key[:-1]:
        report = report.setdefault(part, {})
    report[key[-1]] = figure
