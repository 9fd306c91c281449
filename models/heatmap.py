"""From the evidence of a few coarse looks to one map at the film's own geometry."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from domain.explanation import Box, Evidence, ExplainedLook, Explanation, HeatMap
from domain.findings import Label

if TYPE_CHECKING:
    from collections.abc import Sequence

    from models.classifier import Seen

Shape = tuple[int, int]
"""Rows and columns."""


def explanation_of(seen: Seen) -> Explanation:
    """Return why the network prefers its most probable class, from what it found in one film."""
    label = seen.probabilities.label
    column = list(Label).index(label)
    return Explanation(
        probabilities=seen.probabilities,
        label=label,
        looks=tuple(
            ExplainedLook(box=box, evidence=np.ascontiguousarray(evidence[..., column], dtype=np.float32))
            for box, evidence in zip(seen.boxes, seen.maps, strict=True)
        ),
        mask=seen.mask,
    )


def heat_map(explanation: Explanation, shape: Shape) -> HeatMap:
    """Return the evidence for a film of so many rows and columns, scaled so that its strongest place is 1.

    The maps of all looks are spread over their parts of the film by bilinear interpolation and averaged, as the class
    scores are; where a look did not see the film, it adds nothing. A map without any evidence stays 0 everywhere.
    """
    evidence = _spread(explanation.looks, shape)
    peak = float(evidence.max())
    values = np.minimum(evidence / peak, 1.0) if peak > 0.0 else evidence
    return HeatMap(
        label=explanation.label,
        values=np.asarray(values, dtype=np.float32),
        box=_hull([look.box for look in explanation.looks]),
        evidence_outside_lungs=_outside(explanation.looks, explanation.mask),
        area_outside_lungs=_outside([_even(look) for look in explanation.looks], explanation.mask),
    )


def _outside(looks: Sequence[ExplainedLook], mask: Evidence) -> float:
    """Return the share of the evidence outside the lungs; 0 where there is no evidence at all."""
    evidence = _spread(looks, (mask.shape[0], mask.shape[1])).astype(np.float64)
    total = evidence.sum()
    return float(np.clip((evidence * (1.0 - mask)).sum() / total, 0.0, 1.0)) if total > 0.0 else 0.0


def _even(look: ExplainedLook) -> ExplainedLook:
    return ExplainedLook(box=look.box, evidence=np.ones((1, 1), dtype=np.float32))


def _spread(looks: Sequence[ExplainedLook], shape: Shape) -> Evidence:
    """Return the mean of all looks, (rows, columns), float32: one small product of matrices for each."""
    total = np.zeros(shape, dtype=np.float32)
    for look in looks:
        rows = _weights(shape[0], look.evidence.shape[0], look.box.top, look.box.bottom)
        columns = _weights(shape[1], look.evidence.shape[1], look.box.left, look.box.right)
        total += rows @ (look.evidence / len(looks)) @ columns.T
    return total


def _weights(pixels: int, cells: int, start: float, end: float) -> Evidence:
    """Return how much each cell counts at each pixel of one axis: (pixels, cells), float32.

    A pixel and a cell have their place at their middle; the cells divide the film from `start` to `end`. Between two
    middles both count by distance, beyond the outermost one that cell alone, and outside `start` to `end` none.
    """
    middle = (np.arange(pixels) + 0.5) / pixels
    inside = (middle >= start) & (middle < end)
    place = np.clip((middle - start) / (end - start) * cells - 0.5, 0.0, cells - 1.0)
    distance = np.abs(place[:, np.newaxis] - np.arange(cells))
    return np.asarray(np.maximum(1.0 - distance, 0.0) * inside[:, np.newaxis], dtype=np.float32)


def _hull(boxes: Sequence[Box]) -> Box:
    return Box(
        min(box.left for box in boxes),
        min(box.top for box in boxes),
        max(box.right for box in boxes),
        max(box.bottom for box in boxes),
    )
