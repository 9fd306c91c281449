"""Statistics of labelled results: plain arithmetic on arrays, and 95 % intervals from resampled patients.

Every statistic can be weighted, films along the last axis: a resample of the patients is a row of weights that says how
often each film was drawn, so that estimate and interval come from the same lines.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from collections.abc import Iterator

    from domain.intervals import Interval

Array = npt.NDArray[np.float64]
Classes = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

ECE_BINS = 15
_TAILS = (2.5, 97.5)
"""Percentiles between which 95 % of the resamples lie."""
_CHUNK = 64
"""Resamples computed together: 4 MB of weights for 8000 films."""
_LEAST_KNOWN = 0.5
"""Share of the resamples that must have a value, or there is no interval: in the others a class was not drawn."""
_LEAST_PATIENTS = 2


def auroc(values: Array, positive: Flags) -> float | None:
    """Return the area under the ROC curve (Mann-Whitney statistic, ties count half); None with one class only."""
    area = float(weighted_auroc(values, positive, np.ones((1, len(values))))[0])
    return None if math.isnan(area) else area


def weighted_auroc(values: Array, positive: Flags, weights: Array) -> Array:
    """Return one area for each row of weights (resamples, films); NaN where a row has films of one class only."""
    if not len(values):
        return np.full(len(weights), np.nan)
    order = np.argsort(values, kind="stable")
    starts = np.flatnonzero(np.diff(values[order], prepend=-np.inf) > 0)
    drawn = weights[:, order]
    positives = np.add.reduceat(drawn * positive[order], starts, axis=1)
    negatives = np.add.reduceat(drawn * ~positive[order], starts, axis=1)
    below = np.cumsum(negatives, axis=1) - negatives / 2
    return _ratio((positives * below).sum(axis=1), positives.sum(axis=1) * negatives.sum(axis=1))


def weighted_ratio(hits: Array, base: Array, weights: Array) -> Array:
    """Return `hits` over `base`, both (films, ratios), summed with each row of weights: (resamples, ratios)."""
    return _ratio(weights @ hits, weights @ base)


def calibration_error(probabilities: Array, classes: Classes) -> float:
    """Return the expected calibration error in 15 equal bins of confidence, 0 to 1 (Guo et al., arXiv:1706.04599)."""
    return float(weighted_calibration_error(probabilities, classes, np.ones((1, len(classes))))[0])


def weighted_calibration_error(probabilities: Array, classes: Classes, weights: Array) -> Array:
    """Return one calibration error for each row of weights (resamples, films); NaN where a row has no films."""
    gaps = (probabilities.max(axis=1) - (probabilities.argmax(axis=1) == classes))[:, None] * _in_bin(probabilities)
    return _ratio(np.abs(weights @ gaps).sum(axis=1), weights.sum(axis=1))


def reliability(probabilities: Array, classes: Classes) -> list[dict[str, float]]:
    """Return for every bin that has films: their count, mean confidence, and the share that is right."""
    members = _in_bin(probabilities)
    counts, right = members.sum(axis=0), probabilities.argmax(axis=1) == classes
    confidence = probabilities.max(axis=1)
    return [
        {
            "from": round(number / ECE_BINS, 4),
            "films": int(counts[number]),
            "confidence": round(float(confidence[members[:, number]].mean()), 4),
            "right": round(float(right[members[:, number]].mean()), 4),
        }
        for number in np.flatnonzero(counts).tolist()
    ]


def resamples(patients: Classes, count: int, seed: int | list[int]) -> Iterator[Array]:
    """Yield weights (up to 64, films) until `count` resamples of the patients are drawn, with replacement.

    `patients` numbers the patient of each film. All films of a patient are drawn together, since they are alike.
    Fewer than two patients can't be resampled, and yield nothing.
    """
    numbers = np.unique(patients, return_inverse=True)[1]
    total = int(numbers.max(initial=-1)) + 1
    if total < _LEAST_PATIENTS:
        return
    random = np.random.default_rng(seed)
    for start in range(0, count, _CHUNK):
        rows = min(_CHUNK, count - start)
        drawn = random.integers(total, size=(rows, total)) + total * np.arange(rows)[:, None]
        times = np.bincount(drawn.ravel(), minlength=rows * total).reshape(rows, total)
        yield times[:, numbers].astype(np.float64)


def percentile_interval(draws: Array) -> Interval | None:
    """Return the interval that holds 95 % of a statistic's resamples; None where most have no value."""
    known = draws[~np.isnan(draws)]
    if not len(known) or len(known) < _LEAST_KNOWN * len(draws):
        return None
    low, high = np.percentile(known, _TAILS).tolist()
    return low, high


def basic_interval(estimate: float, draws: Array) -> Interval | None:
    """Return the interval mirrored at the estimate, not below 0: for a statistic that resampling drives up."""
    found = percentile_interval(draws)
    return None if found is None else (max(2 * estimate - found[1], 0.0), max(2 * estimate - found[0], 0.0))


def _in_bin(probabilities: Array) -> Flags:
    """Say which of the bins of confidence each film is in: bool (films, bins)."""
    bins = np.minimum((probabilities.max(axis=1) * ECE_BINS).astype(int), ECE_BINS - 1)
    return np.asarray(bins[:, None] == np.arange(ECE_BINS))


def _ratio(above: Array, below: Array) -> Array:
    quotients: Array = np.divide(above, below, out=np.full(np.shape(above), np.nan), where=np.asarray(below) > 0)
    return quotients
