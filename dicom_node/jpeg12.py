"""JPEG Extended with 12 bits a sample, by a decoder that is installed on request: pip install 'hilum[jpeg12]'.

None of the decoders that come with Hilum reads it. This one is a plugin of pydicom's, known to it by `register`.
"""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING, Final

from pydicom.pixels.decoders.base import get_decoder
from pydicom.uid import JPEGExtended12Bit

if TYPE_CHECKING:
    from pydicom.pixels.decoders.base import DecodeRunner

PLUGIN: Final = "imagecodecs"
DECODER_DEPENDENCIES: Final = {JPEGExtended12Bit: (PLUGIN,)}
"""What pydicom names as missing."""


def register() -> None:
    """Let pydicom know the decoder, whether it is installed or not."""
    get_decoder(JPEGExtended12Bit).add_plugin(PLUGIN, (__name__, "decode"))


def is_available(uid: str) -> bool:
    """Whether the decoder is installed, and reads the transfer syntax."""
    return uid in DECODER_DEPENDENCIES and find_spec(PLUGIN) is not None


def decode(source: bytes, runner: DecodeRunner) -> bytes:
    """Return the stored values of one grey frame, little endian, rows first.

    Raises:
        NotImplementedError: the film is in colour; another decoder knows those of 8 bits.
    """
    from imagecodecs import jpeg8_decode

    if runner.samples_per_pixel != 1:
        raise NotImplementedError("a film in colour")
    values = jpeg8_decode(source)
    runner.set_option("bits_allocated", values.dtype.itemsize * 8)
    return bytes(values.tobytes())
