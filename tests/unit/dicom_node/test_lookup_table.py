"""Lookup tables as devices write them."""

from __future__ import annotations

import numpy as np
import pytest
from pydicom import Dataset

from dicom_node.lookup_table import LookupTable
from dicom_node.pixels import render
from domain.film import NotClassifiable, Unsuitable
from tests.variants import made, with_voi_table


def item(descriptor: list[int], data: object, vr: str = "OW") -> Dataset:
    written = Dataset()
    written.add_new("LUTDescriptor", "SS" if descriptor[1] < 0 else "US", descriptor)
    written.add_new("LUTData", vr, data)
    return written


@pytest.mark.parametrize("order", ["<", ">"])
def test_values_before_and_behind_take_the_first_and_last_entry(order: str) -> None:
    """PS3.3 C.11.1.1: 10 is the first value that the table maps."""
    words = np.array([5, 6, 900], f"{order}u2").tobytes()
    table = LookupTable.from_item(item([3, 10, 12], words), order=order)
    assert table.look_up(np.array([0, 10, 11.4, 12, 99])).tolist() == [5, 5, 6, 900, 900]


@pytest.mark.parametrize(("data", "vr"), [(b"\1\2\3\0", "OW"), (b"\1\xff\2\xff\3\xff", "OW"), ([1, 2, 3], "US")])
def test_eight_bits_are_read_in_every_packing(data: object, vr: str) -> None:
    """Bytes, words with anything above, and numbers."""
    table = LookupTable.from_item(item([3, 0, 8], data, vr), order="<")
    assert (table.entries.tolist(), table.largest) == ([1, 2, 3], 255)


def test_zero_entries_are_65536() -> None:
    """The descriptor has no room for that number."""
    table = LookupTable.from_item(item([0, 0, 16], np.arange(65536).astype("<u2").tobytes()), order="<")
    assert table.look_up(np.array([65535])).tolist() == [65535]


def test_a_negative_first_value_may_be_written_as_unsigned() -> None:
    """Some devices write the descriptor as US although the pixels are signed."""
    table = LookupTable.from_item(item([3, 65535, 8], [7, 8, 9], "US"), order="<")
    assert table.look_up(np.array([-1, 0, 1])).tolist() == [7, 8, 9]


@pytest.mark.parametrize("descriptor", [[9, 0, 8], [3, 0, 0], [3, 0, 17], [3, 0]])
def test_a_table_that_cannot_be_is_corrupt(descriptor: list[int]) -> None:
    """Too few entries, no bits, too many, no descriptor."""
    with pytest.raises(NotClassifiable) as problem:
        render(with_voi_table(made(), item(descriptor, [1, 2, 3], "US")))
    assert problem.value.reason is Unsuitable.PIXELS_CORRUPT
