"""Running a network over films, and the figures of what it said."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.film import GreyImage, Unsuitable
from domain.findings import Label
from models.collection import Collection
from models.evaluation.curves import frontier, operating_points, roc
from models.evaluation.figures import VIEWS, Bootstrap, measure
from models.evaluation.judge import Outcomes, judge
from models.evaluation.summary import confusion, describe_model, mistakes, summarise, worst_source
from tests.fakes import MODEL
from tests.judged import COVID, NORMAL, PNEUMONIA, GreyReader, films_of, sure, verdict, verdicts

QUICK = Bootstrap(resamples=50, seed=1)
MODEL_REPORT = describe_model(MODEL)
SAID = st.sampled_from([*Label, Unsuitable.NOT_FRONTAL, sure(NORMAL, 0.4)])


def grey(path: Path) -> GreyImage | Unsuitable:
    return Unsuitable.UNREADABLE if path.stem == "3" else np.full((4, 4), int(path.stem) / 10, dtype=np.float32)


def test_verdicts_come_in_order_and_in_batches() -> None:
    """44 films, of which some can't be read, are refused or are doubtful, come back in order, 16 at a time."""
    films, network = films_of([(NORMAL, "a", 11)]) * 4, GreyReader()
    found = list(judge(films, network, grey))
    assert [verdict.film for verdict in found] == films
    assert network.largest_batch == 15, "one film in eleven can't be read, and is not shown to the network"
    said = {verdict.film.path.stem: (verdict.named, verdict.refused) for verdict in found}
    assert said["2"] == (COVID, None)
    assert said["3"] == (None, Unsuitable.UNREADABLE)
    assert said["6"] == (None, None)
    assert said["10"] == (None, Unsuitable.BADLY_EXPOSED)


def test_reading_is_a_batch_ahead_at_most() -> None:
    """Whoever takes one verdict has had no more than two batches read: memory does not grow with the films."""
    read: list[Path] = []

    def remember(path: Path) -> GreyImage:
        read.append(path)
        return np.full((4, 4), 0.5, dtype=np.float32)

    stream = judge(films_of([(NORMAL, "a", 200)]), GreyReader(), remember)
    next(stream)
    assert len(read) <= 32
    stream.close()


def test_the_three_views_count_doubtful_and_refused_films_apart() -> None:
    """Of ten pneumonias six are named, two called COVID-19, one is doubtful and one refused."""
    found = measure(
        Outcomes.of(
            verdicts(
                (PNEUMONIA, PNEUMONIA, 6),
                (PNEUMONIA, COVID, 2),
                (PNEUMONIA, sure(PNEUMONIA, 0.4), 1),
                (PNEUMONIA, Unsuitable.NOT_FRONTAL, 1),
            )
        ),
        QUICK,
    )
    counts = {view: (found[view]["accuracy"]["count"], found[view]["accuracy"]["of"]) for view in VIEWS}
    assert counts == {"all": (6, 10), "likeliest": (7, 9), "determined": (6, 8)}
    false = {view: (found[view]["false_covid19"]["count"], found[view]["false_covid19"]["of"]) for view in VIEWS}
    assert false == {"all": (2, 10), "likeliest": (2, 9), "determined": (2, 8)}
    assert (found["undetermined"]["count"], found["refused"]["count"]) == (1, 1)


def test_figures_of_a_small_table_worked_by_hand() -> None:
    """COVID-19: 3 of 4 found, 1 of 6 others called; PPV 3/4, F1 2x3/(4+4), specificity 5/6."""
    found = measure(
        Outcomes.of(verdicts((COVID, COVID, 3), (COVID, NORMAL, 1), (NORMAL, COVID, 1), (NORMAL, NORMAL, 5))), QUICK
    )["all"]
    assert found["sensitivity"]["COVID19"]["value"] == 0.75
    assert found["specificity"]["COVID19"]["value"] == round(5 / 6, 4)
    assert found["ppv"]["COVID19"]["value"] == 0.75
    assert found["f1"]["COVID19"]["value"] == 0.75
    assert found["sensitivity"]["PNEUMONIA"]["value"] is None
    assert found["accuracy"]["value"] == 0.8


@given(st.lists(st.tuples(st.sampled_from(list(Label)), SAID), min_size=1, max_size=20))
def test_every_figure_is_a_share_with_a_sane_interval(said: list[tuple[Label, Label | Unsuitable]]) -> None:
    """Whatever was said, values lie in 0..1, intervals are ordered, and the matrix holds every film."""
    outcomes = Outcomes.of([verdict(truth, answer, number=n) for n, (truth, answer) in enumerate(said)])
    found = measure(outcomes, Bootstrap(resamples=8, seed=0))
    for view in VIEWS:
        figure = found[view]["accuracy"]
        assert figure["value"] is None or 0 <= figure["value"] <= 1
        low, high = figure["interval_95"] or (0, 0)
        assert 0 <= low <= high <= 1
    assert sum(map(sum, confusion(outcomes)["films"])) == len(said)
    assert found["classified"] == len(said) - found["refused"]["count"]


def test_intervals_follow_the_seed() -> None:
    """The same seed gives the same report."""
    outcomes = Outcomes.of(verdicts((NORMAL, NORMAL, 9), (NORMAL, COVID, 5), (COVID, COVID, 7)))
    assert measure(outcomes, QUICK) == measure(outcomes, QUICK)
    assert measure(outcomes, QUICK) != measure(outcomes, Bootstrap(resamples=50, seed=2))


def graded() -> list:
    """Ten COVID-19 films with 0.50 to 0.95, twenty others with 0.00 to 0.76."""
    ill = [verdict(COVID, sure(COVID, 0.5 + 0.05 * n), number=n) for n in range(10)]
    return ill + [verdict(NORMAL, sure(COVID, 0.04 * n), number=n, source="there") for n in range(20)]


def test_operating_points_meet_their_aims() -> None:
    """The threshold is the highest that finds the share, or the lowest that calls no more than the share."""
    found = graded()
    points = {p["name"]: p for p in operating_points(Outcomes.of(found), [v.film.source for v in found], QUICK)}
    assert points["sensitivity-90"]["threshold"] == 0.55
    assert points["sensitivity-90"]["sensitivity"]["count"] == 9
    assert points["false-calls-5"]["false_covid19"]["count"] == 1
    assert points["false-calls-1"]["false_covid19"]["count"] == 0
    assert points["false-calls-1"]["threshold"] == 0.8
    assert points["model"]["false_covid19_by_source"]["there"]["of"] == 20


def test_a_sensitivity_that_refusals_forbid_is_not_within_reach() -> None:
    """Where a fifth of the COVID-19 films is refused, no threshold finds nine tenths of them."""
    found = verdicts((COVID, COVID, 8), (COVID, Unsuitable.NO_LUNGS, 2), (NORMAL, NORMAL, 5))
    points = {p["name"]: p for p in operating_points(Outcomes.of(found), ["here"] * 15, QUICK)}
    assert points["sensitivity-90"] == {"name": "sensitivity-90", "threshold": None}


def test_curves_rise_from_nothing_to_everything() -> None:
    """ROC curve and frontier start with no call and end with every call, and never fall."""
    found = graded()
    outcomes = Outcomes.of(found)
    curve, edge = roc(outcomes)["COVID19"], frontier(outcomes, [v.film.source for v in found])
    assert edge is not None
    for values in (curve["false"], curve["right"], edge["sensitivity"], edge["false_calls_by_source"]["there"]):
        assert (values[0], values[-1]) == (0.0, 1.0)
        assert values == sorted(values)


def test_without_covid_films_there_is_no_frontier() -> None:
    """Operating points need films with and without COVID-19; the rest of the report does not."""
    outcomes = Outcomes.of(verdicts((NORMAL, NORMAL, 3), (PNEUMONIA, NORMAL, 3)))
    assert frontier(outcomes, ["here"] * 6) is None
    assert operating_points(outcomes, ["here"] * 6, QUICK) == []


def test_the_worst_source_has_enough_films() -> None:
    """A source of three films is not called the worst, however wrong they are."""
    found = verdicts((NORMAL, NORMAL, 30), source="a") + verdicts((NORMAL, NORMAL, 20), (NORMAL, COVID, 5), source="b")
    report = summarise(
        found + verdicts((NORMAL, COVID, 3), source="c"),
        model=MODEL_REPORT,
        collection=Collection(place=Path("x"), films=()),
        bootstrap=QUICK,
    )
    assert report["worst_source"]["accuracy"]["source"] == "b"
    assert report["worst_source"]["false_covid19"]["count"] == 5
    assert worst_source({}) == {}


def test_the_surest_mistakes_come_first() -> None:
    """Doubtful and refused films are no mistakes."""
    found = [verdict(NORMAL, sure(COVID, share), number=n) for n, share in enumerate((0.6, 0.9, 0.45))]
    assert [row["file"] for row in mistakes(found)] == ["here/NORMAL/1.png", "here/NORMAL/0.png"]


def test_one_patient_gives_no_bootstrap_interval() -> None:
    """Films of a single patient can't be resampled; the plain interval stays."""
    found = measure(Outcomes.of([verdict(NORMAL, NORMAL, patient="p", number=n) for n in range(5)]), QUICK)
    assert found["all"]["accuracy"]["interval_95"] is None
    assert found["all"]["accuracy"]["wilson_95"] == pytest.approx([0.5655, 1.0], abs=1e-4)
