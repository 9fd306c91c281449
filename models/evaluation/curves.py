"""What a choice of threshold means: ROC curves, the frontier of sensitivity and false calls, and points on it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from models.evaluation.figures import Ratio, Report, measure_ratios, share
from models.evaluation.judge import COVID19, LABELS

if TYPE_CHECKING:
    from models.evaluation.figures import Bootstrap
    from models.evaluation.judge import Outcomes
    from models.evaluation.metrics import Array, Flags

SENSITIVITIES = (0.90, 0.95, 0.98)
FALSE_CALLS = (0.01, 0.05)
_ABOVE_ALL = 1.0 + 1e-6
"""A threshold that no probability reaches."""
_MOST_POINTS = 200
"""Points of a curve that are kept: more than a plot shows."""


def roc(outcomes: Outcomes) -> dict[str, Report]:
    """Return for each class that has films of both kinds the share of false and of right calls by threshold."""
    curves = {}
    known = ~np.isnan(outcomes.probabilities[:, 0])
    for number, label in enumerate(LABELS):
        values, positive = outcomes.probabilities[known, number], outcomes.truth[known] == number
        if positive.any() and not positive.all():
            grid = _grid(values)
            curves[str(label)] = {"false": _rates(values[~positive], grid), "right": _rates(values[positive], grid)}
    return curves


def frontier(outcomes: Outcomes, sources: list[str]) -> Report | None:
    """Return sensitivity to COVID-19 and false COVID-19 calls by threshold, also by source; None with one kind only.

    Refused films count as not called.
    """
    scores, ill = _scores(outcomes), outcomes.truth == COVID19
    if not ill.any() or ill.all():
        return None
    grid = _corners(scores, ill)
    names = np.array(sources)
    by_source = {
        str(name): _rates(scores[(names == name) & ~ill], grid)
        for name in np.unique(names)
        if ((names == name) & ~ill).any()
    }
    return {
        "thresholds": [round(value, 6) for value in grid.tolist()],
        "sensitivity": _rates(scores[ill], grid),
        "false_calls": _rates(scores[~ill], grid),
        "false_calls_by_source": by_source,
    }


def operating_points(outcomes: Outcomes, sources: list[str], bootstrap: Bootstrap) -> list[Report]:
    """Return what calling COVID-19 from a threshold on would mean: the model's own rule first, then the usual aims.

    A threshold that no film allows is None, and so are its figures. Without films of both kinds there are no points.
    """
    scores, ill = _scores(outcomes), outcomes.truth == COVID19
    if not ill.any() or ill.all():
        return []
    points = [_point("model", None, outcomes.named == COVID19, outcomes, sources, bootstrap)]
    for aim in SENSITIVITIES:
        threshold = _for_sensitivity(scores[ill], aim)
        points.append(_aimed(f"sensitivity-{round(100 * aim)}", threshold, outcomes, sources, bootstrap))
    for aim in FALSE_CALLS:
        threshold = _for_false_calls(scores, scores[~ill], aim)
        points.append(_aimed(f"false-calls-{round(100 * aim)}", threshold, outcomes, sources, bootstrap))
    return points


def _aimed(name: str, threshold: float | None, outcomes: Outcomes, sources: list[str], bootstrap: Bootstrap) -> Report:
    if threshold is None:
        return {"name": name, "threshold": None}
    return _point(name, threshold, _scores(outcomes) >= threshold, outcomes, sources, bootstrap)


def _point(
    name: str, threshold: float | None, called: Flags, outcomes: Outcomes, sources: list[str], bootstrap: Bootstrap
) -> Report:
    ill = outcomes.truth == COVID19
    point: Report = {"name": name, "threshold": None if threshold is None else round(threshold, 6)}
    ratios = [
        Ratio(key=("sensitivity",), hits=ill & called, base=ill),
        Ratio(key=("false_covid19",), hits=~ill & called, base=~ill),
        Ratio(key=("ppv",), hits=ill & called, base=called),
    ]
    measure_ratios(point, ratios, outcomes.patients, bootstrap)
    names = np.array(sources)
    point["false_covid19_by_source"] = {
        str(source): share(int((called & of_it).sum()), int(of_it.sum()))
        for source in np.unique(names)
        if (of_it := (names == source) & ~ill).any()
    }
    return point


def _scores(outcomes: Outcomes) -> Array:
    """Return the probability of COVID-19; below every threshold where the film was refused."""
    return np.asarray(np.nan_to_num(outcomes.probabilities[:, COVID19], nan=-1.0))


def _for_sensitivity(ill: Array, aim: float) -> float | None:
    """Return the highest threshold at which this share of the COVID-19 films is called."""
    needed = int(np.ceil(aim * len(ill) - 1e-9))
    threshold = float(np.sort(ill)[len(ill) - needed])
    return threshold if threshold >= 0 else None


def _for_false_calls(scores: Array, others: Array, aim: float) -> float | None:
    """Return the lowest score that, as a threshold, calls no more than this share of the other films."""
    candidates = np.unique(scores[scores >= 0])
    allowed = candidates[np.array(_exact_rates(others, candidates)) <= aim]
    return float(allowed[0]) if len(allowed) else None


def _grid(values: Array) -> Array:
    """Return thresholds from above every value down to the least, by rank."""
    known = np.unique(values[values >= 0])
    if len(known) > _MOST_POINTS:
        known = known[np.linspace(0, len(known) - 1, _MOST_POINTS).round().astype(int)]
    return np.concatenate([[_ABOVE_ALL], known[::-1], [0.0]])


def _corners(scores: Array, ill: Flags) -> Array:
    """Return thresholds at and just above other films' scores, close together where few are called; descending."""
    known, others = np.unique(scores[scores >= 0]), np.unique(scores[~ill & (scores >= 0)])[::-1]
    if not len(known):
        return np.array([_ABOVE_ALL, 0.0])
    ranks = np.unique(np.geomspace(1, max(len(others), 1), _MOST_POINTS // 2).astype(int)) - 1
    at = others[ranks] if len(others) else others
    above = np.append(known, _ABOVE_ALL)[np.searchsorted(known, at, "right")]
    return np.unique(np.concatenate([at, above, _grid(scores[ill])[:: _MOST_POINTS // 40], [_ABOVE_ALL, 0.0]]))[::-1]


def _exact_rates(values: Array, grid: Array) -> list[float]:
    ordered = np.sort(values)
    return ((len(ordered) - np.searchsorted(ordered, grid, "left")) / max(len(ordered), 1)).tolist()  # type: ignore[no-any-return]


def _rates(values: Array, grid: Array) -> list[float]:
    """Return the share of the values at or above each threshold."""
    return [round(rate, 4) for rate in _exact_rates(values, grid)]
