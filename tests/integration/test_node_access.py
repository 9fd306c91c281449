"""Who is let in, tried by dcmtk: addresses, limits, TLS with and without certificates."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from pydicom.uid import UID
from pynetdicom import AE
from pynetdicom.pdu import A_ASSOCIATE_RQ
from pynetdicom.pdu_primitives import A_ASSOCIATE, ImplementationClassUIDNotification, MaximumLengthNotification
from pynetdicom.presentation import VerificationPresentationContexts

from tests.certificates import certificates
from tests.conftest import migrated
from tests.films import film, saved
from tests.peers import echoscu, free_port, hilum, settings_file, storescu


@dataclass
class Node:
    """A running node by its ports."""

    port: int
    tls_port: int


@contextmanager
def running(embedded_url: str, folder: Path, *, node: dict[str, Any], peer: dict[str, Any]) -> Iterator[Node]:
    port, tls_port = free_port(), free_port()
    if "tls_certificate" in node:
        node = {**node, "tls_port": tls_port}
    with migrated(embedded_url) as engine:
        config = settings_file(
            folder,
            home=str(folder / "home"),
            database={"url": engine.url.render_as_string(hide_password=False)},
            node={"port": port, **node},
            peers=[{"name": "xray", "ae_title": "XRAY1", "host": "127.0.0.1", "port": 1, "may_send": True, **peer}],
        )
        with hilum(config, "node") as started:
            started.wait_until("node-ready")
            yield Node(port, tls_port)


@pytest.mark.peers
def test_a_title_from_a_wrong_address_is_rejected(embedded_url: str, tmp_path: Path) -> None:
    """The title alone proves nothing."""
    with running(embedded_url, tmp_path, node={}, peer={"sends_from": ["192.0.2.0/24"]}) as node:
        assert not echoscu(node.port)


@pytest.mark.peers
def test_a_wrong_called_title_is_rejected_where_it_is_checked(embedded_url: str, tmp_path: Path) -> None:
    """Dcmtk's echoscu calls HILUM."""
    with running(embedded_url, tmp_path, node={"check_called_ae_title": True, "ae_title": "OTHER"}, peer={}) as node:
        assert not echoscu(node.port)
    with running(embedded_url, tmp_path, node={"check_called_ae_title": True}, peer={}) as node:
        assert echoscu(node.port)


def test_the_associations_of_a_peer_are_limited(embedded_url: str, tmp_path: Path) -> None:
    """The third is rejected for the moment; when one ends there is room again."""
    ae = AE(ae_title="XRAY1")
    ae.requested_contexts = VerificationPresentationContexts
    with running(embedded_url, tmp_path, node={"processes": 2}, peer={"maximum_associations": 2}) as node:

        def call() -> Any:  # noqa: ANN401 - pynetdicom's association
            return ae.associate("127.0.0.1", node.port, ae_title="HILUM")

        first, second, third = call(), call(), call()
        assert [one.is_established for one in (first, second, third)] == [True, True, False]
        assert third.acceptor.primitive.result == 2
        first.release()
        deadline = time.monotonic() + 20
        while not (again := call()).is_established and time.monotonic() < deadline:
            time.sleep(0.1)
        assert again.is_established
        again.release()
        second.release()


@pytest.mark.peers
def test_over_tls_a_certificate_opens_the_door(embedded_url: str, tmp_path: Path) -> None:
    """A client of our authority is served; one of another, one without, and one in plain words are not."""
    own, strange = certificates(tmp_path, "own"), certificates(tmp_path, "strange")
    tls = {
        "tls_certificate": str(own.certificate),
        "tls_key": str(own.key),
        "tls_client_authorities": str(own.authority),
    }
    path = saved(film(1), tmp_path)

    def send(port: int, *options: str | Path) -> bool:
        return storescu(port, path, options=tuple(map(str, options)))[0] == 0

    with running(embedded_url, tmp_path, node=tls, peer={}) as node:
        trust = ("+cf", own.authority)
        assert send(node.tls_port, "+tls", own.key, own.certificate, *trust)
        assert not send(node.tls_port, "+tls", strange.key, strange.certificate, *trust)
        assert not send(node.tls_port, "+tla", *trust)
        assert not send(node.tls_port)
        assert send(node.port)


def ask(calling: str) -> bytes:
    """Return an A-ASSOCIATE-RQ for digital X-rays as it goes over the network."""
    ae = AE(ae_title=calling)
    ae.add_requested_context("1.2.840.10008.5.1.4.1.1.1.1", "1.2.840.10008.1.2.1")
    request = A_ASSOCIATE()
    request.calling_ae_title, request.called_ae_title = calling, "HILUM"
    request.application_context_name = "1.2.840.10008.3.1.1.1"
    contexts = ae.requested_contexts
    contexts[0].context_id = 1
    request.presentation_context_definition_list = contexts
    length, uid = MaximumLengthNotification(), ImplementationClassUIDNotification()
    length.maximum_length_received, uid.implementation_class_uid = 16384, UID("1.2.3.4")
    request.user_information = [length, uid]
    pdu = A_ASSOCIATE_RQ()
    pdu.from_primitive(request)
    return bytes(pdu.encode())


BEGUN = b"\x04\x00\x00\x00\x10\x00"
"""A P-DATA-TF PDU that promises four thousand bytes."""


@pytest.mark.parametrize(
    ("timeout", "said"),
    [("acse", []), ("dimse", [ask("XRAY1"), BEGUN]), ("idle", [ask("XRAY1")])],
)
def test_a_caller_that_falls_silent_is_left(embedded_url: str, tmp_path: Path, timeout: str, said: list[bytes]) -> None:
    """Before it asks for an association, within a message, between messages; each has a time of its own."""
    node_settings: dict[str, Any] = {f"{timeout}_timeout_seconds": 0.5}
    with (
        running(embedded_url, tmp_path, node=node_settings, peer={}) as node,
        socket.create_connection(("127.0.0.1", node.port)) as caller,
    ):
        caller.settimeout(20)
        answers = []
        for pdu in [*said, b""]:
            caller.sendall(pdu)
            if pdu != BEGUN:
                answers.append(caller.recv(4096)[:1])
    accepted, aborted, closed = b"\x02", b"\x07", b""
    assert answers == {"acse": [closed], "dimse": [accepted, closed], "idle": [accepted, aborted]}[timeout]


@pytest.mark.peers
def test_silent_callers_on_the_tls_port_delay_nobody(embedded_url: str, tmp_path: Path) -> None:
    """Two hundred connections that never shake hands."""
    own = certificates(tmp_path, "own")
    tls = {"tls_certificate": str(own.certificate), "tls_key": str(own.key)}
    with running(embedded_url, tmp_path, node=tls, peer={}) as node, ExitStack() as stack:
        for _ in range(200):
            stack.enter_context(socket.create_connection(("127.0.0.1", node.tls_port)))
        for _ in range(3):
            assert (
                storescu(node.tls_port, saved(film(1), tmp_path), options=("+tla", "+cf", str(own.authority)))[0] == 0
            )
