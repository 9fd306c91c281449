"""`hilum classify --explain`: pictures and maps in a folder, and what is said of them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from domain.errors import Misconfigured
from domain.film import Unsuitable
from domain.findings import Probabilities
from hilum.classify import FilmResult, classify, film_files
from hilum.explain import ExplanationFolder
from tests.drawn import drawn_chest
from tests.fakes import MODEL, FakeClassifier


def picture(file: Path, rows: int = 90, columns: int = 140) -> Path:
    """Write a drawn chest as PNG."""
    file.parent.mkdir(parents=True, exist_ok=True)
    chest = Image.fromarray(np.rint(drawn_chest(1, 160) * 255).astype(np.uint8))
    chest.resize((columns, rows)).save(file)
    return file


def explained(films: Path, folder: Path, classifier: FakeClassifier | None = None) -> list[FilmResult]:
    into = ExplanationFolder(folder, films=[films])
    return list(classify(film_files([films], without=folder), classifier or FakeClassifier(), into))


def names(folder: Path) -> list[str]:
    return sorted(file.name for file in folder.iterdir())


def test_a_classified_film_gets_a_picture_and_a_map(tmp_path: Path) -> None:
    """Named after film and label, at the film's own geometry, the evidence where the network found it."""
    (result,) = explained(picture(tmp_path / "films" / "one.png"), tmp_path / "out")
    assert names(tmp_path / "out") == ["one-COVID19.npy", "one-COVID19.png"]
    assert result.explanation is not None
    values = np.load(result.explanation.map)
    assert (values.shape, values.dtype) == ((90, 140), np.float32)
    assert (values[0, 0], values[-1, -1]) == (1.0, 0.0)
    with Image.open(result.explanation.overlay) as overlay:
        pixels = np.asarray(overlay)
    with Image.open(tmp_path / "films" / "one.png") as film:
        assert (pixels[80:90, 120:140, 0] == np.asarray(film)[80:, 120:]).all()
    assert np.ptp(pixels[0, 0].astype(int)) > 20


def test_results_are_the_same_with_and_without(tmp_path: Path) -> None:
    """Explaining does not change an answer, and each film is computed once."""
    films = tmp_path / "films"
    for name in ("a.png", "b.png"):
        picture(films / name)
    classifier = FakeClassifier()
    answers = [result.probabilities for result in explained(films, tmp_path / "out", classifier)]
    assert classifier.seen == 2
    assert answers == [result.probabilities for result in classify(film_files([films]), classifier)]


def test_a_name_that_is_taken_gets_a_number(tmp_path: Path) -> None:
    """Films of one name in two folders, and a second run into the same folder, overwrite nothing."""
    films = tmp_path / "films"
    picture(films / "a" / "one.png")
    picture(films / "b" / "one.png", columns=200)
    explained(films, tmp_path / "out")
    first = (tmp_path / "out" / "one-COVID19.png").read_bytes()
    explained(films / "a", tmp_path / "out")
    assert names(tmp_path / "out") == [
        f"one-COVID19{number}.{kind}" for number in ("-2", "-3", "") for kind in ("npy", "png")
    ]
    assert (tmp_path / "out" / "one-COVID19.png").read_bytes() == first
    assert np.load(tmp_path / "out" / "one-COVID19-2.npy").shape == (90, 200)


def test_a_folder_among_the_films_is_not_searched(tmp_path: Path) -> None:
    """Explanations inside the folder of films are not taken for films, neither in this run nor in the next."""
    picture(tmp_path / "one.png")
    for _ in range(2):
        (result,) = explained(tmp_path, tmp_path / "out")
        assert result.file == tmp_path / "one.png"


def test_the_folder_of_the_films_itself_is_refused(tmp_path: Path) -> None:
    """Its films would be passed over, or its pictures classified."""
    (tmp_path / "link").symlink_to(tmp_path, target_is_directory=True)
    with pytest.raises(Misconfigured, match="choose another folder"):
        ExplanationFolder(tmp_path, films=[tmp_path / "link"])


def test_a_folder_that_can_not_be_made_is_refused(tmp_path: Path) -> None:
    """A file stands in its way; the error says so."""
    (tmp_path / "file").write_text("")
    with pytest.raises(Misconfigured, match="can't be made"):
        ExplanationFolder(tmp_path / "file" / "out", films=[])


def test_a_folder_that_vanished_ends_the_run_with_words(tmp_path: Path) -> None:
    """No traceback of the operating system."""
    film = picture(tmp_path / "one.png")
    into = ExplanationFolder(tmp_path / "out", films=[film])
    (tmp_path / "out").rmdir()
    with pytest.raises(Misconfigured, match="can't be written"):
        list(classify([film], FakeClassifier(), into))


def test_a_film_that_is_not_classified_has_no_explanation(tmp_path: Path) -> None:
    """Its reason is told, nothing is written, and its entry in the JSON is null."""
    letter = tmp_path / "letter.dcm"
    letter.write_text("Dear colleague")
    (result,) = explained(letter, tmp_path / "out")
    assert result.unsuitable is Unsuitable.UNREADABLE
    assert names(tmp_path / "out") == []
    assert json.loads(result.as_json(MODEL, explained=True))["explanation"] is None


def test_the_json_names_the_files_and_the_share_outside_the_lungs(tmp_path: Path) -> None:
    """The entry is there only when explanations were asked for."""
    (result,) = explained(picture(tmp_path / "one.png"), tmp_path / "out")
    entry = json.loads(result.as_json(MODEL, explained=True))["explanation"]
    assert entry == {
        "overlay": str(tmp_path / "out" / "one-COVID19.png"),
        "map": str(tmp_path / "out" / "one-COVID19.npy"),
        "evidence_outside_lungs": 1.0,
        "area_outside_lungs": 1.0,
    }
    assert "explanation" not in json.loads(result.as_json(MODEL))


def test_an_undetermined_film_is_explained_for_its_most_probable_class(tmp_path: Path) -> None:
    """The legend differs from the one of a film whose class is named."""
    film = picture(tmp_path / "one.png", columns=480)
    unsure = FakeClassifier(Probabilities(covid19=0.4, normal=0.3, pneumonia=0.3))
    (sure_result,), (unsure_result,) = explained(film, tmp_path / "a"), explained(film, tmp_path / "b", unsure)
    assert sure_result.explanation is not None
    assert unsure_result.explanation is not None
    assert unsure_result.explanation.overlay.name == "one-COVID19.png"
    pixels = []
    for result in (sure_result.explanation, unsure_result.explanation):
        with Image.open(result.overlay) as overlay:
            pixels.append(np.asarray(overlay))
    assert (pixels[0][:90] == pixels[1][:90]).all()
    assert (pixels[0][90:] != pixels[1][90:]).any()
