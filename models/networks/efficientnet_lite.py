"""EfficientNet-Lite0 in Keras 3: the backbone, without the class scores."""

from __future__ import annotations

from typing import Any

import keras
from keras import layers

from models.networks.architecture import (
    BLOCKS,
    BN_EPSILON,
    HEAD_FILTERS,
    INPUT_MEAN,
    INPUT_SCALE,
    OUTPUTS,
    STEM_FILTERS,
    Block,
)

_CHANNELS = 3


def build_backbone(size: int, name: str = "efficientnet_lite0") -> keras.Model:
    """Return the untrained network from RGB image to features; its weights fit any size.

    Input: float32 (batch, size, size, 3), 0 to 1; the normalisation is inside. Output: float32 (batch, size / 32,
    size / 32, 1280), the sides rounded up.
    """
    image = keras.Input((size, size, _CHANNELS), name="image")
    x = layers.Rescaling(1 / INPUT_SCALE, offset=-INPUT_MEAN / INPUT_SCALE, name="normalise")(image)
    x = layers.Conv2D(STEM_FILTERS, 3, strides=2, padding="same", use_bias=False, name="stem_conv")(x)
    x = layers.ReLU(6, name="stem")(_norm("stem", x))
    for block in BLOCKS:
        x = _block(block, x)
    x = layers.Conv2D(HEAD_FILTERS, 1, use_bias=False, name="head_conv")(x)
    x = layers.ReLU(6, name="head")(_norm("head", x))
    return keras.Model(image, x, name=name)


def layer_outputs(backbone: keras.Model) -> keras.Model:
    """Return a network that gives the output of every named layer of the backbone, in the order of OUTPUTS."""
    return keras.Model(backbone.input, [backbone.get_layer(name).output for name in OUTPUTS])


def _block(block: Block, x: Any) -> Any:  # noqa: ANN401 - Keras' symbolic tensors have no public type
    shortcut = x
    if "expand" in block.parts:
        filters = block.filters_in * block.expansion
        x = layers.Conv2D(filters, 1, use_bias=False, name=f"{block.name}_expand_conv")(x)
        x = layers.ReLU(6, name=f"{block.name}_expand_relu")(_norm(f"{block.name}_expand", x))
    x = layers.DepthwiseConv2D(
        block.kernel, strides=block.stride, padding="same", use_bias=False, name=f"{block.name}_depthwise_conv"
    )(x)
    x = layers.ReLU(6, name=f"{block.name}_depthwise_relu")(_norm(f"{block.name}_depthwise", x))
    x = layers.Conv2D(block.filters_out, 1, use_bias=False, name=f"{block.name}_project_conv")(x)
    x = _norm(f"{block.name}_project", x)
    return layers.Add(name=block.name)([x, shortcut]) if block.has_shortcut else layers.Identity(name=block.name)(x)


def _norm(name: str, x: Any) -> Any:  # noqa: ANN401 - as above
    return layers.BatchNormalization(epsilon=BN_EPSILON, momentum=0.99, name=f"{name}_bn")(x)
