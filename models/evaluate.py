"""Measure a network on labelled films, per class and per source, and calibrate its probabilities."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from domain.findings import Label

if TYPE_CHECKING:
    from models.dataset import Film

Array = npt.NDArray[np.float64]
Classes = npt.NDArray[np.int64]
Report = dict[str, object]

LABELS = tuple(Label)
COVID19 = LABELS.index(Label.COVID19)
UNDETERMINED_BELOW = 0.6
"""A result whose highest probability is lower names no class: chosen on the validation films, where it halves the false
COVID-19 calls on NIH's adults and leaves 2 of 100 films of `seed/` without a result."""
_Z_95 = 1.96
"""Standard normal quantile of a two-sided 95 % interval."""
_ECE_BINS = 15
_TEMPERATURES = np.geomspace(0.2, 5.0, 400)


def softmax(scores: Array, temperature: float = 1.0) -> Array:
    """Return probabilities (films, classes) from class scores of the same shape."""
    scaled = scores / temperature
    exponent = np.exp(scaled - scaled.max(axis=1, keepdims=True))
    return np.asarray(exponent / exponent.sum(axis=1, keepdims=True))


def fit_temperature(scores: Array, classes: Classes) -> float:
    """Return the temperature that makes the right classes likeliest (Guo et al., arXiv:1706.04599)."""
    rows = np.arange(len(classes))
    losses = [-np.log(softmax(scores, t)[rows, classes] + 1e-12).mean() for t in _TEMPERATURES]
    return float(_TEMPERATURES[int(np.argmin(losses))])


def auroc(values: Array, positive: npt.NDArray[np.bool_]) -> float | None:
    """Return the area under the ROC curve (Mann-Whitney statistic, ties count half); None with one class only."""
    positives, negatives = values[positive], values[~positive]
    if not len(positives) or not len(negatives):
        return None
    ordered = np.sort(negatives)
    below, upto = np.searchsorted(ordered, positives, "left"), np.searchsorted(ordered, positives, "right")
    return float((below + upto).sum() / 2 / len(positives) / len(negatives))


def macro_auroc(probabilities: Array, classes: Classes) -> float | None:
    """Return the mean over the classes of one class against the rest; None where a class is missing."""
    areas = [auroc(probabilities[:, number], classes == number) for number in range(len(LABELS))]
    known = [area for area in areas if area is not None]
    return float(np.mean(known)) if len(known) == len(LABELS) else None


def calibration_error(probabilities: Array, classes: Classes) -> float:
    """Return the expected calibration error in 15 equal bins of confidence, 0 to 1 (Guo et al., arXiv:1706.04599)."""
    confidence, right = probabilities.max(axis=1), probabilities.argmax(axis=1) == classes
    bins = np.minimum((confidence * _ECE_BINS).astype(int), _ECE_BINS - 1)
    gaps = [abs(confidence[bins == b].sum() - right[bins == b].sum()) for b in range(_ECE_BINS)]
    return float(sum(gaps) / len(classes))


def proportion(count: int, total: int) -> Report:
    """Return a share with its 95 % interval (Wilson score)."""
    if total == 0:
        return {"count": 0, "of": 0}
    share, z2 = count / total, _Z_95**2 / total
    centre = (share + z2 / 2) / (1 + z2)
    spread = _Z_95 * math.sqrt(share * (1 - share) / total + z2 / total / 4) / (1 + z2)
    interval = [round(max(centre - spread, 0.0), 4), round(min(centre + spread, 1.0), 4)]
    return {"count": count, "of": total, "share": round(share, 4), "interval_95": interval}


def measure(probabilities: Array, classes: Classes) -> Report:
    """Return accuracy, sensitivity per class, false COVID-19 calls, macro AUROC and calibration error of some films.

    The likeliest class counts; the entries with `determined` leave out the results that name no class.
    """
    named = probabilities.argmax(axis=1)
    healthy, sure = classes != COVID19, probabilities.max(axis=1) >= UNDETERMINED_BELOW
    area = macro_auroc(probabilities, classes)
    return {
        "accuracy": proportion(int((named == classes).sum()), len(classes)),
        "sensitivity": {
            label: proportion(int((named[classes == n] == n).sum()), int((classes == n).sum()))
            for n, label in enumerate(LABELS)
            if (classes == n).any()
        },
        "false_covid19": proportion(int((named[healthy] == COVID19).sum()), int(healthy.sum())),
        "undetermined": proportion(int((~sure).sum()), len(classes)),
        "accuracy_when_determined": proportion(int((named == classes)[sure].sum()), int(sure.sum())),
        "false_covid19_when_determined": proportion(int((named[healthy & sure] == COVID19).sum()), int(healthy.sum())),
        "macro_auroc": None if area is None else round(area, 4),
        "calibration_error": round(calibration_error(probabilities, classes), 4),
    }


def measure_groups(
    probabilities: Array, classes: Classes, films: Sequence[Film], group: Callable[[Film], str]
) -> dict[str, Report]:
    """Measure every group of films apart, for example by folder."""
    names = np.array([group(film) for film in films])
    return {str(n): measure(probabilities[names == n], classes[names == n]) for n in np.unique(names)}
