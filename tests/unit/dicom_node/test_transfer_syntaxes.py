"""Every transfer syntax that the node accepts gives the same picture."""

from __future__ import annotations

import subprocess
from copy import deepcopy
from io import BytesIO
from pathlib import Path

import imagecodecs
import numpy as np
import pydicom
import pytest
from pydicom import Dataset
from pydicom.uid import (
    JPEG2000,
    UID,
    JPEGExtended12Bit,
    JPEGLossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    JPEGLSNearLossless,
    RLELossless,
)

from dicom_node import pixels
from dicom_node.contexts import COMPRESSED, UNCOMPRESSED
from dicom_node.films import read_pixels
from dicom_node.pixels import render
from dicom_node.silence import quiet
from dicom_node.wrap import wrap_film
from domain.film import GreyImage, Unsuitable
from tests.encodings import DEPTHS, LOSSLESS, LOSSY, NEAR, encoded, grey, with_codestream
from tests.films import saved
from tests.validators import DCMCJPEG, DCMCJPLS, DCMCONV, DCMCRLE, require

LOSSY_TOLERANCE = 5
"""Of 255 grey levels: what the encoders, set to little loss, may take from any pixel."""

CASES = [(syntax, bits) for syntax in (*LOSSLESS, *LOSSY) for bits in DEPTHS.get(syntax, (8, 12, 16))]


def name_of(value: object) -> str:
    return value.rpartition(".1.2.")[2] if isinstance(value, UID) else str(value)


def made(bits: int, photometric: str = "MONOCHROME2") -> Dataset:
    """Return a film of so many bits with a window over all of them."""
    film = wrap_film(grey(bits), patient_id="P", patient_name="P")
    film.BitsStored, film.HighBit, film.PhotometricInterpretation = bits, bits - 1, photometric
    film.PresentationLUTShape = "INVERSE" if photometric == "MONOCHROME1" else "IDENTITY"
    film.WindowCenter, film.WindowWidth = 2 ** (bits - 1), 2**bits
    return film


def levels_apart(one: GreyImage, other: GreyImage) -> float:
    return float(np.abs(one - other).max() * 255)


def test_each_accepted_syntax_is_tried_here() -> None:
    """None is offered to senders that these tests leave out."""
    assert {*LOSSLESS, *LOSSY} == {*UNCOMPRESSED, *COMPRESSED}


@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
@pytest.mark.parametrize(("syntax", "bits"), CASES, ids=name_of)
def test_the_picture_does_not_depend_on_the_syntax(syntax: str, bits: int, photometric: str) -> None:
    """Lossless syntaxes give it bit by bit; lossy ones within what the encoder took away."""
    film = made(bits, photometric)
    with quiet():
        apart = levels_apart(render(encoded(film, syntax)), render(film))
    assert apart <= (LOSSY_TOLERANCE if syntax in LOSSY else 0)


@pytest.mark.parametrize("bits", [8, 12, 16])
def test_a_near_lossless_film_is_as_near_as_it_says(bits: int) -> None:
    """Each stored value is within NEAR of what went in (ITU-T T.87)."""
    film = encoded(made(bits), JPEGLSNearLossless)
    assert 0 < np.abs(pixels._decode(film).astype(int) - grey(bits)).max() <= NEAR


@pytest.mark.parametrize("syntax", [JPEGLossless, JPEGLosslessSV1])
def test_a_lossless_jpeg_in_colour_keeps_its_colours(syntax: str) -> None:
    """No colour is converted that the header calls RGB."""
    film = wrap_film(grey(8), patient_id="P", patient_name="P")
    colours = np.stack([grey(8), 255 - grey(8), grey(8) // 2], axis=-1)
    film.SamplesPerPixel, film.PhotometricInterpretation, film.PlanarConfiguration = 3, "RGB", 0
    film.PixelData = colours.tobytes()
    stream = imagecodecs.jpeg8_encode(colours, lossless=True, colorspace="RGB", outcolorspace="RGB")
    packed = with_codestream(deepcopy(film), syntax, stream)
    assert np.array_equal(render(packed), render(film))


DCMTK = {
    "JPEG lossless": (DCMCJPEG, "+el", JPEGLossless),
    "JPEG lossless, first order": (DCMCJPEG, "+e1", JPEGLosslessSV1),
    "JPEG-LS": (DCMCJPLS, "+el", JPEGLSLossless),
    "RLE": (DCMCRLE, "", RLELossless),
    "implicit": (DCMCONV, "+ti", UNCOMPRESSED[1]),
    "deflated": (DCMCONV, "+td", UNCOMPRESSED[2]),
    "big endian": (DCMCONV, "+tb", UNCOMPRESSED[3]),
    "JPEG extended, 12 bits": (DCMCJPEG, "+ee", JPEGExtended12Bit),
}


@pytest.mark.peers
@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
@pytest.mark.parametrize("name", DCMTK)
def test_what_dcmtk_writes_is_the_same_picture(name: str, photometric: str, tmp_path: Path) -> None:
    """Its encoders are others than those of the other tests."""
    program, option, syntax = DCMTK[name]
    require(program)
    film = made(12, photometric)
    command = [str(program), *([option] if option else []), str(saved(film, tmp_path)), str(tmp_path / "out.dcm")]
    subprocess.run(command, check=True, capture_output=True)
    with quiet():
        written = pydicom.dcmread(tmp_path / "out.dcm")
        apart = levels_apart(render(written), render(film))
    assert written.file_meta.TransferSyntaxUID == syntax
    assert apart <= (LOSSY_TOLERANCE if syntax in LOSSY else 0)


@pytest.mark.peers
@pytest.mark.parametrize("bits", [8, 12, 16])
@pytest.mark.parametrize("predictor", range(1, 8))
def test_lossless_jpeg_is_read_with_every_predictor(predictor: int, bits: int, tmp_path: Path) -> None:
    """ITU-T T.81 Table H.1 has seven; dcmtk writes them all, and libjpeg-turbo reads them."""
    require(DCMCJPEG)
    film = made(bits)
    command = [str(DCMCJPEG), "+el", "+sv", str(predictor), str(saved(film, tmp_path)), str(tmp_path / "out.dcm")]
    subprocess.run(command, check=True, capture_output=True)
    with quiet():
        assert np.array_equal(render(pydicom.dcmread(tmp_path / "out.dcm")), render(film))


HIP = {
    "J2KR": 0,
    "JLSL": 0,
    "JPLL": 0,
    "RLE": 0,
    "JLSN": 1,  # NEAR is 4 of 1023
    "J2KI": 22,  # a tenth of the bytes: single pixels differ, on average 0.3 levels
    "JPLY": 26,  # a thirty-fifth: on average 1.0 levels
}
"""The collection's hip in seven more syntaxes, and how many of 255 levels the worst pixel may be off."""


@pytest.mark.parametrize("name", HIP)
def test_a_real_film_is_the_same_picture_in_each_syntax(name: str, real_films: Path) -> None:
    """Lossless ones bit by bit; lossy ones as near as their encoder left them, on average within a level."""
    reference = read_pixels(real_films / "other_cr" / "RG2_REF.dcm")
    image = read_pixels(real_films / "other_cr" / f"RG2_{name}.dcm")
    assert not isinstance(reference, Unsuitable)
    assert not isinstance(image, Unsuitable)
    assert levels_apart(image, reference) <= HIP[name]
    assert np.abs(image - reference).mean() * 255 <= 1.0


def test_two_decoders_agree_on_a_real_chest_film(real_films: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a lossy film there is no original, and dcmtk knows no JPEG 2000: another decoder is asked as well."""
    first = read_pixels(real_films / "chest" / "RG1_chestPA_CR_J2KI.dcm")
    monkeypatch.setitem(pixels._DECODERS, JPEG2000, "pillow")  # type: ignore[index]  # a dictionary
    second = read_pixels(real_films / "chest" / "RG1_chestPA_CR_J2KI.dcm")
    assert not isinstance(first, Unsuitable)
    assert not isinstance(second, Unsuitable)
    assert levels_apart(first, second) <= 1.0


@pytest.mark.parametrize("name", ["nih_cxr14_DX_nofinding_implicitLE.dcm", "CR-MONO1-10-chest_rawACR.dcm"])
def test_a_real_uncompressed_chest_film_is_the_same_picture_in_each_syntax(name: str, real_films: Path) -> None:
    """With and without preamble and file meta information, compressed again without loss."""
    from dicom_node.films import read_dicom

    with quiet():
        film = read_dicom(BytesIO((real_films / "chest" / name).read_bytes()), with_pixels=True)
        assert film is not None
        expected = render(film)
        for syntax in (RLELossless, JPEGLSLossless, "1.2.840.10008.1.2.4.90"):
            film = read_dicom(BytesIO((real_films / "chest" / name).read_bytes()), with_pixels=True)
            assert film is not None
            film.compress(syntax, generate_instance_uid=False)
            assert np.array_equal(render(film), expected)
