"""Classifying a study: which film, and what if there is none."""

import pytest

from domain.film import FilmHeader, StoredFilm, Unsuitable, View
from domain.findings import Examination, Outcome, Probabilities
from tests.fakes import MODEL, FakeFilms, stored_film
from worker.classify import best_first, develop, examination, refused

SCORES = Probabilities(covid19=0.7, normal=0.1, pneumonia=0.2)
PA, AP, LATERAL = stored_film(1), stored_film(2), stored_film(3)


def examine(reader: FakeFilms, films: tuple[StoredFilm, ...]) -> Examination:
    developed = develop(reader, films, {})
    return examination(MODEL, films, developed, None if developed.film is None else SCORES)


def test_the_pa_film_is_classified_though_the_ap_film_came_first() -> None:
    """PA before AP."""
    films = FakeFilms(
        headers={
            AP.sop_instance_uid: FilmHeader(view=View.AP),
            LATERAL.sop_instance_uid: FilmHeader(view=View.LATERAL, unsuitable=Unsuitable.NOT_FRONTAL),
        }
    )
    findings = examine(films, (AP, LATERAL, PA)).findings
    assert findings.analysed == PA
    assert findings.films == (AP, LATERAL, PA)


def test_a_film_with_broken_pixels_gives_way_to_the_next() -> None:
    """The AP film is used when the PA film can't be decoded."""
    films = FakeFilms(
        headers={AP.sop_instance_uid: FilmHeader(view=View.AP)},
        broken={PA.sop_instance_uid: Unsuitable.PIXELS_CORRUPT},
    )
    assert examine(films, (PA, AP)).findings.analysed == AP


def test_a_lateral_only_study_says_so() -> None:
    """Without a frontal film there is a reason instead of a result."""
    films = FakeFilms(
        headers={LATERAL.sop_instance_uid: FilmHeader(view=View.LATERAL, unsuitable=Unsuitable.NOT_FRONTAL)}
    )
    findings = examine(films, (LATERAL,)).findings
    assert (findings.outcome, findings.unsuitable) == (Outcome.COULD_NOT_PROCESS, Unsuitable.NOT_FRONTAL)


def test_a_view_that_is_not_frontal_needs_no_reason_to_be_left_out() -> None:
    """An oblique film is never classified, even if its header names no reason."""
    assert best_first([(PA, FilmHeader(view=View.OBLIQUE))]) == []
    films = FakeFilms(headers={PA.sop_instance_uid: FilmHeader(view=View.OBLIQUE)})
    assert examine(films, (PA,)).findings.unsuitable is Unsuitable.NOT_FRONTAL


@pytest.mark.parametrize("reason", list(Unsuitable))
def test_every_reason_can_end_a_study(reason: Unsuitable) -> None:
    """No reason breaks the choice of the one to tell."""
    films = FakeFilms(headers={PA.sop_instance_uid: FilmHeader(view=View.UNKNOWN, unsuitable=reason)})
    assert examine(films, (PA,)).findings.unsuitable is reason


def test_each_film_says_what_it_is() -> None:
    """A reason of the header or of the pixels; a film that was not needed has none."""
    spare = stored_film(4)
    films = FakeFilms(
        headers={
            LATERAL.sop_instance_uid: FilmHeader(view=View.LATERAL),
            AP.sop_instance_uid: FilmHeader(view=View.AP),
            spare.sop_instance_uid: FilmHeader(view=View.FRONTAL),
        },
        broken={PA.sop_instance_uid: Unsuitable.PIXELS_CORRUPT},
    )
    seen = examine(films, (LATERAL, PA, AP, spare)).films
    assert [(seen[film.sop_instance_uid].view, seen[film.sop_instance_uid].unsuitable) for film in (LATERAL, PA)] == [
        (View.LATERAL, Unsuitable.NOT_FRONTAL),
        (View.PA, Unsuitable.PIXELS_CORRUPT),
    ]
    assert [seen[film.sop_instance_uid].unsuitable for film in (AP, spare)] == [None, None]


def test_a_film_that_the_network_refused_is_not_developed_again() -> None:
    """With what is known from the look before, the next best film is taken; headers are not read again."""
    reader = FakeFilms(headers={AP.sop_instance_uid: FilmHeader(view=View.AP)})
    first = develop(reader, (PA, AP), {})
    assert first.film == PA
    reader.headers.clear()
    second = develop(reader, (PA, AP), refused(first.seen, PA, Unsuitable.NO_LUNGS))
    assert second.film == AP
    assert second.seen[PA.sop_instance_uid].unsuitable is Unsuitable.NO_LUNGS
    third = develop(reader, (PA, AP), refused(second.seen, AP, Unsuitable.INVERTED))
    assert third.square is None
    assert examination(MODEL, (PA, AP), third, None).findings.unsuitable is Unsuitable.INVERTED
