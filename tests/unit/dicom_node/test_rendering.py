"""The picture beside the one that dcmtk makes of the same file, an implementation of the standard by others."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pydicom
import pytest
from PIL import Image
from pydicom import Dataset
from pydicom.uid import JPEGBaseline8Bit, JPEGExtended12Bit, JPEGLossless, JPEGLosslessSV1, JPEGLSLossless, RLELossless

from dicom_node.contexts import UNCOMPRESSED
from dicom_node.films import read_dicom
from dicom_node.pixels import render
from dicom_node.silence import quiet
from tests.encodings import encoded
from tests.films import saved
from tests.validators import DCM2PNM, DCMJ2PNM, DCML2PNM, require
from tests.variants import NOTHING, VARIANTS, WINDOW, eight_bits, made

LARGEST_DIFFERENCE = 1.001
"""Of 255 grey levels: dcmtk cuts off where we do not round, and floating point adds the rest."""
COARSE: Mapping[str, float] = {
    "rescale with fractions": 1.5,  # dcmtk cuts rescaled values to whole numbers: another quarter of a level here
    "MONOCHROME1, VOI LUT": 1.25,  # dcmtk turns the table's ten bits into eight before it inverts them
}

PROGRAMS: Mapping[str, Path] = {
    **dict.fromkeys(UNCOMPRESSED, DCM2PNM),
    JPEGLossless: DCMJ2PNM,
    JPEGLosslessSV1: DCMJ2PNM,
    JPEGBaseline8Bit: DCMJ2PNM,
    JPEGExtended12Bit: DCMJ2PNM,
    JPEGLSLossless: DCML2PNM,
    RLELossless: DCMJ2PNM,
}
"""Who of dcmtk's reads a syntax; dcmtk 3.6.7 knows neither JPEG 2000 nor HTJ2K."""
LOSSLESS = [syntax for syntax in PROGRAMS if syntax not in (JPEGBaseline8Bit, JPEGExtended12Bit)]
CASES = [
    (name, syntax)
    for name in VARIANTS
    for syntax in LOSSLESS
    if "junk" not in name or syntax in UNCOMPRESSED  # encoders take no values beyond Bits Stored
]


def shown_by_dcmtk(file: Path, syntax: str, options: tuple[str, ...]) -> npt.NDArray[Any]:
    program = PROGRAMS[syntax]
    require(program)
    picture = file.with_suffix(".pgm")
    command = [str(program), *options, "--write-raw-pnm", str(file), str(picture)]
    subprocess.run(command, check=True, capture_output=True)
    return np.asarray(Image.open(picture), dtype=np.float32)


def levels_apart(film: Dataset, folder: Path, options: tuple[str, ...]) -> float:
    """Return the worst difference to dcmtk's picture, of 255 levels."""
    with quiet():
        file = saved(film, folder, "film.dcm")
        expected = shown_by_dcmtk(file, film.file_meta.TransferSyntaxUID, options)
        return float(np.abs(render(film) * 255 - expected).max())


@pytest.mark.peers
@pytest.mark.parametrize(("name", "syntax"), CASES, ids=lambda value: value.rpartition(".1.2.")[2])
def test_the_picture_is_what_dcmtk_shows(name: str, syntax: str, tmp_path: Path) -> None:
    """In every way to say how a film is shown, and every lossless syntax that dcmtk reads."""
    make, options = VARIANTS[name]
    apart = levels_apart(encoded(make(), syntax), tmp_path, options)
    assert apart <= COARSE.get(name, LARGEST_DIFFERENCE)


@pytest.mark.peers
@pytest.mark.parametrize(
    ("film", "syntax"), [(eight_bits, JPEGBaseline8Bit), (made, JPEGExtended12Bit)], ids=["8 bits", "12 bits"]
)
def test_a_lossy_jpeg_is_what_dcmtk_shows(film: Any, syntax: str, tmp_path: Path) -> None:  # noqa: ANN401 - makes a film
    """Decoders may round differently: a level more."""
    assert levels_apart(encoded(film(), syntax), tmp_path, WINDOW) <= LARGEST_DIFFERENCE + 1


REAL = {
    "chest/CR-MONO1-10-chest_rawACR.dcm": WINDOW,
    "chest/RG1_chestPA_CR_J2KI.dcm": WINDOW,
    "chest/nih_cxr14_DX_nofinding_implicitLE.dcm": NOTHING,
    "chest/rsna_pneumonia_CR_jpegbaseline_mono2.dcm": NOTHING,
    "not_chest/highdicom_dx_DOG_thorax_mono1_small.dcm": WINDOW,
    "other_cr/RG2_REF.dcm": WINDOW,
    "other_cr/RG2_RLE.dcm": WINDOW,
    "other_cr/RG2_JLSL.dcm": WINDOW,
    "other_cr/RG2_JPLL.dcm": WINDOW,
    "other_cr/RG2_JPLY.dcm": WINDOW,
    "other_cr/RG2_J2KR.dcm": WINDOW,
    "other_cr/CR-ModalitySequenceLUT_teeth.dcm": WINDOW,
}


@pytest.mark.peers
@pytest.mark.parametrize("name", REAL)
def test_a_real_film_is_what_dcmtk_shows(name: str, real_films: Path, tmp_path: Path) -> None:
    """JPEG 2000 is unpacked before; the dental film names no window and is given one."""
    with quiet():
        film = read_dicom(BytesIO((real_films / name).read_bytes()), with_pixels=True)
        assert film is not None
        if film.file_meta.TransferSyntaxUID not in PROGRAMS:
            film.decompress(generate_instance_uid=False)
        if "ModalityLUTSequence" in film:
            film.WindowCenter, film.WindowWidth = 2048, 4096
        film.remove_private_tags()
    apart = levels_apart(film, tmp_path, REAL[name])
    assert apart <= LARGEST_DIFFERENCE


def test_linear_exact_follows_its_formula() -> None:
    """PS3.3 C.11.2.1.3.2, which dcmtk does not know: (x - c) / w + 0.5."""
    film = made(WindowCenter=2000, WindowWidth=8, VOILUTFunction="LINEAR_EXACT")
    values = pydicom.pixels.pixel_array(film).astype(np.float64)
    assert np.allclose(render(film), np.clip((values - 2000) / 8 + 0.5, 0, 1), atol=1e-6)


def test_a_window_of_width_one_counts_as_none() -> None:
    """Devices write it where nothing was chosen; its step from black to white would hide the film."""
    assert len(np.unique(render(made(WindowCenter=2000, WindowWidth=1)))) > 1000
