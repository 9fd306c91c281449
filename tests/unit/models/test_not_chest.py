from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from models.drawn.canvas import Canvas, clouds, to_bytes
from models.drawn.not_chest import DRAWN, FILMS_NEEDED, SPOILED, draw, dress, spoil
from tests.drawn import drawn_chest

Bytes = npt.NDArray[np.uint8]
FILMS = [to_bytes(drawn_chest(texture + 1, 224)) for texture in range(FILMS_NEEDED)]


def made(kind: str, seed: int) -> Bytes:
    random = np.random.default_rng(seed)
    return draw(random, kind) if kind in DRAWN else spoil(FILMS, random, kind)


@pytest.mark.parametrize("kind", [*DRAWN, *SPOILED])
def test_a_picture_is_a_square_of_bytes_that_its_seed_decides(kind: str) -> None:
    """The same seed draws the same picture, another seed another one."""
    pictures = [made(kind, seed) for seed in (1, 1, 2, 3)]
    assert {(picture.dtype.name, picture.shape) for picture in pictures} == {("uint8", (224, 224))}
    assert (pictures[0] == pictures[1]).all()
    assert any((pictures[0] != other).any() for other in pictures[2:]) or kind == "inverted"


@pytest.mark.parametrize("kind", sorted(set(DRAWN) - {"blank"}))
def test_a_drawing_shows_something(kind: str) -> None:
    """Whatever the seed, dark and bright are far apart on nearly every drawing."""
    spreads = [np.ptp(made(kind, seed)) for seed in range(5)]
    assert np.median(spreads) > 100


@pytest.mark.parametrize("kind", list(SPOILED))
def test_a_spoiled_film_is_no_longer_the_film(kind: str) -> None:
    """Every kind changes the film, and leaves the film it was made from alone."""
    before = [film.copy() for film in FILMS]
    picture = made(kind, 4)
    assert np.mean(np.abs(picture.astype(int) - FILMS[0])) > 5
    assert all((one == other).all() for one, other in zip(before, FILMS, strict=True))


def test_any_kind_is_drawn() -> None:
    """Without a kind, pictures differ: many kinds take part."""
    random = np.random.default_rng(0)
    found = {draw(random).tobytes() for _ in range(10)} | {spoil(FILMS, random).tobytes() for _ in range(10)}
    assert len(found) > 15


def test_letters_and_frames_stay_at_the_edges() -> None:
    """A dressed film keeps its middle, and most films are changed now and then."""
    middle = np.s_[40:175, 60:145]
    dressed = [dress(FILMS[0], np.random.default_rng(seed)) for seed in range(40)]
    assert all((film[middle] == FILMS[0][middle]).all() for film in dressed)
    assert 10 < sum((film != FILMS[0]).any() for film in dressed) < 35


def test_shapes_add_up_where_they_overlap() -> None:
    """A ball in front of another weakens the rays twice; a hollow one is darkest along its wall."""
    canvas = Canvas()
    canvas.ball((0.5, 0.5), (0.2, 0.2), 0.4)
    canvas.ball((0.5, 0.5), (0.1, 0.1), 0.4)
    assert canvas.grey[112, 112] == pytest.approx(0.8, abs=0.01)
    assert canvas.grey[0, 0] == 0
    hollow = Canvas()
    hollow.ball((0.5, 0.5), (0.3, 0.3), 1, rim=0.2)
    assert hollow.grey[112, 112] < 0.5 < hollow.grey[112].max()


def test_a_shape_beside_the_film_adds_nothing() -> None:
    """What lies outside leaves no trace and raises nothing."""
    canvas = Canvas()
    canvas.ball((3, 3), (0.2, 0.1), 1, angle=1)
    canvas.disc((-2, 0.5), (0.2, 0.1), 1)
    canvas.bone(((2, 2), (3, 3)), (0.1, 0.1), 1)
    assert not canvas.grey.any()


def test_clouds_are_about_zero() -> None:
    """Blotches neither brighten nor darken a film as a whole."""
    found = clouds(np.random.default_rng(0), 20)
    assert abs(found.mean()) < 0.2
    assert 0.3 < found.std() < 1.5
