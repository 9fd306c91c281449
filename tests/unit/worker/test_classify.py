"""Classifying a study: which film, and what if there is none."""

from datetime import timedelta

import pytest

from domain.errors import Permanent
from domain.film import FilmHeader, Unsuitable, View
from domain.findings import Label, Outcome
from tests.fakes import FakeClassifier, FakeFilms, FakeQueue, FakeStudies, stored_film
from worker.classify import ClassifyStudy, best_first

PA, AP, LATERAL = stored_film(1), stored_film(2), stored_film(3)


def handler(films: FakeFilms) -> ClassifyStudy:
    return ClassifyStudy(studies=FakeStudies(queue=FakeQueue()), reader=films, classifier=FakeClassifier())


def test_the_pa_film_is_classified_though_the_ap_film_came_first() -> None:
    """PA before AP."""
    films = FakeFilms(
        headers={
            AP.sop_instance_uid: FilmHeader(view=View.AP),
            LATERAL.sop_instance_uid: FilmHeader(view=View.LATERAL, unsuitable=Unsuitable.NOT_FRONTAL),
        }
    )
    findings = handler(films).examine((AP, LATERAL, PA)).findings
    assert findings.analysed == PA
    assert findings.films == (AP, LATERAL, PA)


def test_a_film_with_broken_pixels_gives_way_to_the_next() -> None:
    """The AP film is used when the PA film can't be decoded."""
    films = FakeFilms(
        headers={AP.sop_instance_uid: FilmHeader(view=View.AP)},
        broken={PA.sop_instance_uid: Unsuitable.PIXELS_CORRUPT},
    )
    assert handler(films).examine((PA, AP)).findings.analysed == AP


def test_a_lateral_only_study_says_so() -> None:
    """Without a frontal film there is a reason instead of a result."""
    films = FakeFilms(
        headers={LATERAL.sop_instance_uid: FilmHeader(view=View.LATERAL, unsuitable=Unsuitable.NOT_FRONTAL)}
    )
    findings = handler(films).examine((LATERAL,)).findings
    assert (findings.outcome, findings.unsuitable) == (Outcome.COULD_NOT_PROCESS, Unsuitable.NOT_FRONTAL)


def test_a_view_that_is_not_frontal_needs_no_reason_to_be_left_out() -> None:
    """An oblique film is never classified, even if its header names no reason."""
    assert best_first([(PA, FilmHeader(view=View.OBLIQUE))]) == []
    films = FakeFilms(headers={PA.sop_instance_uid: FilmHeader(view=View.OBLIQUE)})
    assert handler(films).examine((PA,)).findings.unsuitable is Unsuitable.NOT_FRONTAL


@pytest.mark.parametrize("reason", list(Unsuitable))
def test_every_reason_can_end_a_study(reason: Unsuitable) -> None:
    """No reason breaks the choice of the one to tell."""
    films = FakeFilms(headers={PA.sop_instance_uid: FilmHeader(view=View.UNKNOWN, unsuitable=reason)})
    assert handler(films).examine((PA,)).findings.unsuitable is reason


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
    seen = handler(films).examine((LATERAL, PA, AP, spare)).films
    assert [(seen[film.sop_instance_uid].view, seen[film.sop_instance_uid].unsuitable) for film in (LATERAL, PA)] == [
        (View.LATERAL, Unsuitable.NOT_FRONTAL),
        (View.PA, Unsuitable.PIXELS_CORRUPT),
    ]
    assert [seen[film.sop_instance_uid].unsuitable for film in (AP, spare)] == [None, None]


def test_a_job_is_settled_with_its_findings() -> None:
    """The handler stores what the network said and ends the job."""
    queue = FakeQueue()
    studies = FakeStudies(queue=queue, by_id={7: (PA,)})
    job_id = queue.add("classify", 7)
    (job,) = queue.claim("classify", worker="w", lease=timedelta(seconds=9))
    ClassifyStudy(studies=studies, reader=FakeFilms(), classifier=FakeClassifier()).run(job)
    assert studies.stored[0].label is Label.COVID19
    assert queue.state(job_id)[0] == "done"


def test_a_study_without_films_is_held() -> None:
    """It would be without films at the next try as well."""
    queue = FakeQueue()
    queue.add("classify", 7)
    (job,) = queue.claim("classify", worker="w", lease=timedelta(seconds=9))
    with pytest.raises(Permanent):
        ClassifyStudy(studies=FakeStudies(queue=queue), reader=FakeFilms(), classifier=FakeClassifier()).run(job)
