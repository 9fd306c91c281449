from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from models.architecture import BLOCKS, IMAGE_SIZE, OUTPUTS
from models.layer_summary import reference_image, summarise
from models.package import load_package

ORIGINAL = Path(__file__).parents[2] / "assets" / "models" / "efficientnet_lite0_layers.npz"
ROUNDING = 1e-3
"""Difference that kernels rounded to int16 may make, relative to the largest value of the layer."""


def test_the_table_has_the_blocks_of_the_paper() -> None:
    """Sixteen blocks, the last with 320 filters, the picture halved four times after the stem."""
    assert len(BLOCKS) == 16
    assert BLOCKS[-1].filters_out == 320
    assert sum(block.stride == 2 for block in BLOCKS) == 4
    assert [block.name for block in BLOCKS if block.expansion == 1] == ["block00"]


def test_every_shipped_layer_agrees_with_the_original() -> None:
    """Each layer of the shipped file gives, for a fixed picture, what the original PyTorch network gave."""
    onnx = pytest.importorskip("onnx", reason="looking into the file needs onnx: pip install 'hilum[train]'")
    onnxruntime = pytest.importorskip("onnxruntime")
    graph = onnx.load_from_string(load_package().weights)
    graph.graph.output.extend(onnx.helper.make_tensor_value_info(name, 1, None) for name in OUTPUTS)
    session = onnxruntime.InferenceSession(graph.SerializeToString(), providers=["CPUExecutionProvider"])
    outputs = session.run(list(OUTPUTS), {"films": reference_image(IMAGE_SIZE)[None]})
    with np.load(ORIGINAL) as original:
        for name, output in zip(OUTPUTS, outputs, strict=True):
            ours = summarise(np.moveaxis(output, 1, -1))
            scale = original[name][2]
            assert np.abs(ours - original[name]).max() < ROUNDING * scale, name
