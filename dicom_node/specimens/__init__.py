"""One small film in each transfer syntax that the node accepts, and what it must look like once it is decoded.

They say whether a machine can read what the node promises to take: decoders are compiled, and may not suit it.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
from pydicom.uid import UID

from dicom_node.contexts import COMPRESSED, UNCOMPRESSED
from domain.film import Unsuitable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from domain.film import GreyImage

FOLDER: Final = Path(__file__).parent
BITS: Final = {"1.2.840.10008.1.2.4.50": 8}
"""Bits stored, where they are not twelve."""
_SIDE: Final = 64
_LOSS: Final = 0.03
"""Of the whole range, that a pixel of a lossy film may be off."""


def picture() -> GreyImage:
    """Return what every specimen shows: a slope with a soft grid, (rows, columns), 0.0 to 1.0."""
    rows, columns = np.mgrid[0:_SIDE, 0:_SIDE] / (_SIDE - 1)
    slope = 0.7 * rows + 0.2 * columns
    return np.asarray(slope + 0.05 * (1 + np.sin(6 * np.pi * columns)), dtype=np.float32)


def read_all(folder: Path = FOLDER) -> Iterator[tuple[str, str]]:
    """Read each specimen as a worker does; yield the name of its transfer syntax, and what is wrong, "" for nothing."""
    for syntax in (*UNCOMPRESSED, *COMPRESSED):
        yield UID(syntax).name, _trouble(folder / f"{syntax}.dcm")


def _trouble(file: Path) -> str:
    from dicom_node.films import read_pixels

    shown = read_pixels(file)
    if isinstance(shown, Unsuitable):
        return f"it can't be decoded: {shown}"
    if shown.shape != (_SIDE, _SIDE) or not float(np.abs(shown - picture()).max()) <= _LOSS:
        return "it is decoded to another picture"
    return ""
