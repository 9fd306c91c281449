"""Findings say what they mean, and can't be made wrong."""

import math
from dataclasses import replace

import pytest

from domain.film import Unsuitable
from domain.findings import Findings, Label, Outcome, Presence, Probabilities
from tests.fakes import MODEL, stored_film


def findings(covid19: float, normal: float, pneumonia: float) -> Findings:
    film = stored_film()
    probabilities = Probabilities(covid19=covid19, normal=normal, pneumonia=pneumonia)
    return Findings(model=MODEL, films=(film,), analysed=film, probabilities=probabilities)


def test_the_most_probable_class_is_named() -> None:
    """The label is the class with the highest probability."""
    assert findings(0.2, 0.1, 0.7).label is Label.PNEUMONIA


def test_a_target_is_present_or_absent() -> None:
    """The class named is present, the other disease is absent."""
    result = findings(0.8, 0.1, 0.1)
    assert (result.presence(Label.COVID19), result.presence(Label.PNEUMONIA)) == (Presence.PRESENT, Presence.ABSENT)


def test_a_normal_film_has_both_targets_absent() -> None:
    """NORMAL means that neither disease was seen."""
    result = findings(0.1, 0.8, 0.1)
    assert {result.presence(Label.COVID19), result.presence(Label.PNEUMONIA)} == {Presence.ABSENT}


def test_below_the_threshold_no_class_is_named() -> None:
    """A model that is not sure says undetermined."""
    result = findings(0.4, 0.3, 0.3)
    assert (result.label, result.outcome) == (None, Outcome.UNDETERMINED)
    assert result.presence(Label.COVID19) is Presence.UNDETERMINED


@pytest.mark.parametrize(
    ("covid19_from", "named"), [(0.0, Label.COVID19), (0.55, Label.COVID19), (0.56, None), (1.0, None)]
)
def test_covid19_may_ask_for_more(covid19_from: float, named: Label | None) -> None:
    """A threshold of its own keeps a model from crying COVID-19; it never makes one braver, nor touches others."""
    model = replace(MODEL, undetermined_below=0.5, covid19_from=covid19_from)
    assert model.label_of(Probabilities(covid19=0.55, normal=0.3, pneumonia=0.15)) is named
    assert model.label_of(Probabilities(covid19=0.45, normal=0.35, pneumonia=0.2)) is None
    assert model.label_of(Probabilities(covid19=0.3, normal=0.55, pneumonia=0.15)) is Label.NORMAL


def test_a_study_that_was_not_processed_says_why() -> None:
    """Without probabilities there is a reason."""
    result = Findings(model=MODEL, films=(stored_film(),), unsuitable=Unsuitable.NOT_FRONTAL)
    assert result.outcome is Outcome.COULD_NOT_PROCESS


def test_findings_without_result_and_reason_are_refused() -> None:
    """Silence is no result."""
    with pytest.raises(ValueError, match="reason"):
        Findings(model=MODEL, films=(stored_film(),))


@pytest.mark.parametrize("values", [(0.5, 0.5, 0.5), (1.2, -0.1, -0.1), (math.nan, 0.5, 0.5)])
def test_impossible_probabilities_are_refused(values: tuple[float, float, float]) -> None:
    """Probabilities lie between 0 and 1 and sum to 1."""
    with pytest.raises(ValueError, match="probabilit"):
        Probabilities(covid19=values[0], normal=values[1], pneumonia=values[2])


def test_the_input_digest_does_not_depend_on_the_order_of_films() -> None:
    """A study is the same set of films whatever order they came in."""
    one, two = stored_film(1), stored_film(2)
    digests = {
        Findings(model=MODEL, films=films, unsuitable=Unsuitable.NOT_CHEST).input_digest
        for films in [(one, two), (two, one)]
    }
    assert len(digests) == 1
    assert digests != {Findings(model=MODEL, films=(one,), unsuitable=Unsuitable.NOT_CHEST).input_digest}
