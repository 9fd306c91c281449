"""Two networks on the same studies: figures of textbooks, and how studies are put together."""

from __future__ import annotations

import pytest

from domain.agreement import Scanner
from domain.findings import Label
from domain.pairs import Alike, Gap, Pairs, ScoredAlike, SourcePairs, compared, kappa, mcnemar
from domain.quality import Reading
from domain.report_phrases import Statement

COVID, NORMAL, PNEUMONIA = Label
ROOM1, ROOM2 = Scanner(ae_title="XRAY1", station="A"), Scanner(ae_title="XRAY2", station="")
NONE = "undetermined"


def alike(
    active: str, shadow: str | None, studies: int = 1, *, scanner: Scanner = ROOM1, said: Statement | None = None
) -> Alike:
    reported = {} if said is None else {PNEUMONIA: said}
    return Alike(scanner=scanner, active=active, shadow=shadow, studies=studies, said=reported)


def figures(*found: Alike) -> SourcePairs:
    """Return those of all sources."""
    return compared(Pairs(found, ()))[-1]


def test_kappa_is_that_of_the_textbook() -> None:
    """Fifty proposals, 20 accepted by both, 15 by neither, 5 and 10 by one alone: 0.4."""
    words = {("yes", "yes"): 20, ("yes", "no"): 5, ("no", "yes"): 10, ("no", "no"): 15}
    assert kappa(words) == pytest.approx(0.4)


def test_kappa_of_raters_who_always_say_the_same_one_thing_is_unknown() -> None:
    """Chance alone has them agree; so it is of none."""
    assert kappa({("yes", "yes"): 9}) is None
    assert kappa({}) is None


@pytest.mark.parametrize(("one", "other", "p"), [(1, 8, 20 / 512), (8, 1, 20 / 512), (5, 5, 1.0), (0, 0, 1.0)])
def test_mcnemar_is_the_binomial_test_of_what_one_alone_got_right(one: int, other: int, p: float) -> None:
    """Of nine, one or none: (1 + 9) of 2^9, on two sides."""
    assert mcnemar(one, other) == pytest.approx(p)


def test_sources_are_told_apart_and_put_together() -> None:
    """In order, and all of them last."""
    first, second, everything = compared(
        Pairs((alike(COVID, COVID, scanner=ROOM2), alike(NORMAL, NORMAL), alike(NORMAL, PNEUMONIA)), ())
    )
    assert (first.scanner, first.studies, first.agreement.count) == (ROOM1, 2, 1)
    assert (second.scanner, second.studies, second.agreement.count) == (ROOM2, 1, 1)
    assert (everything.scanner, everything.studies, everything.agreement.count) == (None, 3, 2)


def test_what_was_skipped_is_counted_and_nothing_else() -> None:
    """It is no disagreement, and nobody was right or wrong."""
    found = figures(alike(PNEUMONIA, None, 3, said=Statement.PRESENT), alike(NORMAL, NORMAL))
    assert (found.studies, found.skipped, found.agreement.value) == (1, 3, 1.0)
    assert found.targets[PNEUMONIA].active.sensitivity.of == 0


def test_differences_have_mean_and_spread() -> None:
    """Of the probabilities, the shadow's less the other's: 0.1, -0.1 and 0.3."""
    sums = [Gap(2, 0.0, 0.02), Gap(1, 0.3, 0.09)]
    found = figures(*(Alike(scanner=ROOM1, active=NORMAL, shadow=NORMAL, gaps={NORMAL: one}) for one in sums))
    normal = found.differences[NORMAL]
    assert (normal.studies, normal.mean, normal.sd) == (3, pytest.approx(0.1), pytest.approx(0.2))
    assert (found.differences[COVID].studies, found.differences[COVID].mean) == (0, None)


def test_one_difference_has_no_spread() -> None:
    """It takes two."""
    found = figures(Alike(scanner=ROOM1, active=NORMAL, shadow=NORMAL, gaps={NORMAL: Gap(1, 0.1, 0.01)}))
    assert (found.differences[NORMAL].mean, found.differences[NORMAL].sd) == (0.1, None)


def test_the_drift_of_each_network_is_its_own() -> None:
    """The shadow's scores changed in the last week, those of the active network did not; all are in the histograms."""
    scored = tuple(
        ScoredAlike(scanner=ROOM1, is_shadow=is_shadow, is_last=is_last, bins=bins, studies=30)
        for is_shadow, is_last, bins in (
            (False, False, (1, 8, 1)),
            (False, True, (1, 8, 1)),
            (True, False, (1, 8, 1)),
            (True, True, (2, 5, 2)),
        )
    )
    (_, found) = compared(Pairs((alike(NORMAL, NORMAL, 60),), scored))
    assert found.active_drift is not None
    assert found.shadow_drift is not None
    assert (found.active_drift.reading, found.shadow_drift.reading) == (Reading.CHANCE, Reading.CLEAR)
    assert found.active_scores[NORMAL] == (0, 0, 0, 0, 0, 0, 0, 0, 60, 0)
    assert found.shadow_scores[NORMAL] == (0, 0, 0, 0, 0, 30, 0, 0, 30, 0)


def test_who_is_right_is_asked_of_the_same_studies() -> None:
    """Of six with pneumonia the shadow alone finds five, the other alone none; without it both are right."""
    everything = figures(
        alike(NORMAL, PNEUMONIA, 5, said=Statement.PRESENT),
        alike(PNEUMONIA, PNEUMONIA, said=Statement.PRESENT),
        alike(NORMAL, NONE, 3, said=Statement.ABSENT),
    )
    found = everything.targets[PNEUMONIA]
    assert (found.active.sensitivity.count, found.shadow.sensitivity.count, found.shadow.sensitivity.of) == (1, 6, 6)
    assert (found.only_active, found.only_shadow) == ((0, 0), (5, 0))
    assert (found.p_sensitivity, found.p_specificity) == (pytest.approx(2 / 32), 1.0)
    assert (found.shadow.specificity.count, found.shadow.ppv.value) == (3, 1.0)


def test_a_false_alarm_costs_specificity_and_ppv() -> None:
    """Of four without pneumonia the active network alone names one; the shadow alone misses the one with it."""
    everything = figures(
        alike(PNEUMONIA, NORMAL, said=Statement.ABSENT),
        alike(NORMAL, NORMAL, 3, said=Statement.ABSENT),
        alike(PNEUMONIA, NORMAL, said=Statement.PRESENT),
    )
    found = everything.targets[PNEUMONIA]
    assert (found.active.specificity.value, found.active.ppv.value, found.active.sensitivity.value) == (0.75, 0.5, 1.0)
    assert (found.shadow.specificity.value, found.shadow.ppv.value, found.shadow.sensitivity.value) == (1.0, None, 0.0)
    assert (found.only_active, found.only_shadow) == ((1, 0), (0, 1))


@pytest.mark.parametrize("said", [Statement.NOT_SAID, Statement.UNDETERMINED, None])
def test_who_is_right_is_not_known_of_the_others(said: Statement | None) -> None:
    """Not said is not absent."""
    found = figures(alike(PNEUMONIA, NORMAL, said=said)).targets[PNEUMONIA].active
    assert (found.sensitivity.of, found.specificity.of) == (0, 0)


def test_a_source_has_a_title_and_tells_which_diseases_were_reported() -> None:
    """A disease of which no report speaks is left out."""
    found = (alike(NORMAL, NORMAL, said=Statement.ABSENT), alike(NORMAL, NORMAL, scanner=ROOM2))
    first, second, everything = compared(Pairs(found, ()))
    assert [one.title for one in (first, second, everything)] == ["XRAY1 A", "XRAY2", "All"]
    assert [list(one.reported) for one in (first, second, everything)] == [[PNEUMONIA], [], [PNEUMONIA]]
