"""What computes the two networks of a package, as a protocol: ONNX Runtime on the processor or TensorFlow on a GPU."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import numpy as np
import numpy.typing as npt

from domain.errors import Misconfigured

if TYPE_CHECKING:
    from models.package import Package

Floats = npt.NDArray[np.float32]

DEVICES = ("auto", "cpu", "gpu")


class Runtime(Protocol):
    """A lung network and a classifying network, ready to compute; may be shared between threads."""

    @property
    def place(self) -> str:
        """What computes, in words: for the log."""
        ...

    @property
    def batch(self) -> int:
        """How many films are best computed together: more would be slower each, or make them wait."""
        ...

    def lungs(self, films: Floats) -> tuple[Floats, Floats]:
        """Return where the lungs are, (films, 112, 112), and whether each is a frontal chest film, (films,).

        `films` is float32 (films, 112, 112), 0 to 1, at least one; the results are probabilities.
        """
        ...

    def classes(self, looks: Floats) -> tuple[Floats, Floats]:
        """Return class scores (looks, classes), and evidence by place (looks, rows, columns, classes).

        `looks` is float32 (looks, size, size), 0 to 1, at least one; the evidence is zero or more.
        """
        ...


def open_runtime(package: Package, device: str = "auto", threads: int | None = None) -> Runtime:
    """Load the networks of a package where they are to be computed.

    Args:
        package: a checked package.
        device: `cpu`; `gpu`; or `auto`, a GPU where TensorFlow is installed and sees one, else the processor.
        threads: cores that one computation on the processor uses, None for all of them.

    Raises:
        Misconfigured: a network can't be loaded, or there is no GPU to use.
    """
    if device != "cpu":
        trouble = gpu_trouble(patient=device == "gpu")
        if trouble is None:
            return _on_gpu(package)
        if device == "gpu":
            raise Misconfigured(trouble)
    from models.onnx_runtime import OnnxRuntime

    return OnnxRuntime(package, threads=threads)


def gpu_trouble(*, patient: bool) -> str | None:
    """Return why no GPU can be used, None if one can.

    `patient` asks TensorFlow in any case; otherwise a machine without a driver is spared the seconds that takes.
    """
    from models import tensorflow_runtime

    return tensorflow_runtime.gpu_trouble(patient=patient)


def _on_gpu(package: Package) -> Runtime:
    """Compute in half precision, unless the films in the package show that it costs exactness."""
    from models.classifier import NetworkClassifier
    from models.golden import check_golden
    from models.tensorflow_runtime import TensorFlowRuntime

    half = TensorFlowRuntime(package, half=True)
    try:
        check_golden(package, NetworkClassifier(package, half))
    except Misconfigured:
        return TensorFlowRuntime(package)
    return half
