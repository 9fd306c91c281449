"""The darkroom, with real processes: what comes back, and what becomes of those that die."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import psutil
import pytest

from domain.errors import Crashed, Misconfigured, Permanent, Transient, Unforeseen
from domain.film import Developed, FilmHeader, StoredFilm, Unsuitable, View
from tests.fakes import RecordedEvents, stored_film
from tests.peers import wait_for
from worker.darkroom import Darkroom

COMMAND = [sys.executable, str(Path(__file__).parents[2] / "assets" / "developer.py")]


def film(path: str, number: int = 1) -> StoredFilm:
    return replace(stored_film(number), path=path)


@pytest.fixture
def events() -> RecordedEvents:
    """What the darkroom tells."""
    return RecordedEvents()


@pytest.fixture
def darkroom(events: RecordedEvents) -> Iterator[Darkroom]:
    """A darkroom of two processes."""
    room = Darkroom(COMMAND, {}, environment=os.environ, size=2, patience_s=30.0, events=events)
    yield room
    room.close()


def develop(darkroom: Darkroom, *films: StoredFilm) -> Developed:
    return darkroom.develop(films, {}).result(60)


def test_a_developed_film_comes_back_as_it_is(darkroom: Darkroom) -> None:
    """Pixels, headers and the film itself cross the border unchanged."""
    good = film("good")
    developed = develop(darkroom, good)
    assert developed.film == good
    assert developed.seen == {good.sop_instance_uid: FilmHeader(view=View.PA)}
    expected = np.linspace(0.0, 1.0, 224 * 224, dtype=np.float32).reshape(224, 224)
    assert developed.square is not None
    assert np.array_equal(developed.square, expected)


def test_reasons_cross_the_border(darkroom: Darkroom) -> None:
    """An unsuitable film gives way to the next, and what was known is not asked again."""
    blank, second = film("blank"), film("second", 2)
    developed = develop(darkroom, blank, second)
    assert developed.film == second
    assert developed.seen[blank.sop_instance_uid] == FilmHeader(view=View.PA, unsuitable=Unsuitable.NO_CONTRAST)
    again = darkroom.develop([blank, second], developed.seen).result(60)
    assert again.seen == developed.seen
    assert develop(darkroom, blank).square is None


@pytest.mark.parametrize("most_pixels", [64, 256])
def test_a_printed_film_comes_back_as_it_is(darkroom: Darkroom, most_pixels: int) -> None:
    """The picture, the square beside it, and whether it is smaller than the film."""
    made = darkroom.print(film("good"), most_pixels=most_pixels).result(60)
    assert (made.picture == np.arange(most_pixels * 50, dtype=np.uint8).reshape(most_pixels, 50)).all()
    assert (made.square.shape, made.square[0, 0], made.square[-1, -1]) == ((224, 224), 0.0, 1.0)
    assert made.is_resized is (most_pixels == 64)


def test_a_plate_comes_back_as_it_is(darkroom: Darkroom) -> None:
    """All sixteen bits, and what they stand for."""
    made = darkroom.plate(film("good"), most_pixels=80).result(60)
    assert (made.levels == np.arange(80 * 50, dtype=np.uint16).reshape(80, 50)).all()
    assert (made.scale.black, made.scale.white, made.scale.centre) == (4095.0, 0.0, 2048.5)
    assert made.film_shape == (100, 50)


@pytest.mark.parametrize(("path", "error"), [("poison", Crashed), ("blank", Permanent)])
def test_a_film_without_a_plate_says_why(darkroom: Darkroom, path: str, error: type[Exception]) -> None:
    """And the next one finds the darkroom at work."""
    with pytest.raises(error):
        darkroom.plate(film(path), most_pixels=64).result(60)
    assert darkroom.plate(film("good"), most_pixels=64).result(60).levels.shape == (64, 50)


@pytest.mark.parametrize(
    ("path", "error", "says"),
    [
        ("poison", Crashed, "Segmentation fault"),
        ("large", Crashed, "memory"),
        ("broken", Unforeseen, "^KeyError$"),
        ("away", Transient, "the store is away"),
        ("blank", Permanent, "blank"),
    ],
)
def test_a_film_that_can_not_be_printed_says_why(
    darkroom: Darkroom, path: str, error: type[Exception], says: str
) -> None:
    """As one that can't be developed."""
    with pytest.raises(error, match=says):
        darkroom.print(film(path), most_pixels=64).result(60)
    assert darkroom.print(film("good"), most_pixels=64).result(60).is_resized


@pytest.mark.parametrize(
    ("path", "error", "says"),
    [
        ("poison", Crashed, "Segmentation fault"),
        ("large", Crashed, "memory"),
        ("broken", Unforeseen, "^KeyError$"),
        ("away", Transient, "the store is away"),
    ],
)
def test_what_goes_wrong_has_a_class_and_a_reason(
    darkroom: Darkroom, path: str, error: type[Exception], says: str
) -> None:
    """And no text of a foreign error."""
    with pytest.raises(error, match=says):
        develop(darkroom, film(path))
    assert develop(darkroom, film("good")).film is not None


def test_a_film_that_kills_its_process_takes_no_other_along(darkroom: Darkroom, events: RecordedEvents) -> None:
    """Of twenty films among which four are poisonous, sixteen are developed."""
    films = [film("poison" if number % 5 == 0 else "good", number) for number in range(20)]
    futures = [darkroom.develop([one], {}) for one in films]
    outcomes = [type(future.exception(60)) for future in futures]
    assert outcomes == [Crashed if one.path == "poison" else type(None) for one in films]
    assert events.names() == ["darkroom-died"] * 4


def test_a_film_that_takes_too_long_is_given_up(events: RecordedEvents) -> None:
    """Its process is ended, and another one goes on."""
    room = Darkroom(COMMAND, {}, environment=os.environ, size=1, patience_s=1.0, events=events)
    slow, good = room.develop([film("slow")], {}), room.develop([film("good")], {})
    with pytest.raises(Crashed, match="longer than 1 seconds"):
        slow.result(60)
    assert good.result(60).film is not None
    room.close()


def test_what_is_not_begun_can_be_taken_back(events: RecordedEvents) -> None:
    """It is never developed."""
    room = Darkroom(COMMAND, {}, environment=os.environ, size=1, patience_s=2.0, events=events)
    room.develop([film("slow")], {})
    waiting = room.develop([film("poison")], {})
    assert waiting.cancel()
    assert develop(room, film("good")).film is not None
    assert events.names() == ["darkroom-died"]
    room.close()


def test_a_process_that_died_while_idle_is_replaced(events: RecordedEvents) -> None:
    """The next film is not blamed for it."""
    room = Darkroom(COMMAND, {}, environment=os.environ, size=1, patience_s=30.0, events=events)
    room.ready()
    (child,) = developers()
    child.kill()
    wait_for(lambda: child.status() == psutil.STATUS_ZOMBIE)
    assert develop(room, film("good")).film is not None
    room.close()


def test_a_process_that_does_not_start_is_a_wrong_installation(events: RecordedEvents) -> None:
    """No film is blamed for it."""
    room = Darkroom(COMMAND, {"broken": True}, environment=os.environ, size=1, patience_s=30.0, events=events)
    with pytest.raises(Misconfigured):
        develop(room, film("good"))
    room.close()


def test_no_process_is_left_when_the_darkroom_is_closed(events: RecordedEvents) -> None:
    """They end by themselves."""
    room = Darkroom(COMMAND, {}, environment=os.environ, size=2, patience_s=30.0, events=events)
    room.ready()
    assert len(developers()) == 2
    room.close()
    assert developers() == []


def developers() -> list[psutil.Process]:
    """Return the processes of darkrooms among our children."""
    return [child for child in psutil.Process().children() if COMMAND[1] in child.cmdline()]
