"""A trial: thresholds, decisions, and how sure they are."""

from __future__ import annotations

import numpy as np
import pytest

from domain.findings import Label, ModelVersion, Outcome, Probabilities
from domain.opinion import Opinion
from domain.report_phrases import Statement
from domain.trial import Case, Decision, cut_for, judged
from tests.fakes import MODEL

COVID, NORMAL, PNEUMONIA = Label
RESAMPLES = 200


def says(pneumonia: float, model: ModelVersion = MODEL) -> Opinion:
    """Return the opinion of a network that doubts between pneumonia and nothing."""
    scores = Probabilities(covid19=0.0, normal=1 - pneumonia, pneumonia=pneumonia)
    label = model.label_of(scores)
    outcome = Outcome.CLASSIFIED if label else Outcome.UNDETERMINED
    return Opinion(outcome=outcome, label=label, probabilities=scores)


def case(active: float, candidate: float, *, present: bool) -> Case:
    statement = Statement.PRESENT if present else Statement.ABSENT
    return Case(said={PNEUMONIA: statement}, active=says(active), candidate=says(candidate))


def spread(candidate: float, *, active: float = 0.7) -> list[Case]:
    """Return forty studies with pneumonia that get these scores, and forty without it that get none."""
    with_it = [case(active, candidate, present=True)] * 40
    return [*with_it, *[case(0.1, 0.1 + number / 200, present=False) for number in range(40)]]


@pytest.mark.parametrize(("wrong", "cut"), [(0, 0.9), (1, 0.7), (2, 0.7), (3, 0.2), (4, 0.0), (9, 0.0)])
def test_the_cut_lets_no_more_through_than_are_allowed(wrong: int, cut: float) -> None:
    """Above it lie at most so many; what is alike lies on one side."""
    assert cut_for(np.array([0.2, 0.7, 0.9, 0.7]), wrong) == cut


def test_a_network_passes_beside_itself() -> None:
    """It can't be worse."""
    trial = judged(spread(0.7), MODEL, minimum=40, resamples=RESAMPLES).targets[PNEUMONIA]
    assert (trial.decision, trial.difference, trial.interval) == (Decision.PASSED, 0.0, (0.0, 0.0))


def test_a_network_that_finds_less_fails() -> None:
    """As many false alarms are allowed as the active network gives, which is none."""
    trial = judged(spread(0.2), MODEL, minimum=40, resamples=RESAMPLES).targets[PNEUMONIA]
    assert (trial.decision, trial.difference, trial.sensitivity.count) == (Decision.FAILED, -1.0, 0)


def test_a_network_that_ranks_well_passes_by_another_threshold() -> None:
    """Its own names nothing; with the one that is found it is as good, and both are told."""
    shy = ModelVersion(name="shy", version="1.0.0", sha256="cd" * 32, undetermined_below=0.9)
    cases = [
        Case(said=one.said, active=one.active, candidate=says(one.candidate.probabilities.pneumonia, shy))
        for one in spread(0.6)
        if one.candidate.probabilities is not None
    ]
    trial = judged(cases, shy, minimum=40, resamples=RESAMPLES).targets[PNEUMONIA]
    assert (trial.decision, trial.own_sensitivity.count, trial.sensitivity.count) == (Decision.PASSED, 0, 40)
    assert (trial.own_threshold, trial.specificity.value) == (0.9, 1.0)
    assert trial.needed_threshold is not None
    assert trial.needed_threshold < 0.6


def test_the_active_networks_false_alarms_are_allowed() -> None:
    """Where it names four of forty that have nothing, so may the candidate."""
    alarms = [case(0.8, 0.75, present=False)] * 4
    healthy = [case(0.1, 0.1, present=False)] * 36
    trial = judged([*[case(0.8, 0.7, present=True)] * 40, *alarms, *healthy], MODEL, minimum=40, resamples=RESAMPLES)
    found = trial.targets[PNEUMONIA]
    assert (found.decision, found.active_specificity.count, found.specificity.count) == (Decision.PASSED, 36, 36)


@pytest.mark.parametrize(("minimum", "decision"), [(40, Decision.PASSED), (41, Decision.NOT_ENOUGH)])
def test_too_few_studies_are_no_proof(minimum: int, decision: Decision) -> None:
    """Of either kind."""
    assert judged(spread(0.7), MODEL, minimum=minimum, resamples=RESAMPLES).targets[PNEUMONIA].decision is decision


def test_a_disease_that_nobody_reported_leaves_the_whole_undecided() -> None:
    """Nothing is said of COVID-19, so the trial is not passed."""
    trial = judged(spread(0.7), MODEL, minimum=40, resamples=RESAMPLES)
    assert (trial.decision, trial.targets[COVID].decision) == (Decision.NOT_ENOUGH, Decision.NOT_ENOUGH)
    assert (trial.targets[COVID].needed_threshold, trial.targets[COVID].difference) == (None, None)


def test_one_disease_that_is_missed_fails_the_whole() -> None:
    """Whatever is known of the other."""
    assert judged(spread(0.2), MODEL, minimum=40, resamples=RESAMPLES).decision is Decision.FAILED


def test_a_small_loss_fails_where_the_margin_does_not_allow_it() -> None:
    """Of forty, two are missed: the interval reaches below a margin of 5 %, not below one of 20 %."""
    cases = [*spread(0.7)[:38], *[case(0.7, 0.1, present=True)] * 2, *spread(0.7)[40:]]
    strict, mild = (judged(cases, MODEL, minimum=40, margin=margin).targets[PNEUMONIA] for margin in (0.05, 0.2))
    assert (strict.decision, mild.decision) == (Decision.FAILED, Decision.PASSED)
    assert strict.interval is not None
    assert strict.interval[0] == pytest.approx(-0.125, abs=0.05)


def test_no_study_at_all_is_not_enough() -> None:
    """And no error."""
    assert judged([], MODEL).decision is Decision.NOT_ENOUGH


def test_a_film_that_the_candidate_refuses_is_not_named_by_it() -> None:
    """No threshold finds it."""
    refused = Opinion(outcome=Outcome.COULD_NOT_PROCESS, label=None, probabilities=None)
    cases = [Case(said={PNEUMONIA: Statement.PRESENT}, active=says(0.8), candidate=refused)] * 40
    trial = judged([*cases, *spread(0.7)[40:]], MODEL, minimum=40, resamples=RESAMPLES).targets[PNEUMONIA]
    assert (trial.sensitivity.count, trial.decision) == (0, Decision.FAILED)
