from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from domain.errors import Misconfigured
from models.lungs.films import _series
from tests.lung_films import LungCollection, draw_lung_collection

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def collection(tmp_path: Path) -> LungCollection:
    """Sixteen films, twelve of them with masks, and eight other pictures."""
    return draw_lung_collection(tmp_path)


def test_films_masks_and_other_pictures_come_as_squares(collection: LungCollection) -> None:
    """Both sides together hold everything, in the sizes that the network takes."""
    training, held_out = collection.read()
    assert len(training.squares) + len(held_out.squares) == 16
    assert len(training.masks) + len(held_out.masks) == 12
    assert len(training.others) + len(held_out.others) == 8
    assert training.squares.shape[1:] == training.others.shape[1:] == (224, 224)
    assert training.masks.shape[1:] == (112, 112)
    assert set(training.folders) <= {"limb", "text"}


def test_a_mask_lies_on_its_film(collection: LungCollection) -> None:
    """Under the mask the film is dark, elsewhere bright, for each film that has a mask."""
    for side in collection.read():
        for number, mask in zip(side.masked, side.masks, strict=True):
            film = side.squares[number].reshape(112, 2, 112, 2).mean(axis=(1, 3))
            assert film[mask > 200].mean() + 70 < film[mask < 50].mean()


def test_no_patient_is_on_both_sides(collection: LungCollection) -> None:
    """All films of a patient are held out together, and the seed decides who."""
    rows = [
        f"{path.relative_to(collection.films)},NORMAL,p{number % 5}"
        for number, path in enumerate(sorted(collection.films.rglob("*.png")))
    ]
    (collection.films / "manifest.csv").write_text("\n".join(["file,label,patient_id", *rows]))
    training, held_out = collection.read(seed=2)
    assert len(np.unique(training.patients)) + len(np.unique(held_out.patients)) == 5
    assert len(collection.read(seed=1)[1].squares) > len(held_out.squares)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("a/000002-11-b.jpg", "a/000002-2.jpg"),
        ("ct/16745_2_12.jpg", "ct/16745_1_3.jpg"),
        ("x-g001-l-d.png", "x-g001.png"),
    ],
)
def test_pictures_of_one_series_stay_together(one: str, other: str) -> None:
    """Names that differ only in short endings belong to one patient, most likely."""
    assert _series(one) == _series(other)


def test_pictures_of_different_series_are_told_apart() -> None:
    """Long parts of a name count, and a name that is all endings stands for itself."""
    assert _series("16745_1_3.jpg") != _series("16746_1_3.jpg")
    assert _series("a/x-1.jpg") != ""


def test_what_is_named_is_left_out(collection: LungCollection) -> None:
    """Films and other pictures in the list are not read; comments and empty lines in it don't matter."""
    names = collection.films.parent / "wrong.txt"
    names.write_text("# looked at by hand\nNORMAL/film01.png\n\nlimb/limbseries000.png\n")
    training, held_out = collection.read(leave_out=names)
    assert len(training.squares) + len(held_out.squares) == 15
    assert len(training.others) + len(held_out.others) == 7


def test_a_name_to_leave_out_must_be_there(collection: LungCollection) -> None:
    """A slip of the pen in the list is refused, not ignored."""
    names = collection.films.parent / "wrong.txt"
    names.write_text("NORMAL/film99.png\n")
    with pytest.raises(Misconfigured, match=r"NORMAL/film99\.png"):
        collection.read(leave_out=names)


def test_masks_of_other_films_are_refused(collection: LungCollection, tmp_path: Path) -> None:
    """Where no mask fits, the error says where the first one was looked for."""
    (tmp_path / "elsewhere").mkdir()
    with pytest.raises(Misconfigured, match=r"elsewhere/COVID-19/film00\.png"):
        collection.read(masks=tmp_path / "elsewhere")


@pytest.mark.parametrize(
    ("part", "said"),
    [
        ("masks", "the folder that holds the masks"),
        ("films", "does not exist"),
        ("leave_out", "can't be read as a text"),
    ],
)
def test_a_missing_place_is_refused(collection: LungCollection, tmp_path: Path, part: str, said: str) -> None:
    """A path that leads nowhere is named, with what it should be."""
    with pytest.raises(Misconfigured, match=f"nowhere.*{said}"):
        collection.read(**{part: tmp_path / "nowhere"})


def test_a_folder_without_other_pictures_is_refused(collection: LungCollection, tmp_path: Path) -> None:
    """An empty or missing folder of what must be refused is a mistake of the caller."""
    (tmp_path / "empty").mkdir()
    with pytest.raises(Misconfigured, match="holds no JPEG"):
        collection.read(not_eligible=[tmp_path / "empty"])
    with pytest.raises(Misconfigured, match="nowhere is no folder"):
        collection.read(not_eligible=[tmp_path / "nowhere"])


def test_one_patient_is_not_enough(collection: LungCollection) -> None:
    """With all masks on one side of the split nothing can be held out."""
    for path in sorted(collection.masks.rglob("*.png"))[1:]:
        path.unlink()
    with pytest.raises(Misconfigured, match="more patients with masks are needed"):
        collection.read()


def test_broken_files_and_empty_masks_are_listed(collection: LungCollection) -> None:
    """Every file of a kind that can't be used is named at once, with the reason."""
    names = sorted(collection.masks.rglob("*.png"))
    for path in names[:-1]:
        Image.new("L", (50, 50)).save(path)
    names[-1].write_bytes(b"no picture")
    with pytest.raises(Misconfigured, match=r"files can't be used: .*\(the mask is empty\)"):
        collection.read()
    for path in collection.films.rglob("*.png"):
        path.write_bytes(b"no picture")
    with pytest.raises(Misconfigured, match=r"files can't be used: .*\(unreadable\)"):
        collection.read()


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "RGBA", "I;16"])
def test_masks_of_every_mode_are_read_alike(collection: LungCollection, mode: str) -> None:
    """Whatever is not 0 is lung, in black and white, grey, colours or a palette."""
    expected = collection.read()[0].masks
    for path in collection.masks.rglob("*.png"):
        with Image.open(path) as stored:
            grey = Image.fromarray((np.asarray(stored) > 0).astype(np.uint8) * 255)
        (grey if mode == "L" else grey.convert(mode)).save(path)
    assert (collection.read()[0].masks == expected).all()
