"""The networks of a package in TensorFlow: on a GPU compiled by XLA, and in half precision if that is exact enough."""

from __future__ import annotations

import ctypes
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from models.package import Package
    from models.runtime import Floats

_DRIVER = "libcuda.so.1"
_LARGEST_BATCH = 64
_BATCH = 32
_HOW = "set worker.device to auto or cpu, or install TensorFlow with CUDA: pip install 'hilum[gpu]'"


def gpu_trouble(*, patient: bool) -> str | None:
    """Return why no GPU can be used, None if one can.

    `patient` asks TensorFlow in any case; otherwise a machine without a driver is spared the seconds that takes.
    """
    if find_spec("tensorflow") is None:
        return f"worker.device is gpu, but TensorFlow is not installed; {_HOW}"
    if not patient and not has_driver():
        return f"there is no {_DRIVER}"
    if gpus():
        return None
    return f"worker.device is gpu, but TensorFlow sees no GPU; check the driver (nvidia-smi), or {_HOW}"


class TensorFlowRuntime:
    """A `models.runtime.Runtime` on the GPU that TensorFlow sees first, or on the processor."""

    def __init__(self, package: Package, *, half: bool = False) -> None:
        """Build both networks from their weights, to compute in half precision or not.

        Raises:
            Misconfigured: the architecture is unknown or the weights do not fit it.
        """
        import keras

        from models.networks.keras_networks import load_networks

        self._on_gpu = bool(gpus())
        policy = keras.config.dtype_policy()
        self._half = half
        keras.config.set_dtype_policy("mixed_float16" if half else "float32")
        try:
            networks = load_networks(package)
        finally:
            keras.config.set_dtype_policy(policy)
        self._classifier, self._lungs = (self._compile(network) for network in networks)

    @property
    def batch(self) -> int:
        """How many films are best computed together."""
        return _BATCH if self._on_gpu else 1

    @property
    def place(self) -> str:
        """What computes."""
        device = "a GPU" if self._on_gpu else "the processor"
        return f"TensorFlow on {device}, {'half' if self._half else 'single'} precision"

    def lungs(self, films: Floats) -> tuple[Floats, Floats]:
        """Return masks and probabilities of a frontal film, see `models.runtime.Runtime`."""
        found = _in_batches(self._lungs, films)
        return found["mask"][..., 0], found["frontal"][..., 0]

    def classes(self, looks: Floats) -> tuple[Floats, Floats]:
        """Return class scores and evidence, see `models.runtime.Runtime`."""
        found = _in_batches(self._classifier, looks)
        return found["logits"], found["maps"]

    def _compile(self, network: Any) -> Any:  # noqa: ANN401 - Keras and TensorFlow have no type information
        import tensorflow as tf

        _, rows, columns, channels = network.input_shape
        films = tf.TensorSpec((None, rows, columns, channels), tf.float32)
        return tf.function(lambda x: network(x, training=False), input_signature=[films], jit_compile=self._on_gpu)


def _in_batches(compute: Any, films: Floats) -> dict[str, Floats]:  # noqa: ANN401 - as above
    """Compute in batches whose sizes are powers of two: XLA compiles once for every size that it meets."""
    found: list[dict[str, Floats]] = []
    for start in range(0, len(films), _LARGEST_BATCH):
        part = films[start : start + _LARGEST_BATCH, ..., None]
        size = 1 << (len(part) - 1).bit_length()
        padded = np.concatenate([part, np.zeros((size - len(part), *part.shape[1:]), np.float32)])
        results = compute(padded)
        found.append({name: np.asarray(value, np.float32)[: len(part)] for name, value in results.items()})
    return {name: np.concatenate([each[name] for each in found]) for name in found[0]}


def has_driver() -> bool:
    """Say whether the driver of a GPU is installed: cheaper than asking TensorFlow."""
    try:
        ctypes.CDLL(_DRIVER)
    except OSError:
        return False
    return True


def gpus() -> list[Any]:
    """Return the GPUs that TensorFlow sees; it takes their memory as it needs it, not all at once."""
    import tensorflow as tf

    found = tf.config.list_physical_devices("GPU")
    for gpu in found:
        try:
            tf.config.experimental.set_memory_growth(gpu, enable=True)
        except RuntimeError:  # TensorFlow is at work already; then it stays as it is
            break
    return list(found)
