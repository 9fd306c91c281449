"""Peers that send anything: the node answers or aborts, never dies, never hangs, never grows."""

from __future__ import annotations

import select
import socket
import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import psutil
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRLittleEndian
from pynetdicom import AE, evt

from tests.films import film
from tests.integration.conftest import RunningNode
from tests.integration.test_node import DX, encoded, store_raw

PATIENCE_SECONDS = 20.0
"""Far longer than any answer takes; a node that is silent for so long hangs."""
LARGEST_GROWTH_BYTES = 30_000_000


def recorded(node: RunningNode) -> list[bytes]:
    """Return the PDUs of a good association: A-ASSOCIATE-RQ, C-STORE-RQ with its data, A-RELEASE-RQ."""
    sent: list[bytes] = []
    ae = AE(ae_title="XRAY1")
    ae.add_requested_context(DX, ExplicitVRLittleEndian)
    handlers = [(evt.EVT_DATA_SENT, lambda event: sent.append(bytes(event.data)))]
    association = ae.associate("127.0.0.1", node.port, ae_title="HILUM", evt_handlers=handlers)  # type: ignore[arg-type]
    assert association.send_c_store(film(50, rows=64)).Status == 0
    association.release()
    return sent


@pytest.fixture(scope="module")
def good(node: RunningNode) -> list[bytes]:
    """The PDUs of a good association, to be spoiled."""
    return recorded(node)


def talk(port: int, pieces: list[bytes], *, hear_first: float = 0.2) -> bytes:
    """Send bytes, close our half, and return what was answered before the node closed its own.

    The answer to the first piece is waited for, for some seconds: data before the association's acceptance is always
    aborted (PS3.8 Table 9-10, Sta3), so that nothing behind it would be looked at.
    """
    answered = b""
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_SECONDS) as connection:
        with suppress(BrokenPipeError, ConnectionResetError):
            for number, piece in enumerate(pieces):
                connection.sendall(piece)
                if number == 0:
                    select.select([connection], [], [], hear_first)
            connection.shutdown(socket.SHUT_WR)
        with suppress(ConnectionResetError):
            while piece := connection.recv(65536):
                answered += piece
    return answered


def receivers(node: RunningNode) -> list[psutil.Process]:
    return psutil.Process(node.hilum.process.pid).children()


@contextmanager
def unharmed(node: RunningNode) -> Iterator[None]:
    """Check that the same processes serve afterwards, with no more memory, and that nothing half-written is left."""
    before = {process.pid: process.memory_info().rss for process in receivers(node)}
    yield
    after = {process.pid: process.memory_info().rss for process in receivers(node)}
    assert after.keys() == before.keys()
    assert sum(after.values()) - sum(before.values()) < LARGEST_GROWTH_BYTES
    sent = film(51, rows=64)
    assert store_raw(node.port, encoded(sent), instance=str(sent.SOPInstanceUID)) == 0
    assert list((node.spool / "incoming").iterdir()) == []


def test_spoiled_associations_do_no_harm(node: RunningNode, good: list[bytes]) -> None:
    """Some hundred of them: bytes changed, taken out and put in, PDUs cut, doubled, left out and swapped."""

    @settings(max_examples=200, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck), database=None)
    @given(st.data())
    def spoil(data: st.DataObject) -> None:
        pdus = [bytearray(pdu) for pdu in good]
        for _ in range(data.draw(st.integers(1, 4))):
            damage(pdus, data)
        talk(node.port, [bytes(pdu) for pdu in pdus])

    with unharmed(node):
        spoil()


def damage(pdus: list[bytearray], data: st.DataObject) -> None:
    """Do one kind of damage somewhere, in the first bytes more often than later."""
    kind = data.draw(st.sampled_from(["change", "length", "cut", "insert", "double", "swap", "leave out"]))
    place = data.draw(st.integers(0, max(len(pdus) - 1, 0)))
    if not pdus or not pdus[place]:
        return
    pdu = pdus[place]
    position = data.draw(st.integers(0, min(len(pdu) - 1, data.draw(st.sampled_from([12, 100, len(pdu)])))))
    if kind == "change":
        pdu[position] = data.draw(st.integers(0, 255))
    elif kind == "length":
        pdu[2:6] = struct.pack(">I", data.draw(st.sampled_from([0, 1, 5, 1000, 2**18, 2**31, 2**32 - 1])))
    elif kind == "cut":
        del pdu[position:]
    elif kind == "insert":
        pdu[position:position] = data.draw(st.binary(max_size=20))
    elif kind == "double":
        pdus.insert(place, bytearray(pdu))
    elif kind == "swap":
        pdus[0], pdus[place] = pdus[place], pdus[0]
    else:
        del pdus[place]


@pytest.mark.parametrize("length", [2**18 + 1, 2**31, 2**32 - 1])
def test_a_pdu_longer_than_agreed_ends_the_association(node: RunningNode, good: list[bytes], length: int) -> None:
    """An A-ABORT, before any of it is read (PS3.8 Section 9.3.8)."""
    with unharmed(node):
        answered = talk(node.port, [good[0], struct.pack(">BxI", 4, length)])
    assert answered[-10:-8] == b"\x07\x00"


@pytest.mark.parametrize("first", [b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01\x02\x00\x01", bytes(1000), b""])
def test_callers_of_other_protocols_are_hung_up_on(node: RunningNode, first: bytes) -> None:
    """A browser, a TLS client, a port scanner."""
    with unharmed(node):
        talk(node.port, [first])


def test_deep_sequences_are_stored_or_refused(node: RunningNode) -> None:
    """Ten thousand levels in a few kilobytes, before the identifiers."""
    begin = struct.pack("<HH2sHI", 0x0008, 0x1110, b"SQ", 0, 2**32 - 1) + struct.pack("<HHI", 0xFFFE, 0xE000, 2**32 - 1)
    end = struct.pack("<HHIHHI", 0xFFFE, 0xE00D, 0, 0xFFFE, 0xE0DD, 0)
    content = encoded(film(52, rows=64))
    place = content.index(struct.pack("<HH", 0x0010, 0x0010))
    deep = content[:place] + begin * 10_000 + end * 10_000 + content[place:]
    with unharmed(node):
        assert store_raw(node.port, deep, instance=str(film(52, rows=64).SOPInstanceUID)) in (0, 0xC000)


def test_a_deflated_bomb_is_not_inflated_by_the_node(node: RunningNode) -> None:
    """A megabyte that promises a gigabyte, before the identifiers."""
    press = zlib.compressobj(9, wbits=-zlib.MAX_WBITS)
    bomb = press.compress(struct.pack("<HH2sHI", 0x0008, 0x0001, b"OB", 0, 2**30))
    for _ in range(64):
        bomb += press.compress(bytes(2**24))
    bomb += press.flush()
    with unharmed(node):
        assert store_raw(node.port, bomb, instance="1.2.3.4.5", syntax=DeflatedExplicitVRLittleEndian) == 0xC000
