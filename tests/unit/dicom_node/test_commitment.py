"""Answers to storage commitment on their way: every reply of a modality, given by a real one on a loopback port."""

from __future__ import annotations

import pytest
from pynetdicom.sop_class import Verification

from dicom_node.commitment import CommitmentSender
from dicom_node.requestor import PeerAddress
from domain.commitment import CommitmentReport, FailureReason, Reference
from domain.errors import Permanent, Transient
from domain.ids import AeTitle, SopInstanceUid
from tests.modality import Modality, listening

DX = "1.2.840.10008.5.1.4.1.1.1.1"
SAFE = Reference(sop_class_uid=DX, sop_instance_uid=SopInstanceUid("2.25.1"))
LOST = Reference(sop_class_uid=DX, sop_instance_uid=SopInstanceUid("2.25.2"))


def answer(peer: PeerAddress, *, failed: bool = False) -> None:
    reasons = ((LOST, FailureReason.NO_SUCH_OBJECT_INSTANCE),) if failed else ()
    report = CommitmentReport(peer="xray", transaction_uid="2.25.99", committed=(SAFE,), failed=reasons)
    CommitmentSender(peers=[peer], calling=AeTitle("HILUM"), timeout_s=5).report(report)


def test_all_committed_is_event_type_one() -> None:
    """The instances are listed, and no failures (PS3.4 Table J.3-2)."""
    modality = Modality()
    with listening(modality) as peer:
        answer(peer)
    ((kind, information),) = modality.heard
    assert (kind, information.TransactionUID, "FailedSOPSequence" in information) == (1, "2.25.99", False)
    assert [item.ReferencedSOPInstanceUID for item in information.ReferencedSOPSequence] == ["2.25.1"]


def test_a_failure_is_event_type_two_with_its_reason() -> None:
    """What is safe is listed beside what is not."""
    modality = Modality()
    with listening(modality) as peer:
        answer(peer, failed=True)
    ((kind, information),) = modality.heard
    (failed,) = information.FailedSOPSequence
    assert (kind, failed.ReferencedSOPInstanceUID, failed.FailureReason) == (2, "2.25.2", 0x0112)
    assert len(information.ReferencedSOPSequence) == 1


@pytest.mark.parametrize(("status", "kind"), [(0x0213, Transient), (0x0110, Transient), (0x0115, Permanent)])
def test_a_refused_answer_is_tried_again_or_held(status: int, kind: type[Exception]) -> None:
    """Resource limitation passes; an invalid argument does not."""
    with listening(Modality(status)) as peer, pytest.raises(kind, match=f"0x{status:04X}"):
        answer(peer)


def test_a_modality_without_the_service_is_permanent() -> None:
    """It asked, but does not listen for the answer."""
    with listening(Modality(), Verification) as peer, pytest.raises(Permanent, match="storage commitment"):
        answer(peer)


def test_a_modality_that_left_the_settings_is_permanent() -> None:
    """An operator took it out while its answer waited."""
    report = CommitmentReport(peer="xray", transaction_uid="2.25.99", committed=(SAFE,), failed=())
    with pytest.raises(Permanent, match="not configured"):
        CommitmentSender(peers=[], calling=AeTitle("HILUM")).report(report)
