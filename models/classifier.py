"""The network at work: films in, probabilities out, with ONNX Runtime on the CPU."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from domain.errors import Misconfigured
from domain.findings import ModelVersion, Probabilities
from models.architecture import IMAGE_SIZE
from models.preprocess import prepare

if TYPE_CHECKING:
    from collections.abc import Sequence

    from domain.film import GreyImage
    from models.package import Package

_INPUT = "films"
_OUTPUT = "probabilities"
_LARGEST_BATCH = 16
"""Films computed together: enough to keep the cores busy, and about 150 MB of memory at most."""


class OnnxClassifier:
    """A `domain.ports.Classifier` made of a checked package; one process may share it between threads."""

    def __init__(self, package: Package, *, threads: int | None = None) -> None:
        """Load the network; `threads` is how many cores one computation uses, None for all of them.

        Raises:
            Misconfigured: ONNX Runtime can't load the file.
        """
        self._model = package.model
        self._session = _open(package, threads)

    @property
    def model(self) -> ModelVersion:
        """Which network this is."""
        return self._model

    def classify(self, images: Sequence[GreyImage]) -> list[Probabilities]:
        """Return one result per image, in order; an empty sequence gives an empty list.

        Every image is (rows, columns), float32, 0 = black to 1 = white; sizes may differ.
        """
        results: list[Probabilities] = []
        for start in range(0, len(images), _LARGEST_BATCH):
            films = np.stack([prepare(image) for image in images[start : start + _LARGEST_BATCH]])
            results += [_probabilities(row) for row in self._session.run([_OUTPUT], {_INPUT: films})[0]]
        return results

    def warm_up(self) -> None:
        """Classify a grey square, so that the first real film does not wait for memory to be set up."""
        self.classify([np.full((IMAGE_SIZE, IMAGE_SIZE), 0.5, dtype=np.float32)])


def _open(package: Package, threads: int | None) -> Any:  # noqa: ANN401 - onnxruntime has no type information
    import onnxruntime  # here, because most commands do not need it

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads or 0
    options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # idle threads leave the cores to others
    try:
        return onnxruntime.InferenceSession(package.weights, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # ONNX Runtime's errors share no base class but this one
        raise Misconfigured(f"ONNX Runtime can't load the network in {package.folder}") from error


def _probabilities(row: npt.NDArray[np.float32]) -> Probabilities:
    """Return the row of float32 outputs as probabilities that sum to 1 in float64."""
    exact = row.astype(np.float64)
    covid19, normal, pneumonia = (exact / exact.sum()).tolist()
    return Probabilities(covid19=covid19, normal=normal, pneumonia=pneumonia)
