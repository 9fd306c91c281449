"""The running node, driven by dcmtk and by requests that no well-behaved sender makes."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path

import pydicom
import pytest
from pydicom import Dataset
from pydicom.uid import CTImageStorage
from pynetdicom import AE
from pynetdicom.association import Association
from pynetdicom.dimse_primitives import C_STORE
from pynetdicom.dsutils import encode

from dicom_node.contexts import COMPRESSED, RECEIVED_SOP_CLASSES, UNCOMPRESSED
from tests.films import PATIENT, copy_of, film, saved
from tests.integration.conftest import RunningNode
from tests.peers import Hilum, echoscu, free_port, hilum, settings_file, storescu, wait_for

DX = RECEIVED_SOP_CLASSES[1]
EXPLICIT = UNCOMPRESSED[0]


@contextmanager
def association(port: int, syntax: str = EXPLICIT) -> Iterator[Association]:
    """Open an association as XRAY1 for digital X-rays."""
    ae = AE(ae_title="XRAY1")
    ae.add_requested_context(DX, syntax)
    opened = ae.associate("127.0.0.1", port, ae_title="HILUM")
    assert opened.is_established
    try:
        yield opened
    finally:
        opened.release()


def store_raw(port: int, content: bytes, *, instance: str, sop_class: str = DX, syntax: str = EXPLICIT) -> int:
    """C-STORE any bytes under any identifiers; return the status."""
    with association(port, syntax) as opened:
        request = C_STORE()
        request.MessageID = 1
        request.AffectedSOPClassUID = sop_class
        request.AffectedSOPInstanceUID = instance
        request.Priority = 2
        request.DataSet = BytesIO(content)
        opened._reactor_checkpoint.clear()
        opened.dimse.send_msg(request, opened.accepted_contexts[0].context_id)
        _, response = opened.dimse.get_msg(block=True)
        opened._reactor_checkpoint.set()
        return int(response.Status)


def encoded(dataset: Dataset) -> bytes:
    content = encode(dataset, is_implicit_vr=False, is_little_endian=True)
    assert content is not None
    return content


@pytest.mark.peers
def test_echoscu_is_answered(node: RunningNode) -> None:
    """C-ECHO from a known caller."""
    assert echoscu(node.port)


@pytest.mark.peers
def test_an_unknown_caller_is_rejected(node: RunningNode) -> None:
    """Only peers may open associations."""
    assert not echoscu(node.port, calling="STRANGER")


@pytest.mark.peers
def test_a_peer_that_may_not_send_is_answered_but_not_heard(node: RunningNode, tmp_path: Path) -> None:
    """Its C-ECHO succeeds, its film is refused as not authorised, and nothing of it is kept."""
    before = (node.files(), node.count("instances"))
    assert echoscu(node.port, calling="VIEWER")
    _, said = storescu(node.port, saved(film(1), tmp_path), calling="VIEWER")
    assert "Status: 0x124" in said
    assert (node.files(), node.count("instances")) == before


@pytest.mark.peers
def test_a_stored_film_is_on_disk_unmodified_and_in_the_database(node: RunningNode, tmp_path: Path) -> None:
    """The data set in the spool is byte for byte the one that was sent."""
    before, rows = node.files(), node.count("instances")
    sent = film(1)
    status, said = storescu(node.port, saved(sent, tmp_path))
    assert (status, node.count("instances")) == (0, rows + 1), said
    (new,) = set(node.files()) - set(before)
    assert new.read_bytes().endswith(encoded(sent))
    assert pydicom.dcmread(new).file_meta.TransferSyntaxUID == EXPLICIT


@pytest.mark.peers
def test_a_film_sent_twice_is_kept_once(node: RunningNode, tmp_path: Path) -> None:
    """Both times the answer is success."""
    file = saved(film(2), tmp_path)
    assert storescu(node.port, file)[0] == 0
    before = (node.files(), node.count("instances"), node.count("jobs"))
    assert storescu(node.port, file)[0] == 0
    assert (node.files(), node.count("instances"), node.count("jobs")) == before


@pytest.mark.peers
def test_other_content_under_a_known_uid_is_kept_beside_the_first(node: RunningNode, tmp_path: Path) -> None:
    """Both were acknowledged, so both are there; the first one counts."""
    first = film(3)
    storescu(node.port, saved(first, tmp_path))
    before = {path: path.read_bytes() for path in node.files()}
    changed = copy_of(first)
    changed.PatientID = "OTHER"
    rows = node.count("instances")
    assert storescu(node.port, saved(changed, tmp_path, "changed.dcm"))[0] == 0
    (aside,) = set(node.files()) - before.keys()
    assert {path: path.read_bytes() for path in before} == before
    assert aside.read_bytes().endswith(encoded(changed))
    assert node.count("instances") == rows


@pytest.mark.peers
def test_a_ct_slice_gets_no_presentation_context(node: RunningNode, tmp_path: Path) -> None:
    """What is no chest film is refused at the negotiation."""
    ct = copy_of(film(4))
    ct.SOPClassUID = ct.file_meta.MediaStorageSOPClassUID = CTImageStorage
    status, said = storescu(node.port, saved(ct, tmp_path))
    assert status != 0
    assert "presentation context" in said.lower()


def test_every_transfer_syntax_is_accepted(node: RunningNode) -> None:
    """For CR, DX for presentation and DX for processing."""
    ae = AE(ae_title="XRAY1")
    for sop_class in RECEIVED_SOP_CLASSES:
        for syntax in (*UNCOMPRESSED, *COMPRESSED):
            ae.add_requested_context(sop_class, syntax)
    opened = ae.associate("127.0.0.1", node.port, ae_title="HILUM")
    accepted = {(str(context.abstract_syntax), context.transfer_syntax[0]) for context in opened.accepted_contexts}
    opened.release()
    expected = {(sop_class, syntax) for sop_class in RECEIVED_SOP_CLASSES for syntax in (*UNCOMPRESSED, *COMPRESSED)}
    assert accepted == expected


@pytest.mark.parametrize("keyword", ["StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID", "SOPClassUID"])
def test_a_film_without_an_identifier_is_not_understood(node: RunningNode, keyword: str) -> None:
    """0xC000, and nothing is kept."""
    broken = copy_of(film(5))
    instance = str(broken.SOPInstanceUID)
    delattr(broken, keyword)
    before = node.files()
    assert store_raw(node.port, encoded(broken), instance=instance) == 0xC000
    assert node.files() == before


@pytest.mark.parametrize(
    "content",
    [bytes(40), b"This is a letter, not a film. " * 50, b"\x08\x00\x18\x00UI\xff\xff1.2"],
    ids=["zeros", "letter", "cut"],
)
def test_bytes_that_are_no_data_set_are_not_understood(node: RunningNode, content: bytes) -> None:
    """0xC000, and the node goes on."""
    assert store_raw(node.port, content, instance="1.2.3") == 0xC000
    assert store_raw(node.port, encoded(film(6)), instance=str(film(6).SOPInstanceUID)) == 0x0000


def test_a_command_for_another_instance_is_refused(node: RunningNode) -> None:
    """0xA900: the data set does not match the request."""
    assert store_raw(node.port, encoded(film(7)), instance="1.2.3.4") == 0xA900


def test_the_log_holds_nothing_of_the_patient(node: RunningNode) -> None:
    """Neither name nor id nor a study's UID, whatever was received or refused."""
    sent = film(8)
    store_raw(node.port, encoded(sent), instance=str(sent.SOPInstanceUID))
    store_raw(node.port, encoded(sent), instance="1.2.3.4")
    text = node.hilum.log.read_text()
    assert [word for word in (PATIENT, "SECRET-ID", str(sent.StudyInstanceUID)) if word in text] == []


def test_the_node_never_loads_tensorflow(node: RunningNode) -> None:
    """Nor any other network runtime: nothing of them is mapped into its memory."""
    store_raw(node.port, encoded(film(9)), instance=str(film(9).SOPInstanceUID))
    own = node.hilum.process.pid
    receivers = Path(f"/proc/{own}/task/{own}/children").read_text().split()
    mapped = "".join(Path(f"/proc/{pid}/maps").read_text().lower() for pid in receivers)
    assert "psycopg2" in mapped
    assert [name for name in ("tensorflow", "onnxruntime", "torch") if name in mapped] == []


@pytest.mark.peers
def test_without_a_database_senders_are_told_to_try_again(tmp_path: Path) -> None:
    """The node answers C-ECHO and refuses films as out of resources (0xA700)."""
    port = free_port()
    config = settings_file(
        tmp_path,
        home=str(tmp_path / "home"),
        database={"url": f"postgresql+psycopg2://hilum@127.0.0.1:{free_port()}/hilum"},
        node={"port": port},
    )
    with hilum(config, "node"):
        wait_for(lambda: echoscu(port))
        assert store_raw(port, encoded(film(1)), instance=str(film(1).SOPInstanceUID)) == 0xA700


def test_a_port_in_use_is_said(node: RunningNode, tmp_path: Path) -> None:
    """The second node ends with status 2 and names address and settings."""
    config = settings_file(tmp_path, home=str(tmp_path / "home"), node={"port": node.port})
    with hilum(config, "node") as second:
        assert second.process.wait(30) == 2
    assert f"127.0.0.1:{node.port}" in (text := second.log.read_text())
    assert "node.port" in text


def test_a_node_stops_when_asked(database_url: str, tmp_path: Path) -> None:
    """SIGTERM ends it with status 0."""
    config = settings_file(
        tmp_path, home=str(tmp_path / "home"), database={"url": database_url}, node={"port": free_port()}
    )
    with hilum(config, "node") as running:
        running.wait_until("node-ready")
        assert running.stop(signal.SIGTERM) == 0
        assert isinstance(running, Hilum)
