"""Read the tensors of a PyTorch weights file without PyTorch.

Understands the format of `torch.save` before PyTorch 1.6, in which the ImageNet weights of EfficientNet-Lite are
published: five pickles (magic number, protocol, system, state, keys of the storages), then the storages' bytes.
"""

from __future__ import annotations

import pickle
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_MAGIC = 0x1950A86A20F9469CFC6C
_STORAGE_TYPES = {"FloatStorage": np.dtype("<f4"), "LongStorage": np.dtype("<i8")}
_COUNT = np.dtype("<i8")


@dataclass(frozen=True, slots=True)
class _Storage:
    key: str
    dtype: np.dtype[Any]


@dataclass(frozen=True, slots=True)
class _Tensor:
    storage: _Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]
    """Distance of neighbours along each axis, in values."""

    def read(self, storages: dict[str, npt.NDArray[Any]]) -> npt.NDArray[Any]:
        values = storages[self.storage.key]
        last = self.offset + sum((size - 1) * stride for size, stride in zip(self.shape, self.strides, strict=True))
        if min((self.offset, *self.shape, *self.strides)) < 0 or last >= len(values):
            raise pickle.UnpicklingError("a tensor lies outside of its storage")
        steps = [stride * values.itemsize for stride in self.strides]
        return np.ascontiguousarray(np.lib.stride_tricks.as_strided(values[self.offset :], self.shape, steps))


def _rebuild(storage: _Storage, offset: int, shape: tuple[int, ...], strides: tuple[int, ...], *_: object) -> _Tensor:
    return _Tensor(storage, offset, shape, strides)


class _Unpickler(pickle.Unpickler):
    """Builds nothing but tensors: a weights file from elsewhere must not run code."""

    def find_class(self, module: str, name: str) -> Any:  # noqa: ANN401 - as in the standard library
        known: dict[tuple[str, str], object] = {
            ("collections", "OrderedDict"): OrderedDict,
            ("torch._utils", "_rebuild_tensor_v2"): _rebuild,
            **{("torch", kind): dtype for kind, dtype in _STORAGE_TYPES.items()},
        }
        if (module, name) not in known:
            raise pickle.UnpicklingError(f"the file wants {module}.{name}, which is no tensor")
        return known[module, name]

    def persistent_load(self, pid: Any) -> _Storage:  # noqa: ANN401 - as in the standard library
        _, dtype, key, *_ = pid
        return _Storage(key=key, dtype=dtype)


def read_tensors(path: Path) -> dict[str, npt.NDArray[Any]]:
    """Return the tensors of a weights file by name, in C order with PyTorch's axes: float32, counters int64.

    Raises:
        ValueError: the file is no such weights file, or it is damaged.
        OSError: the file can't be read.
    """
    try:
        with path.open("rb") as file:
            if _Unpickler(file).load() != _MAGIC:
                raise ValueError(f"{path} is not a weights file of PyTorch before 1.6")
            _protocol, _system, state = (_Unpickler(file).load() for _ in range(3))
            tensors = {name: value for name, value in state.items() if isinstance(value, _Tensor)}
            storages = _read_storages(file, _Unpickler(file).load(), tensors.values())
            return {name: tensor.read(storages) for name, tensor in tensors.items()}
    except (pickle.UnpicklingError, EOFError, AttributeError, KeyError, TypeError) as error:
        raise ValueError(f"{path} is not a weights file of PyTorch before 1.6: {error}") from error


def _read_storages(file: BinaryIO, keys: Sequence[str], tensors: Any) -> dict[str, npt.NDArray[Any]]:  # noqa: ANN401 - a view of a dict
    dtypes = {tensor.storage.key: tensor.storage.dtype for tensor in tensors}
    storages = {}
    for key in keys:
        count = int(np.frombuffer(file.read(_COUNT.itemsize), _COUNT)[0])
        storages[key] = np.frombuffer(file.read(count * dtypes[key].itemsize), dtypes[key])
        if len(storages[key]) != count:
            raise EOFError("it ends too early")
    return storages
