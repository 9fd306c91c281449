from __future__ import annotations

import os
import pickle
import struct
from collections import OrderedDict
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from models.networks.torch_file import read_tensors

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

MAGIC = 0x1950A86A20F9469CFC6C


class _Named:
    """Pickled by its name in a module that need not exist, as PyTorch's functions are."""

    def __init__(self, module: str, name: str) -> None:
        self.module, self.name = module, name


class _Call:
    """Pickled as a call, as PyTorch's tensors are."""

    def __init__(self, function: Any, *arguments: Any) -> None:  # noqa: ANN401 - whatever a pickle holds
        self.function, self.arguments = function, arguments

    def __reduce__(self) -> tuple[Any, ...]:
        return self.function, self.arguments


class _Storage:
    def __init__(self, key: str, size: int) -> None:
        self.key, self.size = key, size


class _Pickler(pickle._Pickler):  # type: ignore[name-defined]  # the one in Python, which can be taught names
    """Writes what `torch.save` wrote before version 1.6, without PyTorch."""

    def save(self, obj: Any, **options: Any) -> Any:  # noqa: ANN401 - as in the standard library
        if isinstance(obj, _Named):
            self.write(b"c" + f"{obj.module}\n{obj.name}\n".encode())
            return None
        return super().save(obj, **options)

    def save_reduce(self, func: Any, args: Any, *rest: Any, obj: Any = None, **options: Any) -> None:  # noqa: ANN401 - as above
        if isinstance(func, _Named):
            self.save(func)
            self.save(args)
            self.write(pickle.REDUCE)
            return
        super().save_reduce(func, args, *rest, obj=obj, **options)

    def persistent_id(self, obj: Any) -> Any:  # noqa: ANN401 - as above
        if isinstance(obj, _Storage):
            return ("storage", _Named("torch", "FloatStorage"), obj.key, "cpu", obj.size, None)
        return None


def _tensor(storage: _Storage, offset: int, shape: tuple[int, ...], strides: tuple[int, ...]) -> _Call:
    rebuild = _Named("torch._utils", "_rebuild_tensor_v2")
    return _Call(rebuild, storage, offset, shape, strides, False, OrderedDict())  # noqa: FBT003 - as PyTorch does


def _write(path: Path, state: Any, values: list[float], *, magic: int = MAGIC) -> Path:  # noqa: ANN401 - as above
    with path.open("wb") as file:
        for content in (magic, 1001, {"little_endian": True}, state, ["0"]):
            _Pickler(file, 2).dump(content)
        file.write(struct.pack(f"<q{len(values)}f", len(values), *values))
    return path


STORAGE = _Storage("0", 6)


def test_tensors_come_back_with_their_names(tmp_path: Path) -> None:
    """Offset and shape say which part of the storage a tensor is."""
    state = OrderedDict(a=_tensor(STORAGE, 0, (2, 2), (2, 1)), b=_tensor(STORAGE, 4, (2,), (1,)))
    tensors = read_tensors(_write(tmp_path / "w.pth", state, [0, 1, 2, 3, 4, 5]))
    assert tensors["a"].tolist() == [[0, 1], [2, 3]]
    assert tensors["b"].tolist() == [4, 5]
    assert tensors["a"].dtype == np.float32


def test_a_single_number_is_a_tensor(tmp_path: Path) -> None:
    """A tensor without axes, as PyTorch's counters are, is read too."""
    state = OrderedDict(a=_tensor(STORAGE, 3, (), ()))
    assert read_tensors(_write(tmp_path / "w.pth", state, [0, 1, 2, 3, 4, 5]))["a"] == 3


def test_strides_are_followed(tmp_path: Path) -> None:
    """A transposed tensor is read as it was meant."""
    state = OrderedDict(a=_tensor(STORAGE, 0, (3, 2), (1, 3)))
    assert read_tensors(_write(tmp_path / "w.pth", state, [0, 1, 2, 3, 4, 5]))["a"].tolist() == [[0, 3], [1, 4], [2, 5]]


@pytest.mark.parametrize(
    "tensor",
    [
        _tensor(STORAGE, 5, (2,), (1,)),
        _tensor(STORAGE, 0, (2, 4), (4, 1)),
        _tensor(STORAGE, -1, (2,), (1,)),
        _tensor(STORAGE, 0, (2,), (-1,)),
        _tensor(STORAGE, 5, (3,), (-2,)),
        _tensor(STORAGE, 2, (2, 2), (4, -3)),
    ],
    ids=["end", "too large", "offset", "backwards", "backwards inside", "mixed"],
)
def test_a_tensor_outside_of_its_storage_is_refused(tmp_path: Path, tensor: _Call) -> None:
    """Memory beside the file's own values is never read."""
    with pytest.raises(ValueError, match="outside of its storage"):
        read_tensors(_write(tmp_path / "w.pth", OrderedDict(a=tensor), [0, 1, 2, 3, 4, 5]))


def test_code_in_a_file_is_not_run(tmp_path: Path) -> None:
    """A file that wants to call anything but the making of a tensor is refused, and nothing is called."""
    trap = tmp_path / "trap"
    state = OrderedDict(a=_Call(os.mkdir, str(trap)))
    with pytest.raises(ValueError, match=r"wants \w+\.mkdir, which is no tensor"):
        read_tensors(_write(tmp_path / "w.pth", state, []))
    assert not trap.exists()


def _other_magic(path: Path) -> None:
    _write(path, OrderedDict(), [], magic=1)


def _plain_pickle(path: Path) -> None:
    path.write_bytes(pickle.dumps({"a": 1}))


def _text(path: Path) -> None:
    path.write_text("not a pickle")


def _list(path: Path) -> None:
    _write(path, [1, 2], [])


@pytest.mark.parametrize("make", [_other_magic, _plain_pickle, _text, _list])
def test_another_file_is_refused(tmp_path: Path, make: Callable[[Path], None]) -> None:
    """What is no weights file is named, whatever it is."""
    make(tmp_path / "w.pth")
    with pytest.raises(ValueError, match=r"w\.pth is not a weights file"):
        read_tensors(tmp_path / "w.pth")


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.99])
def test_a_truncated_file_is_refused(tmp_path: Path, share: float) -> None:
    """A file that ends too early gives no tensors at all, wherever it ends."""
    state = OrderedDict(a=_tensor(_Storage("0", 40), 0, (40,), (1,)))
    path = _write(tmp_path / "w.pth", state, [0.5] * 40)
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    with pytest.raises(ValueError, match="not a weights file"):
        read_tensors(path)
