"""Requests for storage commitment to the running node: good ones, wrong ones, and ones from nobody we could answer."""

from __future__ import annotations

import pytest
from pydicom import Dataset
from pynetdicom.sop_class import StorageCommitmentPushModelInstance

from dicom_node.commitment import ActionStatus
from tests.integration.conftest import RunningNode
from tests.modality import answer_to, asked


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
