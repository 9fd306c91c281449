"""Command sets: read and written as pynetdicom does it, and nothing else taken for one."""

from __future__ import annotations

from contextlib import suppress
from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.dataset import Dataset
from pynetdicom.dsutils import decode as reference_decode
from pynetdicom.dsutils import encode as reference_encode

from dicom_node.command_set import C_STORE_RQ, Command, NotACommandSet, decode, store_response
from tests.mutations import spoiled


def request(instance: str = "1.2.3.4") -> Dataset:
    command = Dataset()
    command.AffectedSOPClassUID = "1.2.840.10008.5.1.4.1.1.1.1"
    command.CommandField = C_STORE_RQ
    command.MessageID = 7
    command.Priority = 0
    command.CommandDataSetType = 1
    command.AffectedSOPInstanceUID = instance
    return command


def encoded(command: Dataset) -> bytes:
    content = reference_encode(command, is_implicit_vr=True, is_little_endian=True)
    assert content is not None
    return content


@pytest.mark.parametrize("instance", ["1.2.3.4", "1.2.3.45"])
def test_a_request_is_read(instance: str) -> None:
    """With an even and an odd number of characters."""
    assert decode(encoded(request(instance))) == Command(
        field=C_STORE_RQ,
        message_id=7,
        data_set_type=1,
        sop_class_uid="1.2.840.10008.5.1.4.1.1.1.1",
        sop_instance_uid=instance,
    )


@pytest.mark.parametrize("instance", ["1.2.3.4", "1.2.3.45"])
def test_a_response_is_understood_elsewhere(instance: str) -> None:
    """PS3.7 Table 9.3-2, with a correct group length."""
    content = store_response(decode(encoded(request(instance))), 0xA700)
    response = reference_decode(BytesIO(content), is_implicit_vr=True, is_little_endian=True)
    assert (response.CommandField, response.MessageIDBeingRespondedTo, response.Status) == (0x8001, 7, 0xA700)
    assert (response.AffectedSOPInstanceUID, response.CommandDataSetType) == (instance, 0x0101)
    assert response.CommandGroupLength == len(content) - 12


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(content: bytes) -> None:
    """Nothing else is ever raised."""
    with suppress(NotACommandSet):
        decode(content)


@given(st.integers(0, 2**32))
def test_a_spoiled_command_set_is_read_or_refused(seed: int) -> None:
    """Bytes changed, moved, put in and taken out, lengths that lie."""
    with suppress(NotACommandSet):
        decode(spoiled(encoded(request()), seed))


@given(st.integers(0, 2**32))
def test_what_is_read_can_be_answered(seed: int) -> None:
    """Identifiers that are none make no response that can't be written."""
    with suppress(NotACommandSet):
        response = store_response(decode(spoiled(encoded(request()), seed)), 0xC000)
        assert decode(response).field == 0x8001
