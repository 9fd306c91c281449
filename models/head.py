"""The trainable end of the network: from the frozen backbone's features to one score per class."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import keras
import numpy as np
import numpy.typing as npt

from domain.findings import Label
from models.onnx_export import Head

if TYPE_CHECKING:
    from collections.abc import Sequence

    from models.dataset import Film

Features = npt.NDArray[np.float32]
Scores = npt.NDArray[np.float64]

LABELS = tuple(Label)
_SMALLEST_DEVIATION = 1e-3


@dataclass(frozen=True, kw_only=True, slots=True)
class Recipe:
    """How the head is trained."""

    hidden: int = 256
    """Neurons between features and scores; 0 for a linear head."""
    dropout: float = 0.5
    weight_decay: float = 1e-3
    label_smoothing: float = 0.05
    learning_rate: float = 1e-3
    batch: int = 256
    epochs: int = 25
    balance: float = 0.75
    """0 counts every film alike, 1 gives every pair of class and source the same say, values between do in part."""
    seed: int = 7


def targets(films: Sequence[Film]) -> npt.NDArray[np.int64]:
    """Return the class numbers of films, in the order of the network's outputs: int64 (films,)."""
    return np.array([LABELS.index(film.label) for film in films], dtype=np.int64)


def film_weights(films: Sequence[Film], balance: float) -> npt.NDArray[np.float32]:
    """Return how much each film counts, mean 1: more for rare pairs of class and source, the same for every class."""
    pairs = Counter((film.label, film.source) for film in films)
    weights = np.array([pairs[film.label, film.source] ** -balance for film in films])
    classes = targets(films)
    totals = np.bincount(classes, weights, minlength=len(LABELS)) ** (1.0 if balance else 0.0)
    weights /= totals[classes]
    return np.asarray(weights / weights.mean(), dtype=np.float32)


def fit(views: Sequence[Features], films: Sequence[Film], recipe: Recipe) -> Head:
    """Train a head on the features of films in one or several views, each float32 (films, 1280)."""
    keras.utils.set_random_seed(recipe.seed)
    mean = views[0].mean(axis=0)
    deviation = np.maximum(views[0].std(axis=0), _SMALLEST_DEVIATION)
    features = np.concatenate([(view - mean) / deviation for view in views])
    wanted = np.tile(np.eye(len(LABELS), dtype=np.float32)[targets(films)], (len(views), 1))
    weights = np.tile(film_weights(films, recipe.balance), len(views))
    network = _network(features.shape[1], recipe, steps=recipe.epochs * (len(features) // recipe.batch + 1))
    network.fit(features, wanted, sample_weight=weights, batch_size=recipe.batch, epochs=recipe.epochs, verbose=2)
    return _with_standardisation(network, mean, deviation)


def scores(head: Head, features: Features) -> Scores:
    """Return the class scores before calibration: float64 (films, classes)."""
    x: Scores = features.astype(np.float64)
    for number, (kernel, bias) in enumerate(head.layers):
        x = np.asarray((np.maximum(x, 0.0) if number else x) @ kernel + bias, dtype=np.float64)
    return x


def _network(width: int, recipe: Recipe, steps: int) -> keras.Model:
    layers: list[keras.Layer] = [keras.Input((width,)), keras.layers.Dropout(recipe.dropout / 2)]
    if recipe.hidden:
        layers += [keras.layers.Dense(recipe.hidden, "relu"), keras.layers.Dropout(recipe.dropout)]
    network = keras.Sequential([*layers, keras.layers.Dense(len(LABELS))])
    schedule = keras.optimizers.schedules.CosineDecay(recipe.learning_rate, steps)
    loss = keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=recipe.label_smoothing)
    network.compile(keras.optimizers.AdamW(schedule, weight_decay=recipe.weight_decay), loss)
    return network


def _with_standardisation(network: keras.Model, mean: Features, deviation: Features) -> Head:
    """Move the standardisation of the features into the first dense layer."""
    arrays = network.get_weights()
    kernel = arrays[0] / deviation[:, None]
    layers = [(kernel, arrays[1] - mean @ kernel), *zip(arrays[2::2], arrays[3::2], strict=True)]
    return Head(layers=tuple((k.astype(np.float32), b.astype(np.float32)) for k, b in layers))
