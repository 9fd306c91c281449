"""Films that say in every way of the standard how they are to be shown."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

import numpy as np
from pydicom import Dataset

from dicom_node.wrap import wrap_film

WINDOW, TABLE, NOTHING = ("+Wi", "1"), ("+Wl", "1"), ()
"""Options of dcm2pnm: the first window, the first VOI LUT, none."""


def made(bits: int = 12, rows: int = 96, columns: int = 128, **attributes: object) -> Dataset:
    """Return a film with every grey value of its depth and the attributes given; None deletes one."""
    values = np.linspace(0, 2**bits - 1, rows * columns).reshape(rows, columns).round().astype(np.uint16)
    film = wrap_film(values, patient_id="P", patient_name="P")
    film.BitsStored, film.HighBit = bits, bits - 1
    film.WindowCenter, film.WindowWidth = 2 ** (bits - 1), 2**bits
    if attributes.get("PhotometricInterpretation") == "MONOCHROME1":
        film.PresentationLUTShape = "INVERSE"  # PS3.3 C.8.11.3 knows no other pair
    for keyword, value in attributes.items():
        if value is None:
            del film[keyword]
        else:
            setattr(film, keyword, value)
    return film


def eight_bits(**attributes: object) -> Dataset:
    """Return a film of one byte a pixel."""
    values = (np.arange(96 * 128) % 251).astype(np.uint8).reshape(96, 128)
    film = wrap_film(values, patient_id="P", patient_name="P")
    film.update(attributes)
    return film


def eight_bits_without_window() -> Dataset:
    """Return an 8-bit film that says nothing of its window."""
    film = eight_bits()
    del film.WindowCenter, film.WindowWidth, film.WindowCenterWidthExplanation
    return film


def signed(film: Dataset) -> Dataset:
    """Shift the film's values around zero, in two's complement of 12 bits."""
    values = np.frombuffer(film.PixelData, dtype="<u2").astype(np.int32) - 2048
    film.PixelData = values.astype("<i2").tobytes()
    film.PixelRepresentation = 1
    return film


def with_junk(film: Dataset) -> Dataset:
    """Fill the bits above Bits Stored, as old overlays did (PS3.5 8.1.1)."""
    values = np.frombuffer(film.PixelData, dtype="<u2").astype(np.uint16)
    film.PixelData = (values & 0x0FFF | (np.arange(values.size) % 16 << 12).astype(np.uint16)).astype("<u2").tobytes()
    return film


def table(first: int, bits: int, count: int, *, packed: bool = False, as_numbers: bool = False) -> Dataset:
    """Return a curved lookup table; eight bits may be packed without gaps."""
    entries = ((2**bits - 1) * (np.arange(count) / (count - 1)) ** 2).round().astype("<u2")
    item = Dataset()
    item.add_new("LUTDescriptor", "SS" if first < 0 else "US", [count, first, bits])
    if as_numbers:
        item.add_new("LUTData", "US", entries.tolist())
    else:
        item.add_new("LUTData", "OW", entries.astype("u1").tobytes() if packed else entries.tobytes())
    return item


def with_voi_table(film: Dataset, item: Dataset) -> Dataset:
    """Give the film a VOI LUT in place of its window."""
    film.VOILUTSequence = [item]
    for keyword in ("WindowCenter", "WindowWidth", "WindowCenterWidthExplanation"):
        film.pop(keyword, None)
    return film


def with_modality_table(film: Dataset, item: Dataset) -> Dataset:
    """Give the film a Modality LUT in place of its rescale slope and intercept."""
    item.ModalityLUTType = "US"
    film.ModalityLUTSequence = [item]
    del film.RescaleSlope, film.RescaleIntercept, film.RescaleType
    return film


_inverse = partial(made, PhotometricInterpretation="MONOCHROME1")
_Variant = tuple[Callable[[], Dataset], tuple[str, ...]]

VARIANTS: Mapping[str, _Variant] = {
    "full window": (made, WINDOW),
    "narrow window": (lambda: made(WindowCenter=1500, WindowWidth=700), WINDOW),
    "window with fractions": (lambda: made(WindowCenter="1500.5", WindowWidth="700.5"), WINDOW),
    "MONOCHROME1": (_inverse, WINDOW),
    "MONOCHROME1 without shape": (lambda: _inverse(PresentationLUTShape=None), WINDOW),
    "MONOCHROME1, SIGMOID": (
        lambda: _inverse(WindowCenter=2000, WindowWidth=1200, VOILUTFunction="SIGMOID"),
        WINDOW,
    ),
    "MONOCHROME1, VOI LUT": (lambda: with_voi_table(_inverse(), table(0, 10, 4096)), TABLE),
    "SIGMOID": (lambda: made(WindowCenter=2000, WindowWidth=1200, VOILUTFunction="SIGMOID"), WINDOW),
    "LINEAR": (lambda: made(WindowCenter=2000, WindowWidth=1200, VOILUTFunction="LINEAR"), WINDOW),
    "several windows": (
        lambda: made(WindowCenter=[1000, 3000], WindowWidth=[500, 1500], WindowCenterWidthExplanation=["HARD", "SOFT"]),
        WINDOW,
    ),
    "second window NORMAL": (
        lambda: made(WindowCenter=[1000, 3000], WindowWidth=[500, 1500], WindowCenterWidthExplanation=["A", "NORMAL"]),
        ("+Wi", "2"),
    ),
    "VOI LUT": (lambda: with_voi_table(made(), table(0, 10, 4096)), TABLE),
    "VOI LUT of 8 bits": (lambda: with_voi_table(made(), table(1000, 8, 2000)), TABLE),
    "VOI LUT of 8 bits, packed": (lambda: with_voi_table(made(), table(1000, 8, 2000, packed=True)), TABLE),
    "VOI LUT of 16 bits": (lambda: with_voi_table(made(), table(0, 16, 4096)), TABLE),
    "VOI LUT as numbers": (lambda: with_voi_table(made(), table(0, 12, 4096, as_numbers=True)), TABLE),
    "VOI LUT after rescale": (
        lambda: with_voi_table(made(RescaleSlope=2, RescaleIntercept=-1000), table(-1000, 12, 8191)),
        TABLE,
    ),
    "VOI LUT, signed": (lambda: with_voi_table(signed(made()), table(-2048, 12, 4096)), TABLE),
    "rescale": (lambda: made(RescaleSlope=2, RescaleIntercept=-1000, WindowCenter=3000, WindowWidth=5000), WINDOW),
    "falling rescale": (lambda: made(RescaleSlope=-1, RescaleIntercept=4095), WINDOW),
    "rescale with fractions": (
        lambda: made(RescaleSlope="0.25", RescaleIntercept="-100.5", WindowCenter=300, WindowWidth=700),
        WINDOW,
    ),
    "signed": (lambda: signed(made(WindowCenter=0, WindowWidth=3000)), WINDOW),
    "signed, rescale": (
        lambda: signed(made(RescaleSlope=2, RescaleIntercept=100, WindowCenter=100, WindowWidth=5000)),
        WINDOW,
    ),
    "Modality LUT": (lambda: with_modality_table(made(), table(0, 12, 4096)), WINDOW),
    "Modality LUT of 16 bits": (
        lambda: with_modality_table(made(WindowCenter=30000, WindowWidth=50000), table(0, 16, 4096)),
        WINDOW,
    ),
    "Modality LUT, short": (lambda: with_modality_table(made(), table(1000, 12, 2000)), WINDOW),
    "Modality LUT, VOI LUT": (
        lambda: with_voi_table(with_modality_table(made(), table(0, 12, 4096)), table(0, 10, 4096)),
        TABLE,
    ),
    "junk bits": (lambda: with_junk(made()), WINDOW),
    "junk bits, signed": (lambda: with_junk(signed(made(WindowCenter=0, WindowWidth=3000))), WINDOW),
    "10 bits": (lambda: made(bits=10), WINDOW),
    "16 bits": (lambda: made(bits=16), WINDOW),
    "16 bits, MONOCHROME1": (lambda: _inverse(bits=16), WINDOW),
    "8 bits": (eight_bits, WINDOW),
    "8 bits, nothing said": (eight_bits_without_window, NOTHING),
}
"""Films, and how dcm2pnm is asked to show them.

Left out: LINEAR_EXACT, which dcmtk 3.6.7 takes for LINEAR; a window of width 1, which it shows as a step and we take
for none; a Presentation LUT Shape that contradicts the photometric interpretation, where it believes the shape.
"""
