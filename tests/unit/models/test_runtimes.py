from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import numpy as np
import pytest

from domain.errors import Misconfigured
from models.classifier import NetworkClassifier
from models.golden import check_golden
from models.onnx_runtime import OnnxRuntime
from models.package import load_package
from models.runtime import open_runtime
from models.tensorflow_runtime import TensorFlowRuntime

if TYPE_CHECKING:
    from models.package import Package

REASON = "computing with TensorFlow needs it: pip install 'hilum[train]'"
TOLERANCE = 1e-3


def _runtimes(package: Package) -> tuple[OnnxRuntime, TensorFlowRuntime]:
    pytest.importorskip("tensorflow", reason=REASON)
    return OnnxRuntime(package, threads=1), TensorFlowRuntime(package)


def test_both_runtimes_find_the_same_lungs(tiny_package: Package) -> None:
    """Masks and the probability of a frontal film agree, whatever the number of films, also beyond one batch."""
    films = np.random.default_rng(1).random((67, 112, 112), dtype=np.float32)
    onnx, tensorflow = (runtime.lungs(films) for runtime in _runtimes(tiny_package))
    for ours, theirs, shape in zip(onnx, tensorflow, [(67, 112, 112), (67,)], strict=True):
        assert ours.shape == theirs.shape == shape
        assert ours.dtype == theirs.dtype == np.float32
        assert np.abs(ours - theirs).max() < TOLERANCE


@pytest.mark.parametrize("count", [1, 3])
def test_both_runtimes_give_the_same_scores(tiny_package: Package, count: int) -> None:
    """Scores and maps agree."""
    looks = np.random.default_rng(1).random((count, 32, 32), dtype=np.float32)
    onnx, tensorflow = (runtime.classes(looks) for runtime in _runtimes(tiny_package))
    for ours, theirs, shape in zip(onnx, tensorflow, [(count, 3), (count, 1, 1, 3)], strict=True):
        assert ours.shape == theirs.shape == shape
        assert ours.dtype == theirs.dtype == np.float32
        assert np.abs(ours - theirs).max() < TOLERANCE


def test_both_runtimes_give_the_golden_results(tiny_package: Package) -> None:
    """The probabilities of the package's own films come out of both."""
    for runtime in _runtimes(tiny_package):
        assert check_golden(tiny_package, NetworkClassifier(tiny_package, runtime)) < TOLERANCE


def test_both_runtimes_agree_on_the_shipped_network() -> None:
    """TensorFlow gives the shipped network's own results as well."""
    pytest.importorskip("tensorflow", reason=REASON)
    package = load_package()
    assert check_golden(package, NetworkClassifier(package, TensorFlowRuntime(package))) < TOLERANCE


def test_the_processor_needs_no_tensorflow(tiny_package: Package, monkeypatch: pytest.MonkeyPatch) -> None:
    """`cpu` takes ONNX Runtime without asking for TensorFlow."""
    monkeypatch.setitem(sys.modules, "models.tensorflow_runtime", None)
    assert open_runtime(tiny_package, "cpu", threads=1).place == "ONNX Runtime on the processor"


def test_auto_without_a_gpu_takes_the_processor(tiny_package: Package, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where there is no GPU, `auto` takes ONNX Runtime."""
    monkeypatch.setattr("models.tensorflow_runtime.gpus", list)
    assert isinstance(open_runtime(tiny_package, "auto", threads=1), OnnxRuntime)


@pytest.fixture
def gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine that seems to have a GPU; XLA compiles for the processor."""
    pytest.importorskip("tensorflow", reason=REASON)
    monkeypatch.setattr("models.tensorflow_runtime.gpus", lambda: ["a GPU"])
    monkeypatch.setattr("models.tensorflow_runtime.has_driver", lambda: True)


@pytest.mark.usefixtures("gpu")
def test_auto_with_a_gpu_takes_it(tiny_package: Package) -> None:
    """Where TensorFlow is installed and there is a driver and a GPU, `auto` takes TensorFlow, and it is exact."""
    runtime = open_runtime(tiny_package, "auto")
    assert runtime.place.startswith("TensorFlow on a GPU")
    assert check_golden(tiny_package, NetworkClassifier(tiny_package, runtime)) < TOLERANCE


@pytest.mark.usefixtures("gpu")
@pytest.mark.parametrize(("exact", "precision"), [(True, "half"), (False, "single")])
def test_half_precision_is_taken_where_it_is_exact_enough(
    tiny_package: Package, monkeypatch: pytest.MonkeyPatch, *, exact: bool, precision: str
) -> None:
    """Whether half precision is used is decided by the package's own films."""

    def check(*_: object) -> None:
        if not exact:
            raise Misconfigured("a probability differs")

    monkeypatch.setattr("models.golden.check_golden", check)
    assert open_runtime(tiny_package, "gpu").place == f"TensorFlow on a GPU, {precision} precision"


def test_a_gpu_that_is_not_there_is_refused(tiny_package: Package, monkeypatch: pytest.MonkeyPatch) -> None:
    """`gpu` without a GPU says what is missing, instead of being slow in silence."""
    pytest.importorskip("tensorflow", reason=REASON)
    monkeypatch.setattr("models.tensorflow_runtime.gpus", list)
    with pytest.raises(Misconfigured, match="TensorFlow sees no GPU"):
        open_runtime(tiny_package, "gpu")


def test_a_gpu_without_tensorflow_is_refused(tiny_package: Package, monkeypatch: pytest.MonkeyPatch) -> None:
    """`gpu` without TensorFlow says how to install it."""
    monkeypatch.setattr("models.tensorflow_runtime.find_spec", lambda _: None)
    with pytest.raises(Misconfigured, match=r"TensorFlow is not installed.*hilum\[gpu\]"):
        open_runtime(tiny_package, "gpu")
