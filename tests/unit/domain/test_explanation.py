from __future__ import annotations

import numpy as np
import pytest

from domain.explanation import Box, Evidence, ExplainedLook, Explanation, HeatMap
from domain.findings import Label, Probabilities

WHOLE = Box(0.0, 0.0, 1.0, 1.0)
ANSWER = Probabilities(covid19=0.7, normal=0.1, pneumonia=0.2)


def cells(value: float = 1.0) -> Evidence:
    return np.full((3, 4), value, dtype=np.float32)


@pytest.mark.parametrize(
    "box",
    [Box(0.5, 0.0, 0.5, 1.0), Box(0.0, 0.6, 1.0, 0.4), Box(-0.1, 0.0, 1.0, 1.0), Box(0.0, 0.0, 1.0, 1.1)],
    ids=["no-width", "upside-down", "left-of-the-film", "below-the-film"],
)
def test_a_look_shows_a_part_of_the_film(box: Box) -> None:
    """A box without an area, or with a part beyond the film, is refused."""
    with pytest.raises(ValueError, match="part of the film"):
        ExplainedLook(box=box, evidence=cells())


@pytest.mark.parametrize(
    ("evidence", "reason"),
    [
        (cells(-0.1), "never negative"),
        (cells(np.nan), "numbers only"),
        (cells().astype(np.float64), "float32"),
        (cells()[0], "rows and columns"),
        (cells()[:0], "rows and columns"),
    ],
    ids=["negative", "not-a-number", "float64", "one-row", "empty"],
)
def test_evidence_is_a_map_of_numbers_that_are_not_negative(evidence: Evidence, reason: str) -> None:
    """Anything else is refused with the reason."""
    with pytest.raises(ValueError, match=reason):
        ExplainedLook(box=WHOLE, evidence=evidence)


def test_an_explanation_rests_on_a_look() -> None:
    """Without any look there is no explanation."""
    with pytest.raises(ValueError, match="at least one look"):
        Explanation(probabilities=ANSWER, label=Label.COVID19, looks=(), mask=cells())


def test_a_lung_mask_holds_probabilities() -> None:
    """A mask with a value above 1 is refused."""
    look = ExplainedLook(box=WHOLE, evidence=cells())
    with pytest.raises(ValueError, match="between 0 and 1"):
        Explanation(probabilities=ANSWER, label=Label.COVID19, looks=(look,), mask=cells(1.5))


@pytest.mark.parametrize("share", [-0.1, 1.1, float("nan")])
def test_a_share_of_the_evidence_lies_between_0_and_1(share: float) -> None:
    """Another number is refused."""
    with pytest.raises(ValueError, match="share"):
        HeatMap(label=Label.NORMAL, values=cells(0.5), box=WHOLE, evidence_outside_lungs=share, area_outside_lungs=0.5)
