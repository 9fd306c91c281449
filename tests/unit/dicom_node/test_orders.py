"""What a header tells of its order."""

from __future__ import annotations

import pytest
from pydicom import Dataset
from pynetdicom.dsutils import encode

from dicom_node.identifiers import short_values
from dicom_node.orders import WANTED, order_from
from domain.priority import Order

EXPLICIT = "1.2.840.10008.1.2.1"


def order_of(header: Dataset) -> Order:
    content = encode(header, is_implicit_vr=False, is_little_endian=True)
    assert content is not None
    return order_from(short_values(content, EXPLICIT, WANTED, whole=True), "XRAY1")


def test_a_header_without_an_order_tells_its_sender() -> None:
    """And no more."""
    header = Dataset()
    header.PatientID = "P1"
    assert order_of(header) == Order(calling_ae_title="XRAY1")


def test_priority_and_places_are_found() -> None:
    """Department, requesting service and current location, in this order."""
    header = Dataset()
    header.RequestedProcedurePriority = "STAT"
    header.CurrentPatientLocation = "ER-2"
    header.RequestingService = "Emergency"
    header.InstitutionalDepartmentName = "Radiology"
    expected = Order(calling_ae_title="XRAY1", requested_priority="STAT", locations=("Radiology", "Emergency", "ER-2"))
    assert order_of(header) == expected


@pytest.mark.parametrize(
    ("character_set", "place"),
    [("ISO_IR 100", "Médecine"), ("ISO_IR 144", "Скорая"), ("ISO_IR 192", "急診"), (["", "ISO 2022 IR 87"], "救急")],
)
def test_places_are_read_in_the_headers_character_set(character_set: str | list[str], place: str) -> None:
    """A pattern is written as people write the place."""
    header = Dataset()
    header.SpecificCharacterSet = character_set
    header.RequestingService = place
    assert order_of(header).locations == (place,)


def test_an_unknown_character_set_breaks_nothing() -> None:
    """What is ASCII in it is read."""
    values = {0x00080005: b"NONSENSE", 0x00321033: b"Emergency "}
    assert order_from(values, "XRAY1").locations == ("Emergency",)
