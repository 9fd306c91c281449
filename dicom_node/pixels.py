"""Stored pixel values made into the picture a radiologist would see (PS3.3 C.11, PS3.4 N.2)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from PIL import Image
from pydicom.encaps import get_frame
from pydicom.pixels.decoders.base import get_decoder
from pydicom.uid import (
    HTJ2K,
    JPEG2000,
    UID,
    ExplicitVRBigEndian,
    HTJ2KLossless,
    HTJ2KLosslessRPCL,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    JPEGLossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    JPEGLSNearLossless,
    RLELossless,
)

from dicom_node import jpeg
from dicom_node.codestream import check_rle, frame_of
from dicom_node.lookup_table import LookupTable
from domain.film import GreyImage, GreyScale, NotClassifiable, Unsuitable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydicom.dataset import Dataset

Stored = npt.NDArray[Any]
Mask = npt.NDArray[np.bool_]

MIN_SIDE_PIXELS = 64
"""A film with a shorter side is a thumbnail: less than a third of what the classifier looks at."""
MAX_PIXELS = 100_000_000
"""More than any flat-panel detector or film digitiser makes; such a header is broken or hostile."""
_MOST_BITS_ALLOCATED = 32
_SAMPLES_PER_PIXEL = (1, 3)
_HIGHEST_RATIO = 1000
"""Of pixels to compressed bytes. Films are compressed to a hundredth at most; more is next to nothing, made large."""

_DECODERS: Mapping[str, str] = {
    # One each: toolkits differ in what they do with odd streams, so a film must always meet the same one. Left out are
    # those that a broken stream makes end the process: GDCM, and the plugin of pylibjpeg for RLE, which panics.
    JPEGBaseline8Bit: "pillow",
    JPEGExtended12Bit: jpeg.PLUGIN,
    JPEGLossless: jpeg.PLUGIN,
    JPEGLosslessSV1: jpeg.PLUGIN,
    JPEGLSLossless: "pyjpegls",
    JPEGLSNearLossless: "pyjpegls",
    JPEG2000Lossless: "pylibjpeg",
    JPEG2000: "pylibjpeg",
    HTJ2KLossless: "pylibjpeg",
    HTJ2KLosslessRPCL: "pylibjpeg",
    HTJ2K: "pylibjpeg",
    RLELossless: "pydicom",
}
jpeg.register()
_END_OF_CODESTREAM = b"\xff\xd9"
"""EOI of JPEG and JPEG-LS (ITU-T T.81 B.1.1.3), EOC of JPEG 2000 (ITU-T T.800 A.4.4)."""

_STRETCH_PERCENTILES = (0.5, 99.5)
_SAMPLE_PIXELS = 200_000
_MOST_UNUSED_LEVELS = 2**16
_BAND_ROWS = 64
_MIN_STORED_SPREAD = 8
"""Grey levels between the percentiles; fewer are noise around one value."""
_MIN_SHOWN_SPREAD = 0.02
"""Difference of the 1st and 99th percentile of a rendered film, of 1.0; less is blank to the eye."""
_SQUARE_TOLERANCE = 0.01
_MAX_ASPECT = 4.0
_EIGHT_BITS = 8
_GREY_DIMENSIONS, _COLOUR_DIMENSIONS = 2, 3


def render(dataset: Dataset) -> GreyImage:
    """Return the film as a viewer shows it: (rows, columns), float32, 0.0 = black to 1.0 = white, square pixels.

    The chain is modality LUT, VOI LUT or window, inversion of MONOCHROME1. Without a VOI transformation an 8-bit film
    is taken as it is, a deeper one is stretched between its 0.5th and 99.5th percentile. Padding is shown black and
    counts in no statistic.

    Raises:
        NotClassifiable: the pixels are missing, broken, blank, too few or of several frames.

    """
    try:
        _check_header(dataset)
        stored = _decode(dataset)
        shown = _colour_to_grey(dataset, stored) if stored.ndim == _COLOUR_DIMENSIONS else _display(dataset, stored)
        image = square_pixels(np.ascontiguousarray(shown, dtype=np.float32), _aspect(dataset))
    except (NotClassifiable, MemoryError):
        raise
    except Exception as error:  # parsers, decoders and tables each have their own errors, and all mean the same
        raise NotClassifiable(Unsuitable.PIXELS_CORRUPT) from error
    return checked(image)


def unwindowed(dataset: Dataset) -> tuple[GreyImage, GreyScale]:
    """Return the film before its window: (rows, columns), float32, 0.0 to 1.0 with square pixels, and what that means.

    Modality LUT and VOI LUT are applied and MONOCHROME1 is inverted; a film without a window gets that of `render`.

    Raises:
        NotClassifiable: the pixels are missing, broken, all alike, too few or of several frames.

    """
    try:
        _check_header(dataset)
        image, scale = _levels(dataset, _decode(dataset))
        return square_pixels(np.ascontiguousarray(image, dtype=np.float32), _aspect(dataset)), scale
    except (NotClassifiable, MemoryError):
        raise
    except Exception as error:  # as above
        raise NotClassifiable(Unsuitable.PIXELS_CORRUPT) from error


def checked(image: GreyImage) -> GreyImage:
    """Return the picture unless it is too small or blank.

    Raises:
        NotClassifiable: TOO_SMALL or NO_CONTRAST.

    """
    if min(image.shape) < MIN_SIDE_PIXELS:
        raise NotClassifiable(Unsuitable.TOO_SMALL)
    dark, bright = np.percentile(_sample(image), (1, 99))
    if not bright - dark >= _MIN_SHOWN_SPREAD:
        raise NotClassifiable(Unsuitable.NO_CONTRAST)
    return image


def square_pixels(image: GreyImage, aspect: float) -> GreyImage:
    """Resample the rows so that a pixel is as high as it is wide; `aspect` is height by width of a pixel."""
    rows = round(image.shape[0] * aspect)
    if abs(aspect - 1.0) <= _SQUARE_TOLERANCE or rows * image.shape[1] > MAX_PIXELS:
        return image
    picture = Image.fromarray(image).resize((image.shape[1], rows), Image.Resampling.BILINEAR)
    return np.asarray(picture, dtype=np.float32)


def luminance(colour: npt.NDArray[np.float32]) -> GreyImage:
    """Return the grey value of RGB pixels, (rows, columns, 3) to (rows, columns), by ITU-R BT.601."""
    weights = np.array([0.299, 0.587, 0.114], dtype=np.float32)
    return np.asarray(colour[..., :3] @ weights, dtype=np.float32)


def _check_header(dataset: Dataset) -> None:
    """Refuse before anything is allocated."""
    if "PixelData" not in dataset or not dataset["PixelData"].value:
        raise NotClassifiable(Unsuitable.NO_PIXEL_DATA)
    rows, columns = int(dataset.Rows), int(dataset.Columns)
    if int(dataset.get("NumberOfFrames") or 1) > 1:
        raise NotClassifiable(Unsuitable.MULTI_FRAME)
    if rows * columns > MAX_PIXELS or rows < 1 or columns < 1:
        raise NotClassifiable(Unsuitable.PIXELS_CORRUPT)
    if int(dataset.BitsAllocated) > _MOST_BITS_ALLOCATED or _samples(dataset) not in _SAMPLES_PER_PIXEL:
        raise NotClassifiable(Unsuitable.PIXELS_CORRUPT)
    if min(rows, columns) < MIN_SIDE_PIXELS:
        raise NotClassifiable(Unsuitable.TOO_SMALL)


def _decode(dataset: Dataset) -> Stored:
    """Return the stored values of the one frame, (rows, columns) or (rows, columns, 3) in RGB."""
    syntax = UID(str(dataset.file_meta.TransferSyntaxUID))
    if syntax.is_encapsulated:
        _check_codestream(dataset, syntax)
    plugin = _DECODERS.get(syntax, "")
    stored = np.asarray(get_decoder(syntax).as_array(dataset, index=0, decoding_plugin=plugin)[0])
    _check_shape(dataset, stored)
    return stored


def _check_codestream(dataset: Dataset, syntax: UID) -> None:
    """Refuse a stream that promises another picture than the header, or was cut off.

    Decoders reserve memory for what the stream promises, and some fill the missing rest with grey and say nothing.
    """
    frame = _frame(dataset)
    size = (int(dataset.Rows), int(dataset.Columns))
    if syntax == RLELossless:
        check_rle(frame, size[0] * size[1])  # a segment that is cut is too short for the decoder (PS3.5 Annex G)
        return
    promised = frame_of(frame)
    if (promised.rows, promised.columns) != size or promised.components != _samples(dataset):
        raise NotClassifiable(Unsuitable.PIXELS_CORRUPT)
    if size[0] * size[1] > _HIGHEST_RATIO * len(frame):
        raise NotClassifiable(Unsuitable.PIXELS_CORRUPT)
    # An item is padded to an even length with 00, by some writers with FF (PS3.5 A.4).
    if not frame[-64:].rstrip(b"\x00").rstrip(b"\xff").endswith(_END_OF_CODESTREAM):
        raise NotClassifiable(Unsuitable.PIXELS_CORRUPT)


def _frame(dataset: Dataset) -> bytes:
    """Return the compressed bytes that the decoder will be given (PS3.5 A.4)."""
    table = None
    if "ExtendedOffsetTable" in dataset and "ExtendedOffsetTableLengths" in dataset:
        table = (dataset.ExtendedOffsetTable, dataset.ExtendedOffsetTableLengths)
    return get_frame(dataset.PixelData, 0, number_of_frames=1, extended_offsets=table)


def _samples(dataset: Dataset) -> int:
    return int(dataset.get("SamplesPerPixel") or 1)


def _check_shape(dataset: Dataset, stored: Stored) -> None:
    is_grey = str(dataset.PhotometricInterpretation).strip() in {"MONOCHROME1", "MONOCHROME2"}
    dimensions = _GREY_DIMENSIONS if is_grey else _COLOUR_DIMENSIONS
    if stored.shape[:2] != (int(dataset.Rows), int(dataset.Columns)) or stored.ndim != dimensions:
        raise NotClassifiable(Unsuitable.PIXELS_CORRUPT)


def _padding_mask(dataset: Dataset, stored: Stored) -> Mask:
    """Mark stored values of Pixel Padding Value, or up to its Range Limit (PS3.3 C.7.5.1.1.2)."""
    value, limit = dataset.get("PixelPaddingValue"), dataset.get("PixelPaddingRangeLimit")
    if not isinstance(value, int):
        return np.zeros(stored.shape, dtype=np.bool_)
    other = limit if isinstance(limit, int) else value
    return np.asarray((stored >= min(value, other)) & (stored <= max(value, other)), dtype=np.bool_)


def _display(dataset: Dataset, stored: Stored) -> GreyImage:
    """Modality LUT, VOI, polarity; padding black.

    All of it depends on a pixel's stored value alone, so it is worked out once for each value there is, not once for
    each pixel: a film of five million pixels has a few thousand values.
    """
    lowest, highest = int(stored.min()), int(stored.max())
    if highest - lowest >= stored.size:
        return _display_values(dataset, stored, stored)
    levels = np.arange(lowest, highest + 1, dtype=np.int64)
    shown = _display_values(dataset, levels.astype(np.promote_types(stored.dtype, np.int32)), stored)
    if 0 < lowest <= _MOST_UNUSED_LEVELS:  # a longer table is cheaper than moving every pixel's value
        shown, lowest = np.concatenate([np.zeros(lowest, dtype=shown.dtype), shown]), 0
    return _look_up(shown, stored, lowest)


def _look_up(shown: Stored, stored: Stored, lowest: int) -> GreyImage:
    """Return `shown[stored - lowest]`, band by band: numpy widens indices first, and a band of them stays in the cache.

    On a film of five million pixels this is twice as fast as all at once.
    """
    image = np.empty(stored.shape, dtype=np.float32)
    for start in range(0, len(stored), _BAND_ROWS):
        band = slice(start, start + _BAND_ROWS)
        places = stored[band] if lowest == 0 else stored[band].astype(np.int64) - lowest
        np.take(shown, places, out=image[band], mode="clip")  # all places are in the table; this spares a copy
    return image


def _display_values(dataset: Dataset, stored: Stored, film: Stored) -> Stored:
    """Return how stored values are shown, 0 to 1; `film` has the stored values of all pixels, for statistics."""
    sample = _sample(film)
    sample = sample[~_padding_mask(dataset, sample)]
    if not sample.size:
        raise NotClassifiable(Unsuitable.NO_CONTRAST)
    values = _modality(dataset, stored)
    shown = _voi(dataset, values)
    if shown is None:
        shown = _without_voi(dataset, values, _modality(dataset, sample))
    if str(dataset.PhotometricInterpretation).strip() == "MONOCHROME1":
        shown = 1.0 - shown  # once: PresentationLUTShape INVERSE only repeats what MONOCHROME1 says (PS3.3 C.8.11.3)
    shown = np.asarray(shown, dtype=np.float32)
    shown[_padding_mask(dataset, stored)] = 0.0
    return shown


def _modality(dataset: Dataset, stored: Stored) -> Stored:
    """Apply the film's Modality LUT, else its rescale slope and intercept, else nothing (PS3.3 C.11.1)."""
    table = _table(dataset, "ModalityLUTSequence")
    if table is not None:
        return table.look_up(stored)
    slope, intercept = _numbers(dataset, "RescaleSlope"), _numbers(dataset, "RescaleIntercept")
    return stored * slope[0] + intercept[0] if slope and intercept else stored


def _table(dataset: Dataset, keyword: str) -> LookupTable | None:
    """Return the first lookup table of a sequence, None where there is none."""
    items = dataset.get(keyword)
    if not items:
        return None
    order = ">" if dataset.file_meta.TransferSyntaxUID == ExplicitVRBigEndian else "<"
    return LookupTable.from_item(items[0], order=order)


def _voi(dataset: Dataset, values: Stored) -> Stored | None:
    """Apply the film's VOI LUT or window to output 0 to 1; None where it has no usable one (PS3.3 C.11.2)."""
    table = _table(dataset, "VOILUTSequence")
    if table is not None:
        return np.clip(table.look_up(values) / table.largest, 0.0, 1.0)
    window = _window(dataset)
    return None if window is None else _windowed(dataset, values, *window)


def _window(dataset: Dataset) -> tuple[float, float] | None:
    """Return (centre, width) of the window explained as NORMAL, else of the first; None without a valid one."""
    try:
        centres, widths = _numbers(dataset, "WindowCenter"), _numbers(dataset, "WindowWidth")
    except (TypeError, ValueError):
        return None
    windows = list(zip(centres, widths, strict=False))
    if not windows:
        return None
    explained = dataset.get("WindowCenterWidthExplanation") or []
    names = [explained] if isinstance(explained, str) else list(explained)
    named = [window for window, name in zip(windows, names, strict=False) if str(name).strip().upper() == "NORMAL"]
    centre, width = (named or windows)[0]
    return (centre, width) if width > 1.0 or (width > 0.0 and _function(dataset) != "LINEAR") else None


def _windowed(dataset: Dataset, values: Stored, centre: float, width: float) -> Stored:
    """Apply VOI LUT Function (0028,1056) with output 0 to 1 (PS3.3 C.11.2.1.2, C.11.2.1.3)."""
    values = values.astype(np.float64)
    function = _function(dataset)
    if function == "SIGMOID":
        return np.asarray(1.0 / (1.0 + np.exp(np.clip(-4.0 * (values - centre) / width, -700.0, 700.0))))
    if function == "LINEAR_EXACT":
        return np.clip((values - centre) / width + 0.5, 0.0, 1.0)
    return np.clip((values - (centre - 0.5)) / (width - 1.0) + 0.5, 0.0, 1.0)


def _function(dataset: Dataset) -> str:
    name = str(dataset.get("VOILUTFunction") or "LINEAR").strip().upper()
    return name if name in {"SIGMOID", "LINEAR_EXACT"} else "LINEAR"


def _without_voi(dataset: Dataset, values: Stored, sample: Stored) -> Stored:
    """Show an 8-bit film as stored and stretch a deeper one between the percentiles of a sample of its pixels."""
    full = 2.0 ** int(dataset.BitsStored) - 1.0
    if int(dataset.BitsStored) <= _EIGHT_BITS and values.min() >= 0 and values.max() <= full:
        return np.asarray(values / full)
    low, high = np.percentile(sample, _STRETCH_PERCENTILES)
    if high - low < _MIN_STORED_SPREAD:
        raise NotClassifiable(Unsuitable.NO_CONTRAST)
    return np.asarray(np.clip((values.astype(np.float64) - low) / (high - low), 0.0, 1.0))


def _levels(dataset: Dataset, stored: Stored) -> tuple[GreyImage, GreyScale]:
    if stored.ndim == _COLOUR_DIMENSIONS:
        return _colour_to_grey(dataset, stored), GreyScale(black=0.0, white=1.0, centre=0.5, width=1.0)
    padding, (values, (centre, width)) = _padding_mask(dataset, stored), _before_window(dataset, stored)
    low, high = float(values[~padding].min()), float(values[~padding].max())  # of no pixel at all there is an error
    if not high > low:
        raise NotClassifiable(Unsuitable.NO_CONTRAST)
    image = np.clip((values - low) / (high - low), 0.0, 1.0)
    if str(dataset.PhotometricInterpretation).strip() == "MONOCHROME1":
        image, low, high = 1.0 - image, high, low
    image[padding] = 0.0
    return image.astype(np.float32), GreyScale(black=low, white=high, centre=centre, width=width)


def _before_window(dataset: Dataset, stored: Stored) -> tuple[Stored, tuple[float, float]]:
    """Return the values that a window works on, and (centre, width) of the one to begin with."""
    values = _modality(dataset, stored)
    table = _table(dataset, "VOILUTSequence")
    if table is not None:
        return np.asarray(table.look_up(values) / table.largest, dtype=np.float32), (0.5, 1.0)
    if (window := _window(dataset)) is None:
        full = 2.0 ** int(dataset.BitsStored) - 1.0
        is_whole = int(dataset.BitsStored) <= _EIGHT_BITS and values.min() >= 0 and values.max() <= full
        low, high = (0.0, full) if is_whole else np.percentile(_sample(values), _STRETCH_PERCENTILES)
        window = (float(low + high) / 2.0, max(float(high - low), 1.0))
    return np.asarray(values, dtype=np.float32), window


def _colour_to_grey(dataset: Dataset, stored: Stored) -> GreyImage:
    return luminance(stored.astype(np.float32) / np.float32(2.0 ** int(dataset.BitsStored) - 1.0))


def _aspect(dataset: Dataset) -> float:
    """Return height by width of a pixel from its spacing or aspect ratio; 1.0 where neither can be believed."""
    for keyword in ("PixelSpacing", "ImagerPixelSpacing", "PixelAspectRatio"):
        try:
            vertical, horizontal = _numbers(dataset, keyword)
        except (TypeError, ValueError):
            continue
        if vertical > 0.0 and horizontal > 0.0 and 1 / _MAX_ASPECT <= vertical / horizontal <= _MAX_ASPECT:
            return vertical / horizontal
    return 1.0


def _numbers(dataset: Dataset, keyword: str) -> list[float]:
    value = dataset.get(keyword)
    if value is None or value == "":
        return []
    return [float(part) for part in value] if hasattr(value, "__iter__") else [float(value)]


def _sample(values: Stored) -> Stored:
    """Return some hundred thousand of the values, evenly picked: enough for a percentile."""
    return np.asarray(values.reshape(-1)[:: max(1, values.size // _SAMPLE_PIXELS)])
