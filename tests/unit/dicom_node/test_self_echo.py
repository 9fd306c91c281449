"""The node's C-ECHO to itself: which answers show that it lives."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from dicom_node.access import Access, Caller, Rejection, TlsFiles
from dicom_node.receiver import Listener, Node, Sockets, listen
from dicom_node.self_echo import doors, is_answered, with_ourselves
from dicom_node.workload import Workload
from tests.certificates import certificates

XRAY = Caller(ae_title="XRAY1")


def listener(*, most: int = 10, callers: tuple[Caller, ...] = (XRAY,)) -> Listener:
    return Listener(
        host="127.0.0.1", port=0, access=Access(ae_title="HILUM", callers=callers, maximum_associations=most)
    )


@contextmanager
def sockets(of: Listener) -> Iterator[Sockets]:
    """Listen, though nobody accepts."""
    listening = listen(of)
    try:
        yield listening
    finally:
        listening.close()


@contextmanager
def node(of: Listener) -> Iterator[Sockets]:
    """A node that accepts."""
    with sockets(of) as listening:
        running = Node(of, listening, Workload(1, len(of.access.callers) + 1))
        running.start()
        try:
            yield listening
        finally:
            running.stop()


def lives(of: Listener, listening: Sockets) -> bool:
    return all(is_answered(door, timeout_s=1.0) for door in doors(of, listening))


def test_a_node_that_answers_lives() -> None:
    """Before it takes films, too."""
    anybody = listener(callers=())
    with node(anybody) as listening:
        assert lives(anybody, listening)


def test_a_node_that_has_too_many_callers_lives() -> None:
    """To be rejected is an answer, too."""
    full = listener(most=0)
    with node(full) as listening:
        assert lives(full, listening)


def test_a_node_whose_files_for_tls_are_replaced_by_wrong_ones_lives(tmp_path: Path) -> None:
    """It has those that it was started with; to end it would be the fault's worst hour."""
    own = certificates(tmp_path, "own")
    files = TlsFiles(port=0, certificate=own.certificate, key=own.key, client_authorities=None)
    secure = replace(listener(callers=()), tls=files)
    with node(secure) as listening:
        assert lives(secure, listening)
        own.key.write_text("no key")
        assert lives(secure, listening)
        own.key.unlink()
        assert lives(secure, listening)


def test_a_port_where_nobody_accepts_is_no_life() -> None:
    """The kernel alone takes the connection."""
    silent = listener()
    with sockets(silent) as listening:
        assert not lives(silent, listening)


def test_we_may_call_ourselves_from_here_only_and_send_nothing() -> None:
    """Nobody else gets in under our name."""
    with sockets(listener()) as listening:
        access = with_ourselves(listener(), listening).access
    assert access.rejection("HILUM", "HILUM", "127.0.0.1") is None
    assert access.rejection("HILUM", "HILUM", "192.0.2.1") is Rejection.CALLING_AE_TITLE_NOT_RECOGNISED
    assert (access.may_send("HILUM"), access.may_send("XRAY1")) == (False, True)


def test_a_peer_of_our_name_keeps_its_own_rules() -> None:
    """And where anybody may call, nothing is added."""
    twin = listener(callers=(replace(XRAY, ae_title="HILUM"),))
    with sockets(twin) as listening:
        assert with_ourselves(twin, listening) is twin
        assert not with_ourselves(listener(callers=()), listening).access.callers
