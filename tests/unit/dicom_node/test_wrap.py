"""Plain pictures made into films."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pydicom
import pytest

from dicom_node.header import film_header
from dicom_node.pixels import render
from dicom_node.wrap import wrap_film
from domain.film import View
from tests.validators import dciodvfy

if TYPE_CHECKING:
    from pathlib import Path

GREY = np.linspace(0, 255, 101 * 81).reshape(101, 81).astype(np.uint8)


@pytest.mark.peers
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("view", ["PA", "AP", "LL"])
@pytest.mark.parametrize("jpeg_ratio", [None, 12.5])
def test_a_film_is_valid_dicom(tmp_path: Path, dtype: type, view: str, jpeg_ratio: float | None) -> None:
    """The validator of IODs has nothing to complain of."""
    film = wrap_film(GREY.astype(dtype), patient_id="P", patient_name="A^B", view_position=view, jpeg_ratio=jpeg_ratio)
    film.save_as(tmp_path / "film.dcm", enforce_file_format=True)
    assert dciodvfy(tmp_path / "film.dcm") == []


def test_a_film_is_a_frontal_chest() -> None:
    """The node would classify it."""
    header = film_header(wrap_film(GREY, patient_id="P", patient_name="A^B"))
    assert (header.view, header.unsuitable) == (View.PA, None)


def test_a_film_shows_the_picture_it_was_made_of() -> None:
    """No grey value is lost on the way."""
    image = render(wrap_film(GREY, patient_id="P", patient_name="A^B"))
    assert np.array_equal((image * 255).round(), GREY)


def test_the_same_arguments_give_the_same_bytes(tmp_path: Path) -> None:
    """Neither clock nor chance goes in."""
    for name in ("one", "two"):
        film = wrap_film(GREY, patient_id="P", patient_name="A^B")
        film.save_as(tmp_path / name, enforce_file_format=True)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


def test_two_views_of_a_visit_are_one_study() -> None:
    """UIDs that are not given come from what the films share, and from what they do not."""
    first, second = (wrap_film(GREY, patient_id="P", patient_name="A^B", view_position=view) for view in ("PA", "LL"))
    assert first.StudyInstanceUID == second.StudyInstanceUID
    assert first.SeriesInstanceUID != second.SeriesInstanceUID
    assert first.SOPInstanceUID != second.SOPInstanceUID


def test_given_uids_are_used(tmp_path: Path) -> None:
    """The caller may know better."""
    film = wrap_film(
        GREY, patient_id="P", patient_name="A^B", study_uid="1.2.3", series_uid="1.2.4", sop_instance_uid="1.2.5"
    )
    film.save_as(tmp_path / "film.dcm", enforce_file_format=True)
    read = pydicom.dcmread(tmp_path / "film.dcm")
    assert (read.StudyInstanceUID, read.SeriesInstanceUID, read.SOPInstanceUID) == ("1.2.3", "1.2.4", "1.2.5")


@pytest.mark.parametrize("image", [np.zeros((64, 64, 3), np.uint8), np.zeros((64, 64), np.float32)])
def test_other_arrays_are_refused(image: np.ndarray) -> None:
    """A film is grey and has whole numbers."""
    with pytest.raises(ValueError, match="2-D"):
        wrap_film(image, patient_id="P", patient_name="A^B")
