"""Messages within an association that no peer should send: answered, or the end of that association alone."""

from __future__ import annotations

import random
import socket
import struct
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress

import pytest
from pydicom import Dataset
from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian
from pynetdicom.dsutils import encode
from pynetdicom.pdu import A_ASSOCIATE_RQ
from pynetdicom.pdu_primitives import (
    A_ASSOCIATE,
    ImplementationClassUIDNotification,
    MaximumLengthNotification,
)
from pynetdicom.presentation import build_context

from dicom_node.contexts import RECEIVED_SOP_CLASSES, STORAGE_COMMITMENT, VERIFICATION
from tests.films import film
from tests.integration.conftest import RunningNode
from tests.integration.test_hostile_peers import PATIENCE_SECONDS, talk, unharmed
from tests.integration.test_node import DX, encoded, store_raw
from tests.mutations import nested, spoiled
from tests.peers import wait_for

ECHO, STORE, COMMIT, STORE_DEFLATED, STORE_IMPLICIT = 1, 3, 5, 7, 9
"""Presentation context IDs of `request`."""
COMMAND, DATA, LAST = 1, 0, 2
OPEN_END = 2**32 - 1
RELEASED, ABORT = 0x06, 0x07
RELEASE = struct.pack(">BxII", 5, 4, 0)


def request(contexts: list[tuple[int, str, str]] | None = None) -> bytes:
    """Return an A-ASSOCIATE-RQ of XRAY1's."""
    primitive = A_ASSOCIATE()
    primitive.application_context_name = "1.2.840.10008.3.1.1.1"
    primitive.calling_ae_title, primitive.called_ae_title = "XRAY1", "HILUM"
    length, implementation = MaximumLengthNotification(), ImplementationClassUIDNotification()
    length.maximum_length_received, implementation.implementation_class_uid = 16384, "1.2.3"
    primitive.user_information = [length, implementation]
    built = []
    for number, abstract, syntax in contexts or [
        (ECHO, VERIFICATION, ImplicitVRLittleEndian),
        (STORE, DX, ExplicitVRLittleEndian),
        (COMMIT, STORAGE_COMMITMENT, ExplicitVRLittleEndian),
        (STORE_DEFLATED, DX, DeflatedExplicitVRLittleEndian),
        (STORE_IMPLICIT, DX, ImplicitVRLittleEndian),
    ]:
        context = build_context(abstract, syntax)
        context.context_id = number
        built.append(context)
    primitive.presentation_context_definition_list = built
    pdu = A_ASSOCIATE_RQ()
    pdu.from_primitive(primitive)
    return bytes(pdu.encode())


def pdata(*values: tuple[int, int, bytes]) -> bytes:
    """Return a P-DATA-TF PDU of (context, control, fragment)."""
    body = b"".join(struct.pack(">IBB", len(data) + 2, context, control) + data for context, control, data in values)
    return struct.pack(">BxI", 4, len(body)) + body


def command(**values: object) -> bytes:
    """Return a command set."""
    dataset = Dataset()
    for keyword, value in values.items():
        setattr(dataset, keyword, value)
    content = encode(dataset, is_implicit_vr=True, is_little_endian=True)
    assert content is not None
    return content


def store(instance: str, context: int = STORE, **more: object) -> tuple[int, int, bytes]:
    values = {"AffectedSOPClassUID": DX, "CommandField": 1, "MessageID": 7, "Priority": 0, "CommandDataSetType": 1}
    return context, COMMAND | LAST, command(**{**values, "AffectedSOPInstanceUID": instance, **more})


def action(**more: object) -> tuple[int, int, bytes]:
    values = {
        "RequestedSOPClassUID": STORAGE_COMMITMENT,
        "CommandField": 0x0130,
        "MessageID": 7,
        "CommandDataSetType": 1,
        "RequestedSOPInstanceUID": "1.2.840.10008.1.20.1.1",
        "ActionTypeID": 1,
    }
    return COMMIT, COMMAND | LAST, command(**{**values, **more})


def echo(context: int = ECHO, **more: object) -> bytes:
    values = {"AffectedSOPClassUID": VERIFICATION, "CommandField": 0x30, "MessageID": 1, "CommandDataSetType": 0x0101}
    return pdata((context, COMMAND | LAST, command(**{**values, **more})))


def converse(port: int, *pieces: bytes) -> bytes:
    """Open a good association, send what is to follow, and return all that is answered to its end.

    The end is a release, an abort, or a connection that the node closes; ours stays open until then.
    """
    answered = b""
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_SECONDS) as connection:
        with suppress(BrokenPipeError, ConnectionResetError):
            connection.sendall(request())
            answered += connection.recv(65536)
            for piece in pieces:
                connection.sendall(piece)
        with suppress(ConnectionResetError):
            while not {RELEASED, ABORT} & set(kinds(answered)) and (piece := connection.recv(65536)):
                answered += piece
    return answered


def kinds(answered: bytes) -> list[int]:
    """Return the types of the PDUs that were answered."""
    found, position = [], 0
    while position + 6 <= len(answered):
        kind, length = struct.unpack_from(">BxI", answered, position)
        found.append(kind)
        position += 6 + length
    return found


def data_set(number: int) -> bytes:
    return encoded(film(number, rows=64))


def test_a_well_behaved_peer_is_served(node: RunningNode) -> None:
    """What the other tests spoil works as it is: accepted, echoed, stored, released."""
    sent = film(400, rows=64)
    stored = pdata(store(str(sent.SOPInstanceUID)), (STORE, DATA | LAST, encoded(sent)))
    assert kinds(converse(node.port, echo(), stored, RELEASE)) == [2, 4, 4, 6]


STRANGE_MESSAGES = {
    "an echo in a context of films": echo(STORE),
    "an echo in a context that was not accepted": echo(99),
    "a film in a context that was not accepted": pdata(store("1.2.3", 99), (99, DATA | LAST, b"")),
    "a film in the context of echo": pdata(store("1.2.3", ECHO), (ECHO, DATA | LAST, b"")),
    "a command that nobody knows": echo(CommandField=0x7777),
    "a response that nobody asked for": echo(CommandField=0x8030, MessageIDBeingRespondedTo=5, Status=0),
    "a response to a film": pdata(store("1.2.3", CommandField=0x8001, CommandDataSetType=0x0101, Status=0)),
    "a query": pdata(store("1.2.3", CommandField=0x20), (STORE, DATA | LAST, b"")),
    "a cancellation": echo(CommandField=0x0FFF, MessageIDBeingRespondedTo=5),
    "an echo with data": pdata(
        (ECHO, COMMAND | LAST, command(CommandField=0x30, MessageID=1, CommandDataSetType=1)), (ECHO, LAST, b"abc")
    ),
    "an echo without its class": pdata(
        (ECHO, COMMAND | LAST, command(CommandField=0x30, MessageID=1, CommandDataSetType=0x0101))
    ),
    "a film of another class": pdata(store("1.2.3", AffectedSOPClassUID="1.2.840.10008.5.1.4.1.1.2"), (STORE, 2, b"")),
    "data in another context than its command": pdata(store("1.2.3"), (STORE_IMPLICIT, DATA | LAST, b"")),
    "a command within a film": pdata(store("1.2.3"), (STORE, DATA, b"ab"), store("1.2.4")),
    "two films interleaved": pdata(store("1.2.3"), store("1.2.4", STORE_IMPLICIT), (STORE, DATA, b"a")),
    "data before any command": pdata((STORE, DATA | LAST, b"abc")),
    "a value of no length": pdata((STORE, COMMAND, b"")),
    "a PDU without values": struct.pack(">BxI", 4, 0),
    "a value that says more than there is": struct.pack(">BxIIBB", 4, 6, OPEN_END, STORE, 3),
    "a value that says less than its own head": struct.pack(">BxIIBB", 4, 6, 1, STORE, 3),
    "an empty command set": pdata((STORE, COMMAND | LAST, b"")),
    "an endless command set": pdata(*[(STORE, COMMAND, bytes(2000))] * 100),
    "control bits that are not defined": pdata((STORE, 0xFF, bytes(8))),
}


@pytest.mark.parametrize("name", STRANGE_MESSAGES)
def test_a_strange_message_is_answered_or_ends_the_association(node: RunningNode, name: str) -> None:
    """An answer, an abort or a closed connection, at once; never silence."""
    with unharmed(node):
        answered = kinds(converse(node.port, STRANGE_MESSAGES[name], RELEASE))
    assert answered[0] == 2
    assert set(answered[1:]) <= {4, 6, ABORT}


STRANGE_REQUESTS = {
    "every number of context": request([(number, DX, ExplicitVRLittleEndian) for number in range(1, 256, 2)]),
    "the same number for all": request([(1, sop_class, ExplicitVRLittleEndian) for sop_class in RECEIVED_SOP_CLASSES]),
    "classes that nobody knows": request([(1, f"1.2.{'9' * 50}", "1.2.3.4"), (3, "1.2", "1.2")]),
    "a length of nothing": struct.pack(">BxI", 1, 0),
    "a length of all": struct.pack(">BxI", 1, OPEN_END),
    "zeros": struct.pack(">BxI", 1, 68) + bytes(68),
    "four thousand contexts": struct.pack(">BxI", 1, 68 + 4000 * 40)
    + struct.pack(">HH16s16s32s", 1, 0, b"HILUM", b"XRAY1", b"")
    + (struct.pack(">BxHBxxx", 0x20, 36, 1) + struct.pack(">BxH28s", 0x30, 28, b"1.2")) * 4000,
    "a release first": RELEASE,
    "an acceptance": b"\x02" + request()[1:],
}


@pytest.mark.parametrize("name", STRANGE_REQUESTS)
def test_a_strange_request_for_an_association_is_answered(node: RunningNode, name: str) -> None:
    """Accepted, rejected, aborted or hung up on."""
    with unharmed(node):
        answered = kinds(talk(node.port, [STRANGE_REQUESTS[name], echo(), RELEASE]))
    assert set(answered) <= {2, 3, 4, 6, ABORT}


def broken_data_sets() -> Iterator[bytes]:
    good = data_set(401)
    patient = good.index(struct.pack("<HH", 0x0010, 0x0010))
    yield b""
    yield bytes(1000)
    yield struct.pack("<HH2sH", 8, 0x18, b"UI", 0) + struct.pack("<HH2sH", 0x20, 0xD, b"UI", 0)
    yield struct.pack("<HH2sHI", 8, 0x1140, b"SQ", 0, OPEN_END) + bytes(5000)
    yield struct.pack("<HH2sHI", 8, 0x1140, b"SQ", 0, OPEN_END) * 5000
    yield struct.pack("<HH2sHI", 8, 1, b"UN", 0, OPEN_END) + struct.pack("<HHI", 0xFFFE, 0xE000, OPEN_END) * 5000
    yield good[:patient] + nested(10_000, defined=True) + good[patient:]
    yield good[:patient] + nested(10_000)[: 20 * 9000] + good[patient:]
    yield good[:patient] + struct.pack("<HH2sHI", 8, 0x9999, b"OB", 0, OPEN_END - 1) + good[patient:]
    yield good[:patient] + struct.pack("<HH2sH", 8, 0x9999, b"LO", 0) * 50_000 + good[patient:]


def test_broken_data_sets_are_stored_or_refused(node: RunningNode) -> None:
    """Sequences without end, lengths that lie, nothing at all, in each way to write them."""
    with unharmed(node):
        for content in broken_data_sets():
            for context in (STORE, STORE_DEFLATED, STORE_IMPLICIT):
                message = pdata(store("1.2.3", context)), *pieces(content, context)
                assert kinds(converse(node.port, *message, RELEASE)) == [2, 4, 6]


def pieces(content: bytes, context: int, size: int = 10_000) -> list[bytes]:
    """Return a data set as P-DATA-TF PDUs."""
    starts = range(0, max(len(content), 1), size)
    return [
        pdata((context, DATA | (LAST if start == starts[-1] else 0), content[start : start + size])) for start in starts
    ]


def commitment(count: int = 3) -> bytes:
    information = Dataset()
    information.TransactionUID = "1.2.3.4"
    information.ReferencedSOPSequence = [Dataset() for _ in range(count)]
    for number, item in enumerate(information.ReferencedSOPSequence):
        item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = DX, f"1.2.3.{number}"
    return encoded(information)


STRANGE_ACTIONS = {
    "no data": b"",
    "zeros": bytes(100),
    "text": b"Please keep my films." * 10,
    "a cut sequence": commitment()[:-25],
    "no instances": commitment(0),
    "ten thousand levels": nested(10_000),
    "ten thousand levels, closed": nested(10_000, defined=True),
    "a sequence without an end": struct.pack("<HH2sHI", 8, 0x1199, b"SQ", 0, OPEN_END) + bytes(64),
    "more than any request has": commitment() + struct.pack("<HH2sHI", 9, 1, b"OB", 0, 2**21) + bytes(2**21),
}


@pytest.mark.parametrize("name", STRANGE_ACTIONS)
def test_a_broken_request_for_commitment_is_refused(node: RunningNode, name: str) -> None:
    """A status or an abort, and no request is kept."""
    before = node.count("commitments")
    with unharmed(node):
        answered = converse(node.port, pdata(action()), *pieces(STRANGE_ACTIONS[name], COMMIT), RELEASE)
    assert kinds(answered) in ([2, 4, 6], [2, ABORT], [2, 4, ABORT], [2])
    assert node.count("commitments") == before


def test_a_request_for_commitment_without_its_arguments_is_answered(node: RunningNode) -> None:
    """Without action, class or instance in the command set."""
    with unharmed(node):
        for missing in ({"ActionTypeID": 9}, {"RequestedSOPInstanceUID": "1.2"}, {"CommandDataSetType": 0x0101}):
            sent = [pdata(action(**missing))]
            if "CommandDataSetType" not in missing:
                sent += pieces(commitment(), COMMIT)
            assert kinds(converse(node.port, *sent, RELEASE))[0] == 2


@contextmanager
def silent(port: int, *sent: bytes) -> Iterator[None]:
    """Send something, and then nothing until the block ends."""
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_SECONDS) as connection:
        for piece in sent:
            connection.sendall(piece)
            if piece == request():
                assert kinds(connection.recv(65536)) == [2]
        yield


def test_peers_that_fall_silent_keep_nobody_waiting(node: RunningNode) -> None:
    """Thirty of them, some before the association, some within a PDU, some within a film; another is served."""
    begun = pdata(store("1.2.3"), (STORE, DATA, data_set(402)[:4000]))
    with unharmed(node), ExitStack() as waiting:
        for sent in ([], [request()[:50]], [request()], [request(), begun], [request(), begun[:-9]]) * 6:
            waiting.enter_context(silent(node.port, *sent))
        wait_for(lambda: list((node.spool / "incoming").iterdir()))
        served = film(403, rows=64)
        assert store_raw(node.port, encoded(served), instance=str(served.SOPInstanceUID)) == 0
        waiting.close()
        wait_for(lambda: not list((node.spool / "incoming").iterdir()))


def test_spoiled_messages_do_no_harm(node: RunningNode) -> None:
    """Six hundred associations with seeds of their own, spoiled behind the request, in commands and data alike."""
    stored = pdata(store("1.2.3")) + b"".join(pieces(data_set(404), STORE, 3000))
    asked = pdata(action()) + b"".join(pieces(commitment(), COMMIT))
    with unharmed(node):
        for seed in range(600):
            whole = random.Random(seed).choice([stored, asked, echo() + stored + asked])  # noqa: S311 - repeatable
            talk(node.port, [request(), spoiled(whole, seed), RELEASE], hear_first=PATIENCE_SECONDS)
