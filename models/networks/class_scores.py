"""The end of every classifying network: from a map of features to one score per class, and where it comes from."""

from __future__ import annotations

from typing import Any

import keras
from keras import layers, ops

LOGITS = "logits"
MAPS = "maps"


@keras.saving.register_keras_serializable(package="hilum")
class ClassScores(layers.Layer):  # type: ignore[misc]  # Keras has no type information
    """Global average pooling, then dropout and one or two dense layers; explains each score with a map.

    Input: (batch, rows, columns, channels). Outputs: `logits`, float32 (batch, classes), and `maps`, float32 (batch,
    rows, columns, classes), zero or more: Grad-CAM (Selvaraju et al., arXiv:1610.02391), the features weighted by the
    gradient of the class's score. Behind a pooling, that gradient is a product of the dense layers' kernels, those
    neurons left out that are silent. So no gradient is computed at run time, and an exported network explains as well.
    """

    def __init__(self, classes: int, hidden: int = 0, dropout: float = 0.5, **options: Any) -> None:  # noqa: ANN401 - Keras' own
        """Make the layer; `hidden` neurons lie between features and scores, 0 for none.

        It computes in float32 whatever the policy: scores and maps are results.
        """
        super().__init__(**{"dtype": "float32", **options})
        self._settings = {"classes": classes, "hidden": hidden, "dropout": dropout}
        self.drop = layers.Dropout(dropout, dtype="float32", name="drop")
        self.hidden = layers.Dense(hidden, "relu", dtype="float32", name="hidden") if hidden else None
        self.scores = layers.Dense(classes, dtype="float32", name="scores")

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Make the kernels."""
        width = input_shape[-1]
        if self.hidden is not None:
            self.hidden.build((None, width))
            width = self.hidden.units
        self.scores.build((None, width))
        self.built = True

    def call(self, features: Any, training: bool = False) -> dict[str, Any]:  # noqa: ANN401, FBT001, FBT002 - Keras' own
        """Return scores and maps."""
        x = self.drop(ops.mean(features, axis=(1, 2)), training=training)
        gradient = self.scores.kernel
        if self.hidden is not None:
            x = self.hidden(x)
            awake = ops.cast(x > 0, x.dtype)[:, :, None]
            gradient = ops.matmul(self.hidden.kernel, awake * gradient)
            x = self.drop(x, training=training)
        return {LOGITS: self.scores(x), MAPS: _weighted(features, gradient)}

    def get_config(self) -> dict[str, Any]:
        """Return what the layer is made with."""
        return {**super().get_config(), **self._settings}


def _weighted(features: Any, gradient: Any) -> Any:  # noqa: ANN401 - Keras' tensors have no public type
    rows, columns, channels = features.shape[1:]
    flat = ops.matmul(ops.reshape(features, (-1, rows * columns, channels)), gradient)
    return ops.relu(ops.reshape(flat, (-1, rows, columns, gradient.shape[-1])))
