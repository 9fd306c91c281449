"""A film written in every transfer syntax that the node accepts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from copy import deepcopy
from io import BytesIO
from typing import Any

import imagecodecs
import numpy as np
import numpy.typing as npt
from PIL import Image
from pydicom import Dataset
from pydicom.encaps import encapsulate
from pydicom.uid import (
    HTJ2K,
    JPEG2000,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    HTJ2KLossless,
    HTJ2KLosslessRPCL,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    JPEGLossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    JPEGLSNearLossless,
    RLELossless,
)

from tests.films import chest, copy_of

NEAR = 2
"""Stored levels that a near-lossless film may be off."""


def grey(bits: int, rows: int = 96, columns: int = 128) -> npt.NDArray[Any]:
    """Return a chest film's picture with fine noise, from 0 to the largest value of so many bits."""
    picture = chest(1, 128)[:rows, :columns].astype(np.float64) / 255 * (2**bits - 2)
    noise = np.random.default_rng(bits).integers(0, 2, picture.shape)
    values = np.clip(picture.round() + noise, 0, 2**bits - 1)
    values[0, 0], values[-1, -1] = 0, 2**bits - 1
    return values.astype(np.uint8 if bits <= 8 else np.uint16)


def stored_values(film: Dataset) -> npt.NDArray[Any]:
    """Return what a film in Explicit VR Little Endian holds, (rows, columns)."""
    kind = "<u2" if film.BitsAllocated == 16 else "u1"
    count = film.Rows * film.Columns
    return np.frombuffer(film.PixelData, kind, count=count).reshape(film.Rows, film.Columns)


def with_codestream(film: Dataset, syntax: str, codestream: bytes) -> Dataset:
    """Put a codestream in place of a film's pixels."""
    film.file_meta.TransferSyntaxUID = syntax
    film.PixelData = encapsulate([codestream])
    film["PixelData"].VR = "OB"
    film["PixelData"].is_undefined_length = True
    return film


def _native(film: Dataset, syntax: str) -> Dataset:
    film.file_meta.TransferSyntaxUID = syntax
    for element in film.iterall() if syntax == ExplicitVRBigEndian else ():
        if element.VR == "OW":
            element.value = np.frombuffer(element.value, "<u2").astype(">u2").tobytes()
    return film


def _by_pydicom(**options: Any) -> Callable[[Dataset, str], Dataset]:  # noqa: ANN401 - the encoders' own
    def encode(film: Dataset, syntax: str) -> Dataset:
        film.compress(syntax, generate_instance_uid=False, **options)
        return film

    return encode


def _by(encoder: Callable[..., bytes], **options: Any) -> Callable[[Dataset, str], Dataset]:  # noqa: ANN401 - the same
    def encode(film: Dataset, syntax: str) -> Dataset:
        depth = {"bitspersample": film.BitsStored} if encoder is imagecodecs.jpeg8_encode else {}
        values = stored_values(film) & (2**film.BitsStored - 1)
        return with_codestream(film, syntax, encoder(values, **depth, **options))

    return encode


def _baseline(film: Dataset, syntax: str) -> Dataset:
    stream = BytesIO()
    Image.fromarray(stored_values(film)).save(stream, "JPEG", quality=98)
    return with_codestream(film, syntax, stream.getvalue())


LOSSLESS: Mapping[str, Callable[[Dataset, str], Dataset]] = {
    ExplicitVRLittleEndian: _native,
    ImplicitVRLittleEndian: _native,
    DeflatedExplicitVRLittleEndian: _native,
    ExplicitVRBigEndian: _native,
    JPEGLossless: _by(imagecodecs.jpeg8_encode, lossless=True, predictor=4),
    JPEGLosslessSV1: _by(imagecodecs.jpeg8_encode, lossless=True, predictor=1),
    JPEGLSLossless: _by_pydicom(),
    JPEG2000Lossless: _by_pydicom(),
    HTJ2KLossless: _by(imagecodecs.htj2k_encode, reversible=True),
    HTJ2KLosslessRPCL: _by(imagecodecs.htj2k_encode, reversible=True, tlm=True),  # its order of progression is RPCL
    RLELossless: _by_pydicom(),
}
LOSSY: Mapping[str, Callable[[Dataset, str], Dataset]] = {
    JPEGBaseline8Bit: _baseline,
    JPEGExtended12Bit: _by(imagecodecs.jpeg8_encode, level=98),
    JPEGLSNearLossless: _by_pydicom(jls_error=NEAR),
    JPEG2000: _by_pydicom(j2k_cr=[4]),
    HTJ2K: _by(imagecodecs.htj2k_encode, reversible=False, level=0.0005),
}
DEPTHS: Mapping[str, tuple[int, ...]] = {JPEGBaseline8Bit: (8,), JPEGExtended12Bit: (8, 12)}
"""Bits that a syntax can have, where not all of 8, 12 and 16."""


def encoded(film: Dataset, syntax: str) -> Dataset:
    """Return a film that was made in Explicit VR Little Endian in another syntax, as it is read from a file."""
    return copy_of({**LOSSLESS, **LOSSY}[syntax](deepcopy(film), syntax))
