"""Messages taken over real connections on a loopback port."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from ipaddress import ip_network
from pathlib import Path

import pytest

from domain.errors import Misconfigured
from ris.listener import Door, Listener, ServerTls
from tests.certificates import certificates
from tests.fakes import RecordedEvents
from tests.report_sender import Conversation, conversation
from tests.ris_peer import END, START

DOOR = Door(host="127.0.0.1", port=0, timeout_s=5.0)


def echo(message: bytes) -> bytes:
    return b"MSA|AA|" + message + b"\r"


@contextmanager
def listening(
    door: Door = DOOR, events: RecordedEvents | None = None, answer: Callable[[bytes], bytes] = echo
) -> Iterator[int]:
    listener, stop = Listener(door, answer, events or RecordedEvents()), threading.Event()
    thread = threading.Thread(target=listener.serve, args=(stop, lambda _: None))
    thread.start()
    try:
        yield listener.port
    finally:
        stop.set()
        thread.join()


def test_a_connection_carries_many_messages() -> None:
    """One after the other, also where they come together; each is answered in order."""
    with listening() as port, conversation(port) as talk:
        talk.send(b"1", b"2")
        assert [talk.hear(), talk.hear()] == ["MSA|AA|1", "MSA|AA|2"]
        talk.send(b"3")
        assert talk.hear() == "MSA|AA|3"


def test_a_message_may_come_byte_by_byte() -> None:
    """The end may be cut in two, noise before the start is passed over, and a start within is a part of the text."""
    with listening() as port, conversation(port) as talk:
        for byte in b"\r\nnoise" + START + b"one" + START + b"two" + END:
            talk.connection.sendall(bytes([byte]))
        assert talk.hear() == "MSA|AA|one\x0btwo"


def test_senders_do_not_wait_for_each_other() -> None:
    """One that begins a message and is silent holds up nobody."""
    with listening() as port, conversation(port) as slow, conversation(port) as quick:
        slow.connection.sendall(START + b"half")
        quick.send(b"whole")
        assert quick.hear() == "MSA|AA|whole"
        slow.connection.sendall(b" and half" + END)
        assert slow.hear() == "MSA|AA|half and half"


def test_a_message_without_end_is_refused() -> None:
    """Before it fills the memory; the connection is closed."""
    with listening(replace(DOOR, longest_bytes=1000)) as port, conversation(port) as talk:
        talk.connection.sendall(START + b"x" * 1001)
        assert talk.hear() == "MSA|AR||too long"
        assert talk.hear() == ""


@pytest.mark.parametrize("begun", [b"", START + b"half"])
def test_a_silent_sender_is_left(begun: bytes) -> None:
    """Within a message, and between two."""
    with listening(replace(DOOR, timeout_s=0.1, idle_timeout_s=0.1)) as port, conversation(port) as talk:
        talk.connection.sendall(begun)
        assert talk.connection.recv(1) == b""


def test_an_error_that_nobody_foresaw_is_told_without_its_text() -> None:
    """Python would write it, and with it what the report says, to standard error; the next connection is served."""
    events = RecordedEvents()

    def fail(message: bytes) -> bytes:
        if message == b"1":
            raise RuntimeError("SECRET")
        return echo(message)

    with listening(events=events, answer=fail) as port:
        with conversation(port) as talk:
            talk.send(b"1")
            assert talk.hear() == ""
        with conversation(port) as talk:
            talk.send(b"2")
            assert talk.hear() == "MSA|AA|2"
    assert events.told == [("error", "report-not-answered", {"error": "RuntimeError"})]


def test_only_named_addresses_may_send() -> None:
    """Others are hung up on."""
    events = RecordedEvents()
    with listening(replace(DOOR, networks=[ip_network("10.1.0.0/16")]), events) as port, conversation(port) as talk:
        assert talk.connection.recv(1) == b""
    assert [name for _, name, _ in events.told] == ["report-sender-refused"]
    assert replace(DOOR, networks=[ip_network("10.1.0.0/16")]).lets_in("::ffff:10.1.2.3")


def test_it_ends_while_senders_are_connected() -> None:
    """Their connections are closed; a restart would find the port free."""
    with listening() as port:
        talk = socket.create_connection(("127.0.0.1", port), 30)
        Conversation(talk).send(b"1")
        Conversation(talk).hear()
    with talk:
        assert talk.recv(1) == b""
    with socket.create_server(("127.0.0.1", port)):
        pass


def answer_over(port: int, context: ssl.SSLContext | None) -> str:
    """Return what a sender hears; nothing where it is hung up on."""
    connection = socket.create_connection(("127.0.0.1", port), 30)
    with connection if context is None else context.wrap_socket(connection, server_hostname="127.0.0.1") as opened:
        try:
            Conversation(opened).send(b"1")
            return Conversation(opened).hear()
        except OSError:
            return ""


def test_over_tls_a_sender_needs_a_certificate_where_authorities_are_named(tmp_path: Path) -> None:
    """And gets its answer; without one it gets none, nor does one that speaks no TLS."""
    own, theirs = certificates(tmp_path, "hilum"), certificates(tmp_path, "ris")
    tls = ServerTls(certificate=own.certificate, key=own.key, client_authorities=theirs.authority)
    nobody, known = (ssl.create_default_context(cafile=own.authority) for _ in range(2))
    known.load_cert_chain(theirs.certificate, theirs.key)
    with listening(replace(DOOR, tls=tls)) as port:
        assert [answer_over(port, context) for context in (None, nobody, known)] == ["", "", "MSA|AA|1"]


def test_a_port_that_is_taken_is_said_at_once() -> None:
    """And a certificate that is none."""
    with listening() as port, pytest.raises(Misconfigured, match=f"127.0.0.1:{port}"):
        Listener(replace(DOOR, port=port), echo, RecordedEvents())
    with pytest.raises(Misconfigured, match="TLS"):
        Listener(
            replace(DOOR, tls=ServerTls(certificate=Path("none.pem"), key=Path("none.pem"))), echo, RecordedEvents()
        )
