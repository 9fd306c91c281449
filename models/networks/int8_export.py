"""Write a network for whole-number arithmetic: a quarter of the size, faster on processors made for it, less exact."""

from __future__ import annotations

import logging
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import onnxruntime
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static

from models.networks.onnx_export import INPUT, export

if TYPE_CHECKING:
    from collections.abc import Iterator

    import keras
    import numpy as np
    import numpy.typing as npt

_BATCH = 16
_CONVOLUTIONS = ["Conv"]
"""What is computed in whole numbers; the few dense layers stay as they are, for they cost nothing."""


def export_int8(path: Path, network: keras.Model, looks: npt.NDArray[np.float32]) -> Path:
    """Write a network with convolutions in int8 to `path` and return it; whether it is still good enough, measure.

    Args:
        path: the file to write.
        network: as `models.networks.onnx_export.export` takes it.
        looks: what the network is shown at work, float32 (looks, rows, columns), 0 to 1; some hundreds, from which the
            ranges of values are learnt.

    Raises:
        ValueError: the network was built to compute in half precision.
    """
    with tempfile.TemporaryDirectory() as folder:
        exact = Path(folder) / "exact.onnx"
        export(exact, network, compact=False)
        path.parent.mkdir(parents=True, exist_ok=True)
        with _without_advice():
            quantize_static(
                _folded(exact),
                path,
                _Looks(looks),
                quant_format=QuantFormat.QDQ,
                op_types_to_quantize=_CONVOLUTIONS,
                per_channel=True,
                activation_type=QuantType.QUInt8,
                weight_type=QuantType.QInt8,
            )
    return path


@contextmanager
def _without_advice() -> Iterator[None]:
    """Keep quiet that the file should be prepared first: it is."""
    root = logging.getLogger()

    def no_advice(record: logging.LogRecord) -> bool:
        return "pre-processing" not in record.getMessage()

    root.addFilter(no_advice)
    try:
        yield
    finally:
        root.removeFilter(no_advice)


def _folded(exact: Path) -> Path:
    """Return a file of the same network with every normalisation folded into the convolution before it."""
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
    folded = exact.with_name("folded.onnx")
    options.optimized_model_filepath = str(folded)
    onnxruntime.InferenceSession(str(exact), options, providers=["CPUExecutionProvider"])
    return folded


class _Looks(CalibrationDataReader):  # type: ignore[misc]  # ONNX Runtime has no type information
    """Hands the looks out in batches."""

    def __init__(self, looks: npt.NDArray[np.float32]) -> None:
        self._batches = _batches(looks)

    def get_next(self) -> dict[str, npt.NDArray[np.float32]] | None:
        """Return the next batch by the input's name, or None after the last."""
        return next(self._batches, None)


def _batches(looks: npt.NDArray[np.float32]) -> Iterator[dict[str, npt.NDArray[np.float32]]]:
    for start in range(0, len(looks), _BATCH):
        yield {INPUT: looks[start : start + _BATCH]}
