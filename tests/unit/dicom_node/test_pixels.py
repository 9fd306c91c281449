"""From stored values to the picture that a viewer shows."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image
from pydicom.dataelem import RawDataElement
from pydicom.encaps import encapsulate, get_frame
from pydicom.tag import Tag
from pydicom.uid import JPEG2000, JPEGBaseline8Bit, JPEGLSLossless, RLELossless

from dicom_node import pixels
from dicom_node.pixels import render
from dicom_node.silence import quiet
from dicom_node.wrap import wrap_film
from domain.film import NotClassifiable, Unsuitable
from tests.variants import made

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pydicom.dataset import Dataset


def test_a_picture_is_float32_between_black_and_white() -> None:
    """The ports promise this type and range."""
    image = render(made())
    assert image.dtype == np.float32
    assert (image.shape, image.min(), image.max()) == ((96, 128), 0.0, 1.0)


def test_monochrome1_is_inverted_once() -> None:
    """The smallest stored value is white, whatever the presentation LUT shape repeats."""
    image = render(made(PhotometricInterpretation="MONOCHROME1", PresentationLUTShape="INVERSE"))
    assert image[0, 0] > 0.99
    assert image[-1, -1] < 0.01


def test_the_window_named_normal_wins() -> None:
    """Of several windows the one explained as NORMAL is taken."""
    several = made(WindowCenter=[500, 2048], WindowWidth=[100, 4096], WindowCenterWidthExplanation=["HARD", "NORMAL"])
    assert np.array_equal(render(several), render(made()))


@pytest.mark.parametrize("width", [0, -1])
def test_a_void_window_is_no_window(width: int) -> None:
    """A width of zero would divide by zero; the film is stretched instead."""
    image = render(made(WindowWidth=width))
    assert image.max() == 1.0
    assert image.min() == 0.0


def test_a_deep_film_without_window_is_stretched_between_its_percentiles() -> None:
    """Values of a small part of the depth still fill black to white."""
    film = made(WindowCenter=None, WindowWidth=None)
    film.PixelData = (np.frombuffer(film.PixelData, dtype="<u2") // 8 + 1000).astype("<u2").tobytes()
    image = render(film)
    assert image.min() == 0.0
    assert image.max() == 1.0


def test_an_8_bit_film_without_window_is_shown_as_stored() -> None:
    """It was made to be looked at, like a JPEG."""
    film = wrap_film(np.full((64, 64), 51, np.uint8) + np.arange(64, dtype=np.uint8), patient_id="P", patient_name="P")
    del film.WindowCenter, film.WindowWidth
    assert render(film)[0, 0] == pytest.approx(51 / 255)


@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
def test_padding_is_black_and_counts_in_no_statistic(photometric: str) -> None:
    """A bright frame of padding changes nothing inside the frame."""
    film = made(WindowCenter=None, WindowWidth=None, PhotometricInterpretation=photometric)
    values = np.frombuffer(film.PixelData, dtype="<u2").reshape(96, 128) // 4 + 100
    plain = made(WindowCenter=None, WindowWidth=None, PhotometricInterpretation=photometric)
    plain.PixelData = values[:, 20:].tobytes()
    plain.Columns = 108
    values[:, :20] = 4095
    film.PixelData = values.tobytes()
    film.PixelPaddingValue = 4095
    image = render(film)
    assert image[:, :20].max() == 0.0
    assert np.allclose(image[:, 20:], render(plain), atol=0.01)


@pytest.mark.parametrize(
    "attributes",
    [{"ImagerPixelSpacing": [0.4, 0.2]}, {"ImagerPixelSpacing": None, "PixelAspectRatio": [2, 1]}],
)
def test_pixels_that_are_not_square_are_made_square(attributes: dict[str, Any]) -> None:
    """A pixel twice as high as wide gives twice the rows."""
    assert render(made(**attributes)).shape == (192, 128)


@pytest.mark.parametrize("spacing", [[0.0, 0.0], [0.2, 20.0]])
def test_a_spacing_that_cannot_be_is_ignored(spacing: list[float]) -> None:
    """Some devices write zeros."""
    assert render(made(ImagerPixelSpacing=spacing)).shape == (96, 128)


def test_colour_becomes_luminance() -> None:
    """A capture in RGB is read as the grey that the eye sees."""
    film = wrap_film(np.zeros((64, 64), np.uint8), patient_id="P", patient_name="P")
    colours = np.zeros((64, 64, 3), np.uint8)
    colours[:, :32] = (255, 0, 0)
    film.SamplesPerPixel, film.PhotometricInterpretation, film.PlanarConfiguration = 3, "RGB", 0
    film.PixelData = colours.tobytes()
    image = render(film)
    assert image[0, 0] == pytest.approx(0.299, abs=1e-4)
    assert image[0, -1] == 0.0


def jpeg_film() -> Dataset:
    """Return a film in JPEG Baseline."""
    film = made(bits=8)
    values = (np.frombuffer(film.PixelData, dtype="<u2") & 0xFF).astype(np.uint8).reshape(96, 128)
    film = wrap_film(values, patient_id="P", patient_name="P")
    stream = BytesIO()
    Image.fromarray(values).save(stream, "JPEG", quality=95)
    film.file_meta.TransferSyntaxUID = JPEGBaseline8Bit
    film.PixelData = encapsulate([stream.getvalue()])
    film["PixelData"].VR = "OB"
    film["PixelData"].is_undefined_length = True
    return film


def compressed(syntax: str) -> Dataset:
    """Return a 12-bit film in a lossless syntax."""
    film = made()
    film.compress(syntax, generate_instance_uid=False)
    return film


@pytest.mark.parametrize("syntax", [RLELossless, JPEGLSLossless])
def test_a_lossless_film_is_the_same_picture(syntax: str) -> None:
    """Compression does not show."""
    assert np.array_equal(render(compressed(syntax)), render(made()))


def test_a_jpeg_film_is_decoded() -> None:
    """Baseline JPEG is within a few grey levels of what went in."""
    values = (np.linspace(0, 255, 96 * 128).reshape(96, 128).round()) / 255
    assert np.abs(render(jpeg_film()) - values).max() < 0.05


@pytest.mark.parametrize("kept", [0.5, 0.9])
@pytest.mark.parametrize("make", [made, jpeg_film, lambda: compressed(RLELossless), lambda: compressed(JPEGLSLossless)])
def test_a_cut_off_film_is_corrupt_and_never_filled_up(make: Callable[[], Dataset], kept: float) -> None:
    """Half a lung in grey would be classified like any other."""
    film = make()
    film.PixelData = film.PixelData[: int(len(film.PixelData) * kept)]
    with pytest.raises(NotClassifiable) as problem, quiet():
        render(film)
    assert problem.value.reason is Unsuitable.PIXELS_CORRUPT


def test_a_codestream_without_its_end_marker_is_corrupt() -> None:
    """Decoders differ in what they let pass: one that is cut between two tiles can look whole."""
    film = jpeg_film()
    stream = get_frame(film.PixelData, 0, number_of_frames=1)
    film.PixelData = encapsulate([stream[: stream.rindex(b"\xff\xd9")]])
    with pytest.raises(NotClassifiable, match="truncated"):
        render(film)


def test_a_real_jpeg_2000_film_cut_off_is_corrupt(real_films: Path) -> None:
    """The decoder alone would fill the rest of the picture."""
    import pydicom

    with quiet():
        film = pydicom.dcmread(real_films / "chest" / "RG1_chestPA_CR_J2KI.dcm")
        assert film.file_meta.TransferSyntaxUID == JPEG2000
        film.PixelData = film.PixelData[: len(film.PixelData) // 2]
        with pytest.raises(NotClassifiable, match="truncated"):
            render(film)


@pytest.mark.parametrize(
    ("attributes", "reason"),
    [
        ({"PixelData": None}, Unsuitable.NO_PIXEL_DATA),
        ({"PixelData": b""}, Unsuitable.NO_PIXEL_DATA),
        ({"NumberOfFrames": 2}, Unsuitable.MULTI_FRAME),
        ({"Rows": 40}, Unsuitable.TOO_SMALL),
        ({"Rows": None}, Unsuitable.PIXELS_CORRUPT),
        ({"Rows": 65535, "Columns": 65535}, Unsuitable.PIXELS_CORRUPT),
        ({"PixelData": bytes(96 * 128 * 2)}, Unsuitable.NO_CONTRAST),
        ({"PixelData": bytes(96 * 128 * 2), "WindowCenter": None}, Unsuitable.NO_CONTRAST),
        ({"WindowCenter": 60000, "WindowWidth": 2}, Unsuitable.NO_CONTRAST),
        ({"PixelPaddingValue": 0, "PixelData": bytes(96 * 128 * 2)}, Unsuitable.NO_CONTRAST),
        ({"PhotometricInterpretation": "PALETTE COLOR"}, Unsuitable.PIXELS_CORRUPT),
        ({"BitsAllocated": 12}, Unsuitable.PIXELS_CORRUPT),
    ],
)
def test_what_cannot_be_shown_has_a_reason(attributes: dict[str, Any], reason: Unsuitable) -> None:
    """Every way to fail ends in one of the reasons."""
    with pytest.raises(NotClassifiable) as problem, quiet():
        render(made(**attributes))
    assert problem.value.reason is reason


def test_a_pixel_element_of_no_known_type_is_corrupt() -> None:
    """A flipped byte in the element's VR stops the parser, not the worker."""
    film = made()
    film[0x7FE00010] = RawDataElement(Tag(0x7FE00010), "O\xaf", 4, b"1234", 0, False, True)  # noqa: FBT003
    with pytest.raises(NotClassifiable) as problem, quiet():
        render(film)
    assert problem.value.reason is Unsuitable.PIXELS_CORRUPT


def test_an_unknown_transfer_syntax_is_corrupt() -> None:
    """A film that nobody can decode is a reason, not a crash."""
    film = made()
    film.file_meta.TransferSyntaxUID = "1.2.3.4"
    with pytest.raises(NotClassifiable), quiet():
        render(film)


def test_every_network_syntax_that_needs_a_decoder_has_one_pinned() -> None:
    """The table names a toolkit for all that the node accepts in compressed form."""
    from dicom_node.contexts import COMPRESSED

    assert set(COMPRESSED) == {str(syntax) for syntax in pixels._DECODERS}
