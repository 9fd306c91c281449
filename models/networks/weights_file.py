"""All weights of a Keras network in one small file: numpy's `.npz` with float16 arrays, one for each variable."""

from __future__ import annotations

import re
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
import numpy.typing as npt

from domain.errors import Misconfigured

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import keras

Array = npt.NDArray[np.float32]

SUFFIX = ".npz"
_ROUNDED_FROM = 1024
"""Arrays with fewer values stay float32: they cost nothing, and normalisations need the range."""
_EPOCH = (1980, 1, 1, 0, 0, 0)
"""The earliest time a zip file knows; with it the same network gives the same bytes."""


def round_weights(network: keras.Model) -> None:
    """Round the network's large arrays to what float16 can hold, so that every file of it holds the same network.

    Raises:
        ValueError: a weight is too large for float16.
    """
    network.set_weights([_rounded(value).astype(np.float32) for value in network.get_weights()])


def save_weights_npz(network: keras.Model, path: Path) -> None:
    """Write the weights, large arrays in float16; the same weights give the same bytes.

    Raises:
        ValueError: a weight is too large for float16.
    """
    values = [_rounded(value) for value in network.get_weights()]
    save_arrays(path, dict(zip(_keys(network), values, strict=True)))


def save_arrays(path: Path, arrays: Mapping[str, npt.NDArray[Any]]) -> None:
    """Write arrays as numpy's `.npz`; the same arrays give the same bytes, which `numpy.savez` does not promise."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w") as archive:
        for key, value in arrays.items():
            entry = zipfile.ZipInfo(f"{key}.npy", _EPOCH)
            entry.compress_type = zipfile.ZIP_DEFLATED
            with archive.open(entry, "w") as file:
                np.lib.format.write_array(file, np.ascontiguousarray(value), allow_pickle=False)


def load_weights_npz(network: keras.Model, source: Path | BinaryIO) -> None:
    """Read the weights that `save_weights_npz` wrote.

    Raises:
        Misconfigured: the file can't be read, or it belongs to another network.
    """
    place = source if isinstance(source, Path) else f"the weights of {network.name}"
    try:
        with np.load(source, allow_pickle=False) as file:
            stored = {key: file[key] for key in file.files}
    except (OSError, ValueError, zipfile.BadZipFile, EOFError) as error:
        raise Misconfigured(f"{place} can't be read as a file of weights: {error}") from error
    shapes = {key: tuple(variable.shape) for key, variable in zip(_keys(network), network.weights, strict=True)}
    if {key: value.shape for key, value in stored.items()} != shapes:
        raise Misconfigured(f"{place}: these are the weights of another network than {network.name}")
    network.set_weights([stored[key].astype(np.float32) for key in shapes])


def _keys(network: keras.Model) -> Iterator[str]:
    """Yield a name for each variable; the number Keras counts unnamed layers with depends on what was built before."""
    for number, variable in enumerate(network.weights):
        yield f"{number:04d}/{re.sub(r'_[0-9]+(?=/)', '', variable.path)}"


def _rounded(value: Array) -> npt.NDArray[np.floating]:
    if value.size < _ROUNDED_FROM:
        return np.asarray(value, dtype=np.float32)
    with np.errstate(over="ignore"):
        half = value.astype(np.float16)
    if not np.isfinite(half).all():
        raise ValueError("a weight is too large for float16")
    return half
