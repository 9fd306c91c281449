"""Write the network as one ONNX file: normalisation, backbone with folded batch normalisation, head and softmax."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper

from models.architecture import BLOCKS, BN_EPSILON, IMAGE_SIZE, INPUT_MEAN, INPUT_SCALE, Block

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

Array = npt.NDArray[np.float32]
BackboneWeights = dict[str, list[Array]]
"""Arrays of the Keras backbone by layer name: convolutions one kernel, normalisations gamma, beta, mean, variance."""

OPSET = 17
INPUT = "films"
"""Input: float32 (batch, 224, 224), 0 to 1, as `models.preprocess.prepare` gives it."""
OUTPUT = "probabilities"
"""Output: float32 (batch, classes), each 0 to 1, together 1."""
FEATURES = "pool"
_COMPACT_FROM = 1024
"""Kernels with fewer values than this stay in float32: they cost nothing, and the first layers matter most."""
_MOST_INT16 = 32767


@dataclass(frozen=True, kw_only=True, slots=True)
class Head:
    """Dense layers from features to class scores, ReLU between them, and the calibration of the scores."""

    layers: tuple[tuple[Array, Array], ...]
    """Kernel (in, out) and bias (out) of each layer."""
    temperature: float = 1.0
    """Class scores are divided by it before the softmax (Guo et al., arXiv:1706.04599)."""


def fold(kernel: Array, norm: Sequence[Array]) -> tuple[Array, Array]:
    """Fold a batch normalisation into the convolution before it; return kernel and bias.

    `kernel` is (rows, columns, in, out); for a depthwise convolution (rows, columns, channels, 1).
    """
    gamma, beta, mean, variance = norm
    scale = gamma / np.sqrt(variance + BN_EPSILON)
    shape = (-1, 1) if kernel.shape[3] == 1 and kernel.shape[2] == scale.size else (-1,)
    return (kernel * scale.reshape(shape)).astype(np.float32), (beta - mean * scale).astype(np.float32)


@dataclass(slots=True)
class _Graph:
    """Nodes and initialisers, collected in the order of computation."""

    backbone: Mapping[str, Sequence[Array]]
    compact: bool
    nodes: list[onnx.NodeProto] = field(default_factory=list)
    initialisers: list[onnx.TensorProto] = field(default_factory=list)

    def add(self, operator: str, inputs: Sequence[str], output: str, **attributes: Any) -> str:  # noqa: ANN401 - ONNX attributes have many types
        self.nodes.append(helper.make_node(operator, list(inputs), [output], name=f"{output}_node", **attributes))
        return output

    def constant(self, name: str, value: npt.NDArray[Any]) -> str:
        """Store an array as it is; return its name."""
        self.initialisers.append(numpy_helper.from_array(value, name))
        return name

    def kernel(self, name: str, value: Array, outputs_axis: int) -> str:
        """Store a kernel; a large one as int16 times a scale per output channel, which ONNX Runtime folds at loading.

        That is ten times closer to float32 than float16, which is as large.
        """
        if not self.compact or value.size < _COMPACT_FROM:
            return self.constant(name, value)
        others = tuple(axis for axis in range(value.ndim) if axis != outputs_axis)
        scale = np.maximum(np.abs(value).max(axis=others, keepdims=True), 1e-12).astype(np.float32) / _MOST_INT16
        whole = self.constant(f"{name}_int16", np.round(value / scale).astype(np.int16))
        whole = self.add("Cast", [whole], f"{name}_cast", to=TensorProto.FLOAT)
        return self.add("Mul", [whole, self.constant(f"{name}_scale", scale.astype(np.float32))], name)

    def convolve(self, x: str, name: str, output: str, *, stride: int = 1, grey: bool = False) -> str:
        """Add convolution and normalisation `name`; `grey` sums the kernel over the input channels, which are equal."""
        kernel, bias = fold(self.backbone[f"{name}_conv"][0], self.backbone[f"{name}_bn"])
        depthwise = name.endswith("_depthwise")
        kernel = kernel.sum(axis=2, keepdims=True) if grey else kernel
        kernel = np.transpose(kernel, (2, 3, 0, 1) if depthwise else (3, 2, 0, 1))
        arrays = [self.kernel(f"{name}_kernel", np.ascontiguousarray(kernel), 0), self.constant(f"{name}_bias", bias)]
        groups = len(bias) if depthwise else 1
        return self.add("Conv", [x, *arrays], output, strides=[stride, stride], auto_pad="SAME_UPPER", group=groups)

    def relu6(self, x: str, output: str) -> str:
        return self.add("Clip", [x, "zero", "six"], output)

    def block(self, x: str, block: Block) -> str:
        y = x
        if "expand" in block.parts:
            name = f"{block.name}_expand"
            y = self.relu6(self.convolve(y, name, f"{name}_conv"), f"{name}_relu")
        name = f"{block.name}_depthwise"
        y = self.relu6(self.convolve(y, name, f"{name}_conv", stride=block.stride), f"{name}_relu")
        if not block.has_shortcut:
            return self.convolve(y, f"{block.name}_project", block.name)
        return self.add("Add", [self.convolve(y, f"{block.name}_project", f"{block.name}_project_conv"), x], block.name)

    def features(self) -> str:
        """Add everything from the input to the feature vector; return its name."""
        scalars = {"zero": 0.0, "six": 6.0, "input_mean": INPUT_MEAN, "input_scale": INPUT_SCALE}
        for name, value in scalars.items():
            self.constant(name, np.array(value, dtype=np.float32))
        x = self.add("Unsqueeze", [INPUT, self.constant("channel_axis", np.array([1], dtype=np.int64))], "grey")
        x = self.add("Div", [self.add("Sub", [x, "input_mean"], "centred"), "input_scale"], "normalised")
        x = self.relu6(self.convolve(x, "stem", "stem_conv", stride=2, grey=True), "stem")
        for block in BLOCKS:
            x = self.block(x, block)
        x = self.relu6(self.convolve(x, "head", "head_conv"), "head")
        return self.add("Flatten", [self.add("GlobalAveragePool", [x], "average")], FEATURES)

    def classify(self, x: str, head: Head) -> str:
        """Add the head and the calibrated softmax; return the name of the probabilities."""
        for number, (kernel, bias) in enumerate(head.layers):
            if number:
                x = self.add("Relu", [x], f"dense{number}_relu")
            arrays = [self.kernel(f"dense{number}_kernel", kernel, 1), self.constant(f"dense{number}_bias", bias)]
            x = self.add("Gemm", [x, *arrays], f"dense{number}")
        temperature = self.constant("temperature", np.array(head.temperature, dtype=np.float32))
        return self.add("Softmax", [self.add("Div", [x, temperature], "scores")], OUTPUT, axis=1)


def export(path: Path, backbone: BackboneWeights, head: Head | None = None, *, compact: bool = True) -> None:
    """Write the network to `path`; without a head its output is the feature vector, float32 (batch, 1280).

    `compact` stores the large kernels in int16 (half the size); they are computed with in float32.
    """
    graph = _Graph(backbone=backbone, compact=compact)
    output = graph.features()
    width = len(backbone["head_bn"][0])
    if head is not None:
        output, width = graph.classify(output, head), len(head.layers[-1][1])
    film = helper.make_tensor_value_info(INPUT, TensorProto.FLOAT, ["batch", IMAGE_SIZE, IMAGE_SIZE])
    result = helper.make_tensor_value_info(output, TensorProto.FLOAT, ["batch", width])
    body = helper.make_graph(graph.nodes, "hilum", [film], [result], initializer=graph.initialisers)
    model = helper.make_model(body, opset_imports=[helper.make_opsetid("", OPSET)], producer_name="hilum", ir_version=9)
    onnx.checker.check_model(model)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(model.SerializeToString(deterministic=True))
