"""Evidence lands where it was found: geometry of heat maps on maps made by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from domain.explanation import Box, Evidence, ExplainedLook, Explanation
from domain.findings import Label, Probabilities
from models.classifier import Seen
from models.heatmap import explanation_of, heat_map

WHOLE = Box(0.0, 0.0, 1.0, 1.0)
NO_LUNGS = np.zeros((112, 112), dtype=np.float32)


def hot(row: int, column: int, shape: tuple[int, int] = (7, 7), strength: float = 1.0) -> Evidence:
    """Return a map with one hot cell."""
    evidence = np.zeros(shape, dtype=np.float32)
    evidence[row, column] = strength
    return evidence


def explanation(*looks: tuple[Box, Evidence], mask: Evidence = NO_LUNGS) -> Explanation:
    return Explanation(
        probabilities=Probabilities(covid19=0.8, normal=0.1, pneumonia=0.1),
        label=Label.COVID19,
        looks=tuple(ExplainedLook(box=box, evidence=evidence) for box, evidence in looks),
        mask=mask,
    )


@pytest.mark.parametrize("shape", [(700, 1400), (1400, 700), (70, 70), (301, 200)])
def test_a_hot_cell_lands_in_its_part_of_the_film(shape: tuple[int, int]) -> None:
    """In films of any proportions the strongest pixel lies in the middle of the cell, by fraction of each side."""
    heat = heat_map(explanation((WHOLE, hot(1, 5))), shape)
    row, column = np.unravel_index(heat.values.argmax(), shape)
    assert (row + 0.5) / shape[0] == pytest.approx(1.5 / 7, abs=0.51 / shape[0])
    assert (column + 0.5) / shape[1] == pytest.approx(5.5 / 7, abs=0.51 / shape[1])
    assert heat.values.shape == shape
    assert heat.values.dtype == np.float32


def test_a_hot_cell_of_a_cut_out_lands_inside_it() -> None:
    """A look at a part of the film spreads its cells over that part alone, pixel by pixel as computed by hand."""
    box = Box(0.25, 0.5, 0.75, 1.0)  # columns 50 to 149 and rows 50 to 99 of 200 columns and 100 rows
    heat = heat_map(explanation((box, hot(0, 1, (2, 2)))), (100, 200))
    assert np.flatnonzero(heat.values.any(axis=1)).tolist() == list(range(50, 87))  # until the other cell's middle
    assert np.flatnonzero(heat.values.any(axis=0)).tolist() == list(range(75, 150))  # from the other cell's middle on
    assert (heat.values[50:62, 125:150] == 1.0).all()  # beyond the outermost middles, the hot cell alone
    # Halfway between the middles at columns 74.5 and 124.5 both cells count alike.
    assert heat.values[50, 99:101].mean() == pytest.approx(0.5)


def test_outside_of_the_box_there_is_nothing() -> None:
    """A map that is full everywhere fills its box to the pixel, and no pixel more."""
    box = Box(0.1, 0.2, 0.6, 0.9)
    heat = heat_map(explanation((box, np.ones((5, 4), dtype=np.float32))), (50, 30))
    expected = np.zeros((50, 30), dtype=np.float32)
    expected[10:45, 3:18] = 1.0
    assert heat.values == pytest.approx(expected)
    assert heat.box == box


def test_values_run_to_1_whatever_the_strength() -> None:
    """Weak and strong evidence look alike: values are relative to the film's strongest place."""
    weak = heat_map(explanation((WHOLE, hot(3, 3, strength=1e-3))), (64, 64))
    strong = heat_map(explanation((WHOLE, hot(3, 3, strength=50.0))), (64, 64))
    assert weak.values.max() == strong.values.max() == 1.0
    assert weak.values == pytest.approx(strong.values, abs=1e-6)


def test_looks_are_averaged() -> None:
    """Of two looks at the whole film, the one with twice the evidence counts twice."""
    heat = heat_map(explanation((WHOLE, hot(0, 0, (2, 2), 2.0)), (WHOLE, hot(1, 1, (2, 2), 1.0))), (80, 80))
    assert heat.values[0, 0] == pytest.approx(1.0)
    assert heat.values[-1, -1] == pytest.approx(0.5)


def test_looks_at_different_parts_keep_their_places() -> None:
    """A look at the left half and one at the right half meet in the middle; the map's box holds both."""
    left, right = Box(0.0, 0.0, 0.5, 1.0), Box(0.5, 0.25, 1.0, 1.0)
    full = np.ones((3, 3), dtype=np.float32)
    heat = heat_map(explanation((left, full), (right, full)), (40, 40))
    assert (heat.values[:, :20] == 1.0).all()
    assert (heat.values[:10, 20:] == 0.0).all()
    assert (heat.values[10:, 20:] == 1.0).all()
    assert heat.box == WHOLE


def test_no_evidence_stays_nothing() -> None:
    """A map without evidence is 0 everywhere, and nothing of it lies outside the lungs."""
    heat = heat_map(explanation((WHOLE, np.zeros((7, 7), dtype=np.float32))), (64, 64))
    assert not heat.values.any()
    assert heat.evidence_outside_lungs == 0.0


@pytest.mark.parametrize(("cell", "outside"), [((0, 0), 1.0), ((0, 3), 0.0)], ids=["beside-the-lungs", "in-the-lungs"])
def test_evidence_beside_the_lungs_is_counted(cell: tuple[int, int], outside: float) -> None:
    """With lungs in the right half, evidence far left is all outside, evidence far right all inside."""
    mask = np.zeros((112, 112), dtype=np.float32)
    mask[:, 56:] = 1.0
    heat = heat_map(explanation((WHOLE, hot(*cell, (1, 4))), mask=mask), (300, 500))
    assert heat.evidence_outside_lungs == pytest.approx(outside, abs=1e-6)


def test_the_area_outside_the_lungs_is_there_to_compare() -> None:
    """Of the part that was shown, two thirds are lung: a third lies outside, wherever the evidence is."""
    mask = np.zeros((112, 112), dtype=np.float32)
    mask[:, 56:] = 1.0
    box = Box(0.25, 0.0, 1.0, 1.0)
    for column in (0, 6):
        assert heat_map(explanation((box, hot(3, column)), mask=mask), (90, 90)).area_outside_lungs == pytest.approx(
            1 / 3
        )


def test_an_unsure_mask_counts_in_part() -> None:
    """Where lung is as likely as not, half of the evidence lies outside."""
    half = np.full((112, 112), 0.5, dtype=np.float32)
    heat = heat_map(explanation((WHOLE, hot(2, 2)), mask=half), (64, 64))
    assert heat.evidence_outside_lungs == pytest.approx(0.5)


def test_what_a_classifier_found_becomes_an_explanation() -> None:
    """Of the maps of all classes the most probable one's is taken, look by look with its box."""
    maps = np.stack([np.stack([hot(0, 0), hot(1, 1), hot(2, look)], axis=-1) for look in (3, 4)])
    boxes = [Box(0.1, 0.1, 0.9, 0.9), WHOLE]
    answer = Probabilities(covid19=0.1, normal=0.2, pneumonia=0.7)
    found = explanation_of(Seen(unsuitable=None, probabilities=answer, mask=NO_LUNGS, boxes=boxes, maps=maps))
    assert found.label is Label.PNEUMONIA
    assert [look.box for look in found.looks] == boxes
    assert [np.argwhere(look.evidence).tolist() for look in found.looks] == [[[2, 3]], [[2, 4]]]


def test_the_map_keeps_the_label_it_was_made_for() -> None:
    """The evidence may be for another class than the most probable one."""
    other = replace(explanation((WHOLE, hot(0, 0))), label=Label.NORMAL)
    assert heat_map(other, (64, 64)).label is Label.NORMAL
