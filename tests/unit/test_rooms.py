"""The serving side stays light: what a process loads."""

from __future__ import annotations

import subprocess
import sys

import pytest

PROBE = """
import sys
{load}
heavy = sorted({{"tensorflow", "keras", "torch", "highdicom", "onnxruntime", "reportlab"}} & set(sys.modules))
print(*heavy)
"""


@pytest.mark.parametrize(
    ("load", "allowed"),
    [
        ("import hilum.cli, hilum.roles, dicom_node.receiver, db.intake", set()),
        ("import dicom_node.report, models.classifier, hilum.classify, worker.loop", {"highdicom", "onnxruntime"}),
    ],
    ids=["node", "worker"],
)
def test_a_process_loads_no_training_toolkit(load: str, allowed: set[str]) -> None:
    """TensorFlow is neither in the node nor in the worker, and the node has no network and no report writer."""
    command = [sys.executable, "-W", "ignore", "-c", PROBE.format(load=load)]
    loaded = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
    assert set(loaded) <= allowed
