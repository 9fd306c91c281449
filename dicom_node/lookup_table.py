"""Lookup tables in a film's header (PS3.3 C.11.1.1.1 and C.11.2.1.1), of any number of bits and in every packing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

_ENTRIES_OF_ZERO = 2**16
"""A descriptor has 16 bits for the number of entries, and says 65536 as 0."""
_LARGEST_SIGNED = 2**15 - 1
_MOST_BITS = 16
_EIGHT_BITS = 8


@dataclass(frozen=True, kw_only=True, slots=True)
class LookupTable:
    """Values out for consecutive values in; what lies before or behind them takes the first or last."""

    first: int
    """The value that is given the first entry."""
    entries: npt.NDArray[np.float64]
    largest: float
    """What the bits of an entry can hold at most."""

    @classmethod
    def from_item(cls, item: Dataset, *, order: str) -> LookupTable:
        """Read an item of Modality LUT Sequence or VOI LUT Sequence.

        Args:
            item: the item.
            order: `<` or `>`, how words are written in the file.

        Raises:
            ValueError: the descriptor is none, or there are fewer entries than it says.
        """
        count, first, bits = (int(value) for value in item.LUTDescriptor)
        count = count % _ENTRIES_OF_ZERO or _ENTRIES_OF_ZERO
        if not 1 <= bits <= _MOST_BITS:
            raise ValueError("entries of so many bits can't be")
        entries = _words(item.LUTData, count, order)[:count]
        if len(entries) < count:
            raise ValueError("fewer entries than the descriptor says")
        if bits <= _EIGHT_BITS:
            entries = entries & 0xFF
        return cls(first=first, entries=entries.astype(np.float64), largest=2.0**bits - 1.0)

    def look_up(self, values: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
        """Return the entries of the values, which are rounded to whole ones."""
        first = self.first
        if first > _LARGEST_SIGNED and values.size and values.min() < 0:
            first -= _ENTRIES_OF_ZERO  # a negative number, written as if there were none
        places = np.clip(np.rint(values) - first, 0, len(self.entries) - 1)
        return np.asarray(self.entries[places.astype(np.intp)])


def _words(data: Any, count: int, order: str) -> npt.NDArray[Any]:  # noqa: ANN401 - bytes as OW, numbers as US
    """Return the entries: two bytes each, or one where there are too few for that (PS3.3 C.11.1.1.1, note)."""
    if not isinstance(data, bytes | bytearray):
        return np.atleast_1d(np.asarray(data, dtype=np.int64)) & 0xFFFF
    if len(data) >= 2 * count:
        return np.frombuffer(data, f"{order}u2", count=count).astype(np.int64)
    return np.frombuffer(data, "u1").astype(np.int64)
