"""Two networks on the same studies: figures of textbooks, and how studies are put together."""

from __future__ import annotations

import pytest

from domain.agreement import Scanner
from domain.findings import Label, Outcome, Probabilities
from domain.opinion import Opinion
from domain.pairs import Pair, compared, kappa, mcnemar
from domain.quality import Reading
from domain.report_phrases import Statement

COVID, NORMAL, PNEUMONIA = Label
ROOM1, ROOM2 = Scanner(ae_title="XRAY1", station="A"), Scanner(ae_title="XRAY2", station="")


def opinion(label: Label | None, score: float = 0.8) -> Opinion:
    rest = (1 - score) / 2
    scores = {str(other).lower(): score if other is (label or NORMAL) else rest for other in Label}
    outcome = Outcome.UNDETERMINED if label is None else Outcome.CLASSIFIED
    return Opinion(outcome=outcome, label=label, probabilities=Probabilities(**scores))


def pair(
    active: Label | None,
    shadow: Label | None,
    *,
    scanner: Scanner = ROOM1,
    said: Statement | None = None,
    scores: tuple[float, float] = (0.8, 0.8),
    is_last: bool = False,
) -> Pair:
    return Pair(
        scanner=scanner,
        active=opinion(active, scores[0]),
        shadow=opinion(shadow, scores[1]),
        is_last=is_last,
        said={} if said is None else {PNEUMONIA: said},
    )


def test_kappa_is_that_of_the_textbook() -> None:
    """Fifty proposals, 20 accepted by both, 15 by neither, 5 and 10 by one alone: 0.4."""
    words = [("yes", "yes")] * 20 + [("yes", "no")] * 5 + [("no", "yes")] * 10 + [("no", "no")] * 15
    assert kappa(words) == pytest.approx(0.4)


def test_kappa_of_raters_who_always_say_the_same_one_thing_is_unknown() -> None:
    """Chance alone has them agree; so it is of none."""
    assert kappa([("yes", "yes")] * 9) is None
    assert kappa([]) is None


@pytest.mark.parametrize(("one", "other", "p"), [(1, 8, 20 / 512), (8, 1, 20 / 512), (5, 5, 1.0), (0, 0, 1.0)])
def test_mcnemar_is_the_binomial_test_of_what_one_alone_got_right(one: int, other: int, p: float) -> None:
    """Of nine, one or none: (1 + 9) of 2^9, on two sides."""
    assert mcnemar(one, other) == pytest.approx(p)


def test_sources_are_told_apart_and_put_together() -> None:
    """In order, and all of them last."""
    first, second, everything = compared(
        [pair(COVID, COVID, scanner=ROOM2), pair(NORMAL, NORMAL), pair(NORMAL, PNEUMONIA)]
    )
    assert (first.scanner, first.studies, first.agreement.count) == (ROOM1, 2, 1)
    assert (second.scanner, second.studies, second.agreement.count) == (ROOM2, 1, 1)
    assert (everything.scanner, everything.studies, everything.agreement.count) == (None, 3, 2)


def test_what_was_skipped_is_counted_and_nothing_else() -> None:
    """It is no disagreement."""
    skipped = Pair(scanner=ROOM1, active=opinion(NORMAL), shadow=None, is_last=False)
    (_, found) = compared([skipped, pair(NORMAL, NORMAL)])
    assert (found.studies, found.skipped, found.agreement.value) == (1, 1, 1.0)


def test_differences_have_mean_and_spread() -> None:
    """Of the probabilities, the shadow's less the other's."""
    (*_, found) = compared([pair(NORMAL, NORMAL, scores=(0.8, 0.9)), pair(NORMAL, NORMAL, scores=(0.8, 0.7))])
    normal = found.differences[NORMAL]
    assert (normal.studies, normal.mean) == (2, pytest.approx(0))
    assert normal.sd == pytest.approx(0.02**0.5)


def test_the_drift_of_each_network_is_its_own() -> None:
    """The shadow's scores changed in the last week, those of the active network did not."""
    before = [pair(NORMAL, NORMAL)] * 30
    last = [pair(NORMAL, NORMAL, scores=(0.8, 0.5), is_last=True)] * 30
    (*_, found) = compared([*before, *last])
    assert found.active_drift is not None
    assert found.shadow_drift is not None
    assert (found.active_drift.reading, found.shadow_drift.reading) == (Reading.CHANCE, Reading.CLEAR)


def test_who_is_right_is_asked_of_the_same_studies() -> None:
    """Of six with pneumonia the shadow alone finds five, the other alone none; without it both are right."""
    seen = [pair(NORMAL, PNEUMONIA, said=Statement.PRESENT)] * 5 + [pair(PNEUMONIA, PNEUMONIA, said=Statement.PRESENT)]
    (*_, everything) = compared([*seen, *[pair(NORMAL, None, said=Statement.ABSENT)] * 3])
    found = everything.targets[PNEUMONIA]
    assert (found.active.sensitivity.count, found.shadow.sensitivity.count, found.shadow.sensitivity.of) == (1, 6, 6)
    assert (found.only_active, found.only_shadow) == ((0, 0), (5, 0))
    assert (found.p_sensitivity, found.p_specificity) == (pytest.approx(2 / 32), 1.0)
    assert (found.shadow.specificity.count, found.shadow.ppv.value) == (3, 1.0)


@pytest.mark.parametrize("said", [Statement.NOT_SAID, Statement.UNDETERMINED, None])
def test_who_is_right_is_not_known_of_the_others(said: Statement | None) -> None:
    """Not said is not absent."""
    (*_, everything) = compared([pair(PNEUMONIA, NORMAL, said=said)])
    found = everything.targets[PNEUMONIA].active
    assert (found.sensitivity.of, found.specificity.of) == (0, 0)
