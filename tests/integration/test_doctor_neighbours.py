"""Those around Hilum as `hilum doctor` finds them: there, away, or with a certificate that has expired."""

from __future__ import annotations

import gc
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from pynetdicom.sop_class import EnhancedSRStorage

from hilum.doctor import neighbours, store
from hilum.doctor.check import Outcome
from hilum.settings import Settings
from tests.browser import serving
from tests.certificates import certificates
from tests.doctoring import outcome_of, said, settings_of
from tests.identity_provider import IdentityProvider
from tests.integration.test_peers_command import pacs
from tests.object_store import ObjectStore
from tests.peers import free_port
from tests.ris_peer import listening
from tests.unit.dicom_node.test_audit_messages import listening as audit_listening
from tests.unit.ris.test_courier import secured


def with_peer(folder: Path, port: int, **keys: object) -> Settings:
    peer = {"name": "pacs", "ae_title": "PACS", "host": "127.0.0.1", "port": port, **keys}
    return settings_of(folder, peers=[peer])


def test_a_peer_that_takes_what_it_is_sent_is_well(tmp_path: Path) -> None:
    """It is asked, and sent nothing."""
    with pacs(EnhancedSRStorage) as port:
        assert outcome_of(neighbours.peer(with_peer(tmp_path, port, receives_results=True), "pacs")) is Outcome.OK


def test_a_peer_that_takes_no_report_is_a_failure(tmp_path: Path) -> None:
    """Though it answers."""
    with pacs() as port:
        found = list(neighbours.peer(with_peer(tmp_path, port, receives_results=True), "pacs"))
    assert [one.outcome for one in found] == [Outcome.OK, Outcome.FAILURE]


@pytest.mark.filterwarnings(
    "ignore::pytest.PytestUnraisableExceptionWarning"
)  # pynetdicom drops the unconnected socket
def test_a_peer_that_is_away_is_a_failure_where_it_is_sent_something(tmp_path: Path) -> None:
    """One that only sends may be switched off."""
    receiver = with_peer(tmp_path, free_port(), receives_results=True)
    assert "hilum peers test pacs" in said(neighbours.peer(receiver, "pacs"))
    assert outcome_of(neighbours.peer(receiver, "pacs")) is Outcome.FAILURE
    assert outcome_of(neighbours.peer(with_peer(tmp_path, free_port()), "pacs")) is Outcome.WARNING
    gc.collect()  # for the line above the test


@pytest.mark.peers
def test_a_ris_whose_certificate_has_expired_is_a_failure(tmp_path: Path) -> None:
    """In these words."""
    own = certificates(tmp_path, "ris", days=-1)
    with listening(secured(own)) as port:
        table = {"name": "ris", "host": "127.0.0.1", "port": port, "tls": True, "tls_authorities": str(own.authority)}
        routes = [{"objects": ["message"], "peers": ["ris"]}]
        found = list(neighbours.peer(settings_of(tmp_path, ris=[table], routes=routes), "ris"))
    assert outcome_of(found) is Outcome.FAILURE
    assert "certificate has expired" in said(found)


@pytest.mark.peers
@pytest.mark.parametrize(("days", "words"), [(-1, "certificate has expired"), (2, "")])
def test_an_audit_repository_is_called_and_told_nothing(tmp_path: Path, days: int, words: str) -> None:
    """If its certificate holds."""
    own = certificates(tmp_path, "audit", days=days)
    with audit_listening(own) as repository:
        table = {"syslog_host": "127.0.0.1", "syslog_port": repository.port, "tls_authorities": str(own.authority)}
        found = list(neighbours.audit_repository(settings_of(tmp_path, audit=table)))
        assert repository.done.wait(10)
    assert words in said(found)
    assert outcome_of(found) is (Outcome.FAILURE if words else Outcome.OK)
    assert repository.received == b""


def test_an_identity_provider_says_who_it_is(tmp_path: Path) -> None:
    """One that calls itself by another name, or is away, is a failure."""
    made = IdentityProvider()
    with serving(made.application()) as address:
        settings = settings_of(tmp_path, oidc={"issuer": address})
        assert "another name" in said(neighbours.identity_provider(settings))
        made.issuer = address
        assert outcome_of(neighbours.identity_provider(settings)) is Outcome.OK
    assert "can't be reached" in said(neighbours.identity_provider(settings))


@contextmanager
def greeting(words: bytes) -> Iterator[int]:
    """A mail server that greets whoever connects with these words, and can nothing but that and a farewell."""

    def serve(server: socket.socket) -> None:
        connection, _ = server.accept()
        with connection, connection.makefile("rb") as lines:
            connection.sendall(words)
            for line in lines:
                connection.sendall(b"221 bye\r\n" if line.upper().startswith(b"QUIT") else b"250 ok\r\n")

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=serve, args=(server,), daemon=True)
        thread.start()
        yield server.getsockname()[1]
        thread.join(10)


def mail(folder: Path, port: int, **keys: Any) -> Settings:  # noqa: ANN401 - whatever is set
    return settings_of(folder, alarm={"smtp_host": "127.0.0.1", "smtp_port": port, "mail_to": ["a@b"], **keys})


def test_a_mail_server_is_greeted(tmp_path: Path) -> None:
    """One that is away, or that has no TLS where it is set, is a failure."""
    with greeting(b"220 mail\r\n") as port:
        assert outcome_of(neighbours.mail_server(mail(tmp_path, port))) is Outcome.OK
    with greeting(b"220 mail\r\n") as port:
        assert "smtp_starttls" in said(neighbours.mail_server(mail(tmp_path, port, smtp_starttls=True)))
    assert "Connection refused" in said(neighbours.mail_server(mail(tmp_path, free_port())))


def test_a_webhook_is_reached_and_its_address_not_shown(tmp_path: Path) -> None:
    """It may hold a key."""
    with greeting(b"") as port:
        there = settings_of(tmp_path, alarm={"webhook": f"http://127.0.0.1:{port}/key"})
        assert outcome_of(neighbours.webhook(there)) is Outcome.OK
    found = list(neighbours.webhook(there))
    assert outcome_of(found) is Outcome.FAILURE
    assert "key" not in said(found)


@pytest.mark.peers
def test_a_webhook_whose_certificate_has_expired_is_a_failure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its authority is one of the system's."""
    own = certificates(tmp_path, "hook", days=-1)
    monkeypatch.setenv("SSL_CERT_FILE", str(own.authority))
    with listening(secured(own)) as port:
        settings = settings_of(tmp_path, alarm={"webhook": f"https://127.0.0.1:{port}/"})
        assert "certificate has expired" in said(neighbours.webhook(settings))


def test_a_bucket_takes_an_object_and_gives_it_up(tmp_path: Path, s3: ObjectStore) -> None:
    """Nothing stays, there or here."""
    bucket = s3.new_bucket()
    settings = settings_of(tmp_path, store=s3.table(bucket))
    (found,) = store.store(settings)
    assert found.seen == f"s3://{bucket}/films: an object was put, read, listed, deleted"
    assert s3.keys(bucket) == set()
    assert not settings.home.exists()


def test_a_bucket_that_is_not_there_is_a_failure(tmp_path: Path, s3: ObjectStore) -> None:
    """With the rights that are needed."""
    assert "s3:PutObject" in said(store.store(settings_of(tmp_path, store=s3.table("no-such-bucket"))))
