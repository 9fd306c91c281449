"""Make probabilities say how often a network is right: one temperature for its class scores."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from models.evaluation.metrics import auroc

Array = npt.NDArray[np.float64]
Classes = npt.NDArray[np.int64]

_TEMPERATURES = np.geomspace(0.2, 5.0, 200)


def softmax(scores: Array) -> Array:
    """Return probabilities (films, classes) from class scores of the same shape."""
    exponents = np.exp(scores - scores.max(axis=1, keepdims=True))
    return np.asarray(exponents / exponents.sum(axis=1, keepdims=True))


def fit_temperature(scores: Array, classes: Classes, weights: Array) -> float:
    """Return the temperature that makes the right classes likeliest (Guo et al., arXiv:1706.04599).

    Args:
        scores: class scores (films, classes).
        classes: the right ones (films,).
        weights: how much each film counts (films,).
    """
    rows = np.arange(len(classes))
    losses = [-(np.log(softmax(scores / t)[rows, classes] + 1e-12) * weights).sum() for t in _TEMPERATURES]
    return float(_TEMPERATURES[int(np.argmin(losses))])


def macro_auroc(probabilities: Array, classes: Classes) -> float | None:
    """Return the mean over the classes of one class against the rest; None where a class is missing."""
    areas = [auroc(probabilities[:, number], classes == number) for number in range(probabilities.shape[1])]
    known = [area for area in areas if area is not None]
    return float(np.mean(known)) if len(known) == len(areas) else None
