"""The lung segmenter in Keras 3: a small U-Net that finds the lung fields and says whether this is a frontal film.

Source: O. Ronneberger et al., U-Net (arXiv:1505.04597), narrower, and with a second output.
"""

from __future__ import annotations

from typing import Any

import keras
from keras import layers

from models.preprocess import LUNG_SIZE

MASK = "mask"
FRONTAL = "frontal"
_WIDTHS = (8, 16, 32, 64, 96)
"""Channels of each level, from full resolution down."""


def build_lung_network() -> keras.Model:
    """Return the untrained network.

    Input: float32 (batch, 112, 112, 1), 0 to 1. Outputs: `mask`, float32 (batch, 112, 112, 1), the probability of
    lung at each pixel, and `frontal`, float32 (batch, 1), the probability that this is an upright frontal chest film.
    """
    x = film = keras.Input((LUNG_SIZE, LUNG_SIZE, 1), name="film")
    levels: list[Any] = []
    for width in _WIDTHS:
        if levels:
            x = layers.MaxPooling2D()(x)
        x = _convolve(_convolve(x, width), width)
        levels.append(x)
    deepest = levels.pop()
    for width, level in zip(reversed(_WIDTHS[:-1]), reversed(levels), strict=True):
        x = layers.Concatenate()([layers.UpSampling2D(interpolation="bilinear")(x), level])
        x = _convolve(_convolve(x, width), width)
    mask = layers.Conv2D(1, 1, activation="sigmoid", name=MASK)(x)
    view = layers.Concatenate()([layers.GlobalAveragePooling2D()(deepest), layers.GlobalMaxPooling2D()(deepest)])
    view = layers.Dense(32, activation="relu")(layers.Dropout(0.3)(view))
    frontal = layers.Dense(1, activation="sigmoid", name=FRONTAL)(view)
    return keras.Model(film, {MASK: mask, FRONTAL: frontal}, name="lungs")


def _convolve(x: Any, width: int) -> Any:  # noqa: ANN401 - Keras' symbolic tensors have no public type
    x = layers.Conv2D(width, 3, padding="same", use_bias=False)(x)
    return layers.ReLU()(layers.BatchNormalization(momentum=0.9)(x))
