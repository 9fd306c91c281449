"""Write a Keras network as an ONNX file: grey films in, the network's named outputs out, weights stored compactly."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import onnx
import tensorflow as tf
import tf2onnx
from onnx import TensorProto, helper, numpy_helper

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import keras

Array = npt.NDArray[np.float32]

OPSET = 17
INPUT = "films"
"""Input: float32 (batch, rows, columns), 0 to 1."""
_IR_VERSION = 9
_BATCH = "batch"
_COMPACT_FROM = 1024
"""Kernels with fewer values than this stay in float32: they cost nothing, and the first layers matter most."""
_MOST_INT16 = 32767
_OUTPUT_AXIS = {"Conv": 0, "MatMul": -1}
"""Where the output channels lie in the kernel of an operator."""


def export(path: Path, network: keras.Model, *, compact: bool = True) -> None:
    """Write a network to `path`; the same network gives the same bytes.

    Args:
        path: the file to write; its folder is made.
        network: from float32 (batch, rows, columns, 1) to a dict. In the file, input and outputs lose a last axis of
            one value, and an output is named like its key.
        compact: store large kernels as int16 with a scale for each output channel, half the size of float32 and ten
            times closer to it than float16. ONNX Runtime turns them back into float32 when it loads the file.

    Raises:
        ValueError: the network was built to compute in half precision.
    """
    if any(layer.compute_dtype != "float32" for layer in network.layers):
        raise ValueError(f"{network.name} computes in half precision; build it with the policy float32 for export")
    model = _translate(network)
    graph = model.graph
    _rename(graph)
    if compact:
        _compact(graph)
    del model.metadata_props[:]
    model.producer_name, model.producer_version, model.ir_version = "hilum", "", _IR_VERSION
    onnx.checker.check_model(model, full_check=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(model.SerializeToString(deterministic=True))


def _translate(network: keras.Model) -> onnx.ModelProto:
    def serve(films: tf.Tensor) -> dict[str, tf.Tensor]:
        found = network(films[..., None], training=False)
        return {name: value[..., 0] if value.shape[-1] == 1 else value for name, value in found.items()}

    _, rows, columns, _ = network.input_shape
    signature = [tf.TensorSpec((None, rows, columns), tf.float32, name=INPUT)]
    logging.getLogger("tf2onnx").setLevel(logging.WARNING)
    model: onnx.ModelProto
    model, _ = tf2onnx.convert.from_function(tf.function(serve), input_signature=signature, opset=OPSET)
    return model


def _rename(graph: onnx.GraphProto) -> None:
    """Name tensors by their place: the names Keras gives depend on what was built before in the same process."""
    values = {value.name: value for value in graph.initializer}
    kept = {value.name for value in (*graph.input, *graph.output)}
    names: dict[str, str] = {"": ""} | {name: name for name in kept}
    for number, node in enumerate(graph.node):
        node.name = f"{node.op_type}_{number}"
        node.doc_string = ""
        for names_of, prefix in ((node.input, "constant"), (node.output, "value")):
            for place, name in enumerate(names_of):
                names_of[place] = names.setdefault(name, f"{prefix}_{number}_{place}")
    del graph.initializer[:], graph.value_info[:]
    arrays = {new: numpy_helper.to_array(values[old]) for old, new in names.items() if old in values}
    graph.initializer.extend(numpy_helper.from_array(array, name) for name, array in arrays.items())
    graph.name, graph.doc_string = "hilum", ""
    for value in (*graph.input, *graph.output):
        value.type.tensor_type.shape.dim[0].dim_param = _BATCH


def _compact(graph: onnx.GraphProto) -> None:
    axes = dict(_kernels(graph))
    kept, nodes = [], []
    for tensor in graph.initializer:
        array = numpy_helper.to_array(tensor)
        if tensor.name not in axes or array.size < _COMPACT_FROM or array.dtype != np.float32:
            kept.append(tensor)
            continue
        whole, scale = _as_int16(array, axes[tensor.name])
        names = [f"{tensor.name}_{part}" for part in ("int16", "scale", "cast")]
        kept += [numpy_helper.from_array(whole, names[0]), numpy_helper.from_array(scale, names[1])]
        nodes += [
            helper.make_node("Cast", names[:1], names[2:], name=names[2], to=TensorProto.FLOAT),
            helper.make_node("Mul", [names[2], names[1]], [tensor.name], name=tensor.name),
        ]
    nodes += graph.node
    del graph.initializer[:], graph.node[:]
    graph.initializer.extend(kept)
    graph.node.extend(nodes)


def _kernels(graph: onnx.GraphProto) -> Iterator[tuple[str, int]]:
    """Yield the name of every kernel and the axis of its output channels."""
    for node in graph.node:
        if node.op_type in _OUTPUT_AXIS:
            yield node.input[1], _OUTPUT_AXIS[node.op_type]


def _as_int16(kernel: Array, outputs_axis: int) -> tuple[npt.NDArray[np.int16], Array]:
    """Return whole numbers and the scale of each output channel, whose product is the kernel."""
    others = tuple(axis for axis in range(kernel.ndim) if axis != outputs_axis % kernel.ndim)
    scale = np.maximum(np.abs(kernel).max(axis=others, keepdims=True), 1e-12).astype(np.float32) / _MOST_INT16
    return np.round(kernel / scale).astype(np.int16), scale.astype(np.float32)
