"""Cross-validation by patient."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import Misconfigured
from domain.findings import Label
from models.collection import Collection, LabelledFilm
from models.evaluation.figures import Bootstrap
from models.evaluation.folds import cross_validate, split_patients
from models.evaluation.summary import summarise
from tests.judged import COVID, GREYS, NORMAL, PNEUMONIA, GreyReader, films_of, labelled

FILMS = films_of([(NORMAL, "a", 40), (PNEUMONIA, "a", 30), (COVID, "b", 20), (NORMAL, "b", 5)])


@given(
    st.lists(st.tuples(st.sampled_from(list(Label)), st.integers(0, 12)), min_size=1, max_size=40), st.integers(2, 5)
)
def test_no_patient_is_in_two_parts(kinds: list[tuple[Label, int]], folds: int) -> None:
    """Every film is in one part, with all other films of its patient."""
    films = [labelled(label, file=f"{n}.png", patient=str(who)) for n, (label, who) in enumerate(kinds)]
    parts = split_patients(films, folds, seed=3)
    assert sorted(film.file for part in parts for film in part) == sorted(film.file for film in films)
    assert len({(film.patient, number) for number, part in enumerate(parts) for film in part}) == len(
        {film.patient for film in films}
    )


def test_every_part_has_its_share_of_each_class_of_each_source() -> None:
    """95 films of single patients in five parts: 8, 6, 4 and 1 of each kind."""
    for part in split_patients(FILMS, 5, seed=7):
        assert Counter((film.source, film.label) for film in part) == {
            ("a", NORMAL): 8,
            ("a", PNEUMONIA): 6,
            ("b", COVID): 4,
            ("b", NORMAL): 1,
        }


def test_the_split_follows_the_seed_and_not_the_order() -> None:
    """The same films in another order are split the same way; another seed splits them otherwise."""
    assert split_patients(FILMS, 4, seed=1) == split_patients(FILMS[::-1], 4, seed=1)
    assert split_patients(FILMS, 4, seed=1) != split_patients(FILMS, 4, seed=2)


class Trainer:
    """Remembers what it was given, and returns a network that can read grey."""

    def __init__(self) -> None:
        self.calls: list[tuple[set[str], set[str], int]] = []

    def __call__(self, training: Sequence[LabelledFilm], validation: Sequence[LabelledFilm], seed: int) -> GreyReader:
        self.calls.append(({film.file for film in training}, {film.file for film in validation}, seed))
        return GreyReader()


def test_each_film_is_judged_once_by_a_network_that_did_not_know_it() -> None:
    """Training, validation and judged films are disjoint in each fold, and their union is everything."""
    train = Trainer()
    found = list(
        cross_validate(
            FILMS, train, lambda path: np.full((2, 2), GREYS[Label(path.parent.name)], np.float32), folds=4, seed=7
        )
    )
    assert sorted(verdict.film.file for verdict in found) == sorted(film.file for film in FILMS)
    assert len({seed for _, _, seed in train.calls}) == 4
    for number, (training, validation, _) in enumerate(train.calls, start=1):
        judged = {verdict.film.file for verdict in found if verdict.fold == number}
        assert not training & validation
        assert training | validation == {film.file for film in FILMS} - judged


def test_the_report_gives_the_spread_over_the_folds() -> None:
    """A network that errs in one fold of four has accuracies 1, 1, 1 and less."""
    found = list(
        cross_validate(
            FILMS, Trainer(), lambda path: np.full((2, 2), GREYS[Label(path.parent.name)], np.float32), folds=4, seed=7
        )
    )
    model = {"name": "grey", "version": "4-fold", "sha256": None, "undetermined_below": None, "covid19_from": None}
    collection = Collection(place=FILMS[0].path, films=tuple(FILMS))
    report = summarise(found, model=model, collection=collection, bootstrap=Bootstrap(resamples=20))
    assert list(report["folds"]["by_fold"]) == ["1", "2", "3", "4"]
    assert report["folds"]["spread"]["accuracy"]["mean"] == 1.0
    assert report["folds"]["spread"]["accuracy"]["standard_deviation"] == 0.0


@pytest.mark.parametrize(
    ("films", "folds", "says"),
    [
        (FILMS, 1, "at least 2 folds"),
        (films_of([(NORMAL, "a", 9), (COVID, "a", 9)]), 3, "no films of PNEUMONIA"),
        (films_of([(NORMAL, "a", 9), (COVID, "a", 3), (PNEUMONIA, "a", 9)]), 4, "COVID19 3; ask for fewer folds"),
    ],
    ids=["one fold", "class missing", "few patients"],
)
def test_impossible_folds_are_refused(films: list[LabelledFilm], folds: int, says: str) -> None:
    """The error comes before any training and says what to do."""
    with pytest.raises(Misconfigured, match=says):
        next(cross_validate(films, Trainer(), lambda _: np.zeros((2, 2), np.float32), folds=folds, seed=7))
