"""Films as files in the spool and on the command line."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image
from pydicom.uid import DeflatedExplicitVRLittleEndian, ImplicitVRLittleEndian

from dicom_node.films import SpoolFilms, read_film, read_pixels
from dicom_node.pixels import render
from dicom_node.spool import Spool
from domain.errors import Transient
from domain.film import NotClassifiable, StoredFilm, Unsuitable, View

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pydicom.dataset import Dataset

GREY = np.linspace(0, 255, 100 * 80).reshape(100, 80).astype(np.uint8)


def spooled(root: Path, film: Dataset, described: StoredFilm) -> SpoolFilms:
    """Write the film where the spool would have it."""
    film.save_as(root / described.path, enforce_file_format=True)
    return SpoolFilms(Spool(root))


def test_a_spooled_film_is_read(tmp_path: Path, film: Dataset, stored: Callable[[Dataset], StoredFilm]) -> None:
    """Header and picture come from the path relative to the root."""
    films = spooled(tmp_path, film, stored(film))
    assert films.header(stored(film)).view is View.PA
    assert np.array_equal(films.pixels(stored(film)), render(film))


def test_a_missing_file_is_tried_again(tmp_path: Path, film: Dataset, stored: Callable[[Dataset], StoredFilm]) -> None:
    """A mount may be away."""
    films = SpoolFilms(Spool(tmp_path))
    with pytest.raises(Transient):
        films.header(stored(film))
    with pytest.raises(Transient):
        films.pixels(stored(film))


@pytest.mark.parametrize(
    "content", [b"", b"hello, I am a text file\n" * 40, b"\x00" * 132, bytes(128) + b"DICM" + b"x" * 99]
)
def test_what_is_no_dicom_is_unreadable(
    tmp_path: Path, film: Dataset, stored: Callable[[Dataset], StoredFilm], content: bytes
) -> None:
    """Text, nothing, zeros and rubbish behind a preamble become a reason."""
    (tmp_path / stored(film).path).write_bytes(content)
    films = SpoolFilms(Spool(tmp_path))
    assert films.header(stored(film)).unsuitable is Unsuitable.UNREADABLE
    with pytest.raises(NotClassifiable) as problem:
        films.pixels(stored(film))
    assert problem.value.reason is Unsuitable.UNREADABLE


def test_a_file_cut_off_anywhere_never_raises(tmp_path: Path, film: Dataset) -> None:
    """Each prefix of a film is unreadable, unsuitable or corrupt, but never a crash nor a picture."""
    film.save_as(tmp_path / "whole.dcm", enforce_file_format=True)
    content = (tmp_path / "whole.dcm").read_bytes()
    for length in [*range(0, 2000, 37), len(content) - 2]:
        (tmp_path / "part.dcm").write_bytes(content[:length])
        header, image = read_film(tmp_path / "part.dcm")
        assert header.unsuitable is not None
        assert image is None


def test_a_deflated_bomb_is_unreadable(tmp_path: Path, film: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    """A data set that inflates to more than any film is not inflated; the same film with more room is read."""
    film.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    film.add_new(0x00091010, "OB", bytes(2_000_000))
    film.save_as(tmp_path / "bomb.dcm", enforce_file_format=True)
    assert read_film(tmp_path / "bomb.dcm")[1] is not None
    monkeypatch.setattr("dicom_node.films._LARGEST_INFLATED_BYTES", 2_000_000)
    assert read_film(tmp_path / "bomb.dcm")[0].unsuitable is Unsuitable.UNREADABLE


def test_a_bare_data_set_is_read(tmp_path: Path, film: Dataset) -> None:
    """Exports without preamble and meta information are films too."""
    expected = render(film)
    del film.file_meta
    film.save_as(tmp_path / "bare.dcm", implicit_vr=True, little_endian=True)
    header, image = read_film(tmp_path / "bare.dcm")
    assert header.unsuitable is None
    assert image is not None
    assert np.array_equal(image, expected)


def test_pixels_are_read_whatever_the_header_says(tmp_path: Path, film: Dataset) -> None:
    """A hip is refused as a film to classify, but its picture can be had; a file without one gives the reason."""
    film.BodyPartExamined = "HIP"
    film.save_as(tmp_path / "hip.dcm", enforce_file_format=True)
    (tmp_path / "text.dcm").write_text("no film")
    Image.fromarray(GREY).save(tmp_path / "film.png")
    assert read_film(tmp_path / "hip.dcm")[1] is None
    assert np.array_equal(read_pixels(tmp_path / "hip.dcm"), render(film))
    assert read_pixels(tmp_path / "text.dcm") is Unsuitable.UNREADABLE
    assert not isinstance(read_pixels(tmp_path / "film.png"), Unsuitable)


@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, DeflatedExplicitVRLittleEndian])
def test_other_encodings_give_the_same_picture(tmp_path: Path, film: Dataset, syntax: str) -> None:
    """How the data set was written does not show."""
    expected = render(film)
    film.file_meta.TransferSyntaxUID = syntax
    film.save_as(tmp_path / "film.dcm", enforce_file_format=True)
    _, image = read_film(tmp_path / "film.dcm")
    assert image is not None
    assert np.array_equal(image, expected)


@pytest.mark.parametrize("name", ["film.jpg", "film.png"])
def test_a_picture_is_taken_as_a_frontal_film(tmp_path: Path, name: str) -> None:
    """It has no header: the view is assumed."""
    Image.fromarray(GREY).save(tmp_path / name)
    header, image = read_film(tmp_path / name)
    assert (header.view, header.unsuitable) == (View.FRONTAL, None)
    assert image is not None
    assert image.dtype == np.float32
    assert np.abs(image * 255 - GREY).max() <= 8


def test_a_16_bit_png_keeps_its_depth(tmp_path: Path) -> None:
    """65535 is white."""
    Image.fromarray((GREY.astype(np.uint16)) * 257).save(tmp_path / "film.png")
    _, image = read_film(tmp_path / "film.png")
    assert image is not None
    assert image.max() == pytest.approx(1.0)
    assert len(np.unique(image)) == 256


def test_a_colour_picture_becomes_luminance(tmp_path: Path) -> None:
    """Green looks brighter than blue."""
    colours = np.zeros((80, 80, 3), np.uint8)
    colours[:40, :, 1] = 255
    colours[40:, :, 2] = 255
    Image.fromarray(colours).save(tmp_path / "film.png")
    _, image = read_film(tmp_path / "film.png")
    assert image is not None
    assert (image[0, 0], image[-1, 0]) == (pytest.approx(0.587, abs=1e-3), pytest.approx(0.114, abs=1e-3))


def test_the_exif_orientation_is_honoured(tmp_path: Path) -> None:
    """A photograph taken sideways is turned upright."""
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(GREY).save(tmp_path / "film.jpg", exif=exif)
    _, image = read_film(tmp_path / "film.jpg")
    assert image is not None
    assert image.shape == (80, 100)


def test_a_decompression_bomb_is_refused(tmp_path: Path) -> None:
    """A small file that says it is huge is not unpacked."""
    Image.new("1", (20000, 20000)).save(tmp_path / "film.png")
    header, image = read_film(tmp_path / "film.png")
    assert (header.unsuitable, image) == (Unsuitable.PIXELS_CORRUPT, None)


@pytest.mark.parametrize(
    ("picture", "reason"),
    [(np.zeros((100, 100), np.uint8), Unsuitable.NO_CONTRAST), (GREY[:50, :50], Unsuitable.TOO_SMALL)],
)
def test_a_blank_or_tiny_picture_has_a_reason(tmp_path: Path, picture: np.ndarray, reason: Unsuitable) -> None:
    """The rules for DICOM films hold for pictures."""
    Image.fromarray(picture).save(tmp_path / "film.png")
    assert read_film(tmp_path / "film.png")[0].unsuitable is reason


def test_a_cut_off_jpeg_is_corrupt(tmp_path: Path) -> None:
    """Half a JPEG is no film."""
    Image.fromarray(GREY).save(tmp_path / "film.jpg")
    content = (tmp_path / "film.jpg").read_bytes()
    (tmp_path / "film.jpg").write_bytes(content[: len(content) // 2])
    assert read_film(tmp_path / "film.jpg")[0].unsuitable is Unsuitable.PIXELS_CORRUPT


def test_a_missing_file_is_an_error_of_the_caller(tmp_path: Path) -> None:
    """A wrong path is told as such."""
    with pytest.raises(FileNotFoundError):
        read_film(tmp_path / "none.dcm")


def test_no_patient_data_is_printed_or_logged(
    tmp_path: Path, film: Dataset, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    """Values that break their VR make the toolkit warn, with the value in the text."""
    film.save_as(tmp_path / "film.dcm", enforce_file_format=True)
    content = (tmp_path / "film.dcm").read_bytes().replace(b"2026" + b"0102", b"SECRETXY")
    (tmp_path / "film.dcm").write_bytes(content.replace(b"ISO_IR 192", b"ISO_IR 999"))
    with caplog.at_level(logging.DEBUG):
        header, _ = read_film(tmp_path / "film.dcm")
    assert header.unsuitable is None
    assert capfd.readouterr() == ("", "")
    assert not caplog.records
