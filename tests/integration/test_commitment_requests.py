"""Requests for storage commitment to the running node: good ones, wrong ones, and ones from nobody we could answer."""

from __future__ import annotations

import pytest
from pydicom import Dataset
from pynetdicom import AE
from pynetdicom.sop_class import StorageCommitmentPushModel, StorageCommitmentPushModelInstance

from dicom_node.commitment import ActionStatus
from tests.integration.conftest import RunningNode

DX = "1.2.840.10008.5.1.4.1.1.1.1"


def asked(*instances: str, transaction: str | None = "2.25.99") -> Dataset:
    """Return the action information of a request."""
    information = Dataset()
    if transaction is not None:
        information.TransactionUID = transaction
    information.ReferencedSOPSequence = [Dataset() for _ in instances]
    for item, uid in zip(information.ReferencedSOPSequence, instances, strict=True):
        item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = DX, uid
    return information


def answer_to(
    port: int,
    information: Dataset,
    *,
    action: int = 1,
    instance: str = StorageCommitmentPushModelInstance,
    calling: str,
) -> int:
    """Send an N-ACTION and return its status."""
    entity = AE(ae_title=calling)
    entity.add_requested_context(StorageCommitmentPushModel)
    association = entity.associate("127.0.0.1", port, ae_title="HILUM")
    assert association.is_established
    response, _ = association.send_n_action(information, action, StorageCommitmentPushModel, instance)
    association.release()
    return int(response.Status)


def test_a_request_is_kept_before_it_is_answered(node: RunningNode) -> None:
    """Success means that its row and the job of its answer are committed."""
    rows, jobs = node.count("commitments"), node.count("jobs")
    assert answer_to(node.port, asked("2.25.1", "2.25.2"), calling="XRAY1") == ActionStatus.SUCCESS
    assert (node.count("commitments"), node.count("jobs")) == (rows + 1, jobs + 1)


def test_two_thousand_instances_are_one_request(node: RunningNode) -> None:
    """A modality may ask for a whole day."""
    many = [f"2.25.1234567890123456789012345678901234{number}" for number in range(2000)]
    assert answer_to(node.port, asked(*many, transaction="2.25.2000"), calling="XRAY1") == ActionStatus.SUCCESS


@pytest.mark.parametrize(
    ("information", "action", "instance", "expected"),
    [
        (asked(), 1, StorageCommitmentPushModelInstance, ActionStatus.INVALID_ARGUMENT_VALUE),
        (asked("2.25.1", transaction=None), 1, StorageCommitmentPushModelInstance, ActionStatus.INVALID_ARGUMENT_VALUE),
        (asked(""), 1, StorageCommitmentPushModelInstance, ActionStatus.INVALID_ARGUMENT_VALUE),
        (asked("2.25.1"), 2, StorageCommitmentPushModelInstance, ActionStatus.NO_SUCH_ACTION),
        (asked("2.25.1"), 1, "2.25.3", ActionStatus.NO_SUCH_SOP_INSTANCE),
    ],
)
def test_what_is_no_request_gets_its_status(
    node: RunningNode, information: Dataset, action: int, instance: str, expected: ActionStatus
) -> None:
    """Without instances, without transaction, without a UID, of another kind, to another object."""
    rows = node.count("commitments")
    status = answer_to(node.port, information, action=action, instance=instance, calling="XRAY1")
    assert (status, node.count("commitments")) == (expected, rows)


def test_a_peer_that_may_not_send_may_not_ask(node: RunningNode) -> None:
    """Nothing of it can be here."""
    assert answer_to(node.port, asked("2.25.1"), calling="VIEWER") == ActionStatus.NOT_AUTHORISED
