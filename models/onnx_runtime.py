"""The networks of a package in ONNX Runtime, on the processor."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from domain.errors import Misconfigured
from models.package import CLASSIFIER, LUNGS

if TYPE_CHECKING:
    from models.package import Package
    from models.runtime import Floats

_INPUT = "films"
_BATCH = 4
"""Larger ones are no faster on a processor, and a film waits for those beside it."""


class OnnxRuntime:
    """A `models.runtime.Runtime` that needs nothing but onnxruntime."""

    def __init__(self, package: Package, *, threads: int | None = None) -> None:
        """Load both networks; `threads` is how many cores one computation uses, None for all of them.

        Raises:
            Misconfigured: a file was changed since the package was checked, or ONNX Runtime can't load it.
        """
        self._lungs = _open(package, LUNGS, threads)
        self._classifier = _open(package, CLASSIFIER, threads)

    @property
    def place(self) -> str:
        """What computes."""
        return "ONNX Runtime on the processor"

    @property
    def batch(self) -> int:
        """How many films are best computed together."""
        return _BATCH

    def lungs(self, films: Floats) -> tuple[Floats, Floats]:
        """Return masks and probabilities of a frontal film, see `models.runtime.Runtime`."""
        masks, frontal = self._lungs.run(["mask", "frontal"], {_INPUT: films})
        return masks, frontal

    def classes(self, looks: Floats) -> tuple[Floats, Floats]:
        """Return class scores and evidence, see `models.runtime.Runtime`."""
        scores, maps = self._classifier.run(["logits", "maps"], {_INPUT: looks})
        return scores, maps


def _open(package: Package, part: str, threads: int | None) -> Any:  # noqa: ANN401 - onnxruntime has no type information
    import onnxruntime  # here, because most commands do not need it

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads or 0
    options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # idle threads leave the cores to others
    content = package.read(part)
    try:
        return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # ONNX Runtime's errors share no base class but this one
        raise Misconfigured(f"ONNX Runtime can't load the network {package.folder / part}") from error
