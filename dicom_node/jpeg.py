"""JPEG Lossless, and JPEG Extended with 12 bits a sample, which no decoder that pydicom knows reads and survives.

GDCM reads the first, and ends the process on streams that are broken in the right place. This is a plugin of pydicom's,
known to it by `register`; libjpeg-turbo does the work.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from imagecodecs import jpeg8_decode
from pydicom.pixels.decoders.base import get_decoder
from pydicom.uid import JPEGExtended12Bit, JPEGLossless, JPEGLosslessSV1

if TYPE_CHECKING:
    from pydicom.pixels.decoders.base import DecodeRunner

PLUGIN: Final = "imagecodecs"
_SYNTAXES: Final = (JPEGExtended12Bit, JPEGLossless, JPEGLosslessSV1)


def register() -> None:
    """Let pydicom know the decoder."""
    for syntax in _SYNTAXES:
        get_decoder(syntax).add_plugin(PLUGIN, (__name__, "decode"))


def is_available(uid: str) -> bool:
    """Whether the transfer syntax is read; asked by pydicom."""
    return uid in _SYNTAXES


def decode(source: bytes, runner: DecodeRunner) -> bytes:
    """Return the stored values of one frame: rows first, of a colour the components of a pixel together."""
    # The same colours in and out: pydicom converts them by the header.
    values = jpeg8_decode(source, colorspace="RGB", outcolorspace="RGB") if _is_colour(runner) else jpeg8_decode(source)
    runner.set_option("bits_allocated", values.dtype.itemsize * 8)
    if _is_colour(runner):
        runner.set_option("planar_configuration", 0)
    return bytes(values.tobytes())


def _is_colour(runner: DecodeRunner) -> bool:
    return runner.samples_per_pixel > 1
