"""Train a classifying network: staged, watched on films of other patients, stopped and taken up again at will."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
import tensorflow as tf

from models.looks import Look
from models.networks.architectures import BACKBONE, build
from models.networks.architectures import NONE as NO_WEIGHTS
from models.networks.class_scores import LOGITS
from models.training.augmentation import NONE
from models.training.batches import Drawing, Films, dataset, looks
from models.training.calibrate import macro_auroc, softmax

if TYPE_CHECKING:
    from pathlib import Path

    import numpy.typing as npt

    from models.training.recipes import Recipe

_WARM_UP = 100
_LAST_RATE = 0.02
_HEAD_RATE = 1e-3
_BATCH = 64
_ALL = "all"
Report = Callable[[str, int, int, dict[str, float]], None]
STATE = "state"
LOGS = "tensorboard"


@dataclass(frozen=True, kw_only=True, slots=True)
class Training:
    """What one training needs beside its films."""

    recipe: Recipe
    architecture: str
    weights: str | Path
    """As `models.networks.architectures.build` takes them."""
    seed: int
    folder: Path
    """For the state after each epoch, from which an interrupted training goes on, and for TensorBoard's logs."""
    report: Report
    """Told after each batch: the stage's name, batches done, batches in all, the latest figures."""


def train(training: Training, films: Films, validation: Films) -> keras.Model:
    """Train on some films, watch others; return the network with the weights of the best epoch.

    A folder that holds the state of the same training is taken up where it stopped.

    Raises:
        Misconfigured: the first weights can't be had.
    """
    _use_the_machine()
    keras.utils.set_random_seed(training.seed)
    recipe = training.recipe
    with _strategy().scope():
        network = build(training.architecture, recipe.size, training.weights)
        scores = keras.Model(network.input, network.output[LOGITS])
    watched = _Watch(network, validation, recipe)
    drawing = Drawing(
        films=films, batch=recipe.batch, balance=recipe.balance, lungs_share=_lungs_share(recipe), seed=training.seed
    )
    base = network.get_layer(BACKBONE)
    fixed = recipe.fixed_normalisation and str(training.weights) != NO_WEIGHTS
    if recipe.head_steps and not (training.folder / STATE / _ALL).exists():
        _freeze(base, everything=True)
        _fit(training, scores, drawing, None, _Stage("head", 1, recipe.head_steps, _HEAD_RATE, "constant"))
    _freeze(base, everything=recipe.frozen, normalisations=fixed, first=recipe.frozen_layers)
    steps = recipe.steps or max(len(films.squares) // recipe.batch, 1)
    _fit(training, scores, drawing, watched, _Stage(_ALL, recipe.epochs, steps, recipe.learning_rate, recipe.schedule))
    return network


def _freeze(base: keras.Model, *, everything: bool, normalisations: bool = False, first: int = 0) -> None:
    base.trainable = not everything
    if not everything:
        for number, layer in enumerate(base.layers):
            fixed = normalisations and isinstance(layer, keras.layers.BatchNormalization)
            layer.trainable = number >= first and not fixed


def predict(network: keras.Model, films: Films, recipe: Recipe) -> npt.NDArray[np.float32]:
    """Return class scores of unchanged films, the mean of the recipe's looks: float32 (films, classes)."""
    looks_of = [_predict(network, films, look, recipe.size) for look in recipe.looks]
    return np.asarray(np.mean(looks_of, axis=0), dtype=np.float32)


def _predict(network: keras.Model, films: Films, look: Look, size: int) -> npt.NDArray[np.float32]:
    found = []
    for start in range(0, len(films.squares), _BATCH):
        part = slice(start, start + _BATCH)
        alone = films.lungs_only[part] | (look is Look.LUNGS)
        arrays = (films.squares[part], films.masks[part], films.boxes[part], films.greys[part])
        shown = looks(*arrays, alone.astype(np.float32), NONE, size)
        found.append(network(shown, training=False)[LOGITS].numpy())
    return np.concatenate(found)


@dataclass(frozen=True, slots=True)
class _Stage:
    name: str
    epochs: int
    steps: int
    rate: float
    schedule: str


def _fit(training: Training, scores: keras.Model, drawing: Drawing, watched: _Watch | None, stage: _Stage) -> None:
    recipe = training.recipe
    scores.compile(
        _optimizer(stage, recipe),
        jit_compile=bool(tf.config.list_physical_devices("GPU")),
        loss=keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=recipe.label_smoothing),
        metrics=[keras.metrics.CategoricalAccuracy(name="accuracy")],
    )
    state = training.folder / STATE / stage.name
    done = _epochs_done(state)
    draw = replace(drawing, seed=drawing.seed + (stage.name == "head"))
    callbacks: list[Any] = [] if watched is None else [watched, _Best(state, recipe)]
    callbacks += [
        _Progress(training.report, stage, done),
        keras.callbacks.TensorBoard(str(training.folder / LOGS / stage.name), write_graph=False),
        keras.callbacks.BackupAndRestore(str(state), double_checkpoint=True, delete_checkpoint=False),
    ]
    batches = dataset(draw, recipe.augmentation, recipe.size, first_step=done * stage.steps)
    scores.fit(batches, epochs=stage.epochs, steps_per_epoch=stage.steps, callbacks=callbacks, verbose=0, shuffle=False)


def _optimizer(stage: _Stage, recipe: Recipe) -> keras.optimizers.Optimizer:
    rate: Any = stage.rate
    if stage.schedule == "cosine":
        rate = keras.optimizers.schedules.CosineDecay(
            0.0,
            max(stage.epochs * stage.steps - _WARM_UP, 1),
            alpha=_LAST_RATE,
            warmup_target=stage.rate,
            warmup_steps=_WARM_UP,
        )
    if recipe.weight_decay:
        return keras.optimizers.AdamW(rate, weight_decay=recipe.weight_decay)
    return keras.optimizers.Adam(rate)


class _Watch(keras.callbacks.Callback):  # type: ignore[misc]  # Keras has no type information
    """Measures the network on the validation films after each epoch."""

    def __init__(self, network: keras.Model, films: Films, recipe: Recipe) -> None:
        super().__init__()
        self._network, self._films, self._recipe = network, films, recipe

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        del epoch
        films, recipe = self._films, self._recipe
        found = softmax(predict(self._network, films, recipe).astype(np.float64))
        classes = films.targets.argmax(axis=1)
        chosen = films.targets.max(axis=1) == 1.0
        likelihood = np.log(np.maximum((found * films.targets).sum(axis=1), 1e-7))
        figures = {
            "val_loss": float(-likelihood[chosen].mean()),
            "val_accuracy": float((found.argmax(axis=1) == classes)[chosen].mean()),
            "val_macro_auroc": float(macro_auroc(found[chosen], classes[chosen]) or 0.0),
        }
        if logs is not None:
            logs.update(figures)


class _Best(keras.callbacks.Callback):  # type: ignore[misc]  # Keras has no type information
    """Keeps the weights of the best epoch on the disk, and ends a training that no longer gets better."""

    def __init__(self, folder: Path, recipe: Recipe) -> None:
        super().__init__()
        self._weights, self._record = folder / "best.weights.h5", folder / "best.json"
        self._recipe = recipe
        self._sign = -1.0 if recipe.monitor == "loss" else 1.0

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        value = self._sign * (logs or {})[f"val_{self._recipe.monitor}"]
        best = json.loads(self._record.read_text()) if self._record.exists() else None
        if best is None or value > best["value"] + self._recipe.least_gain:
            self._weights.parent.mkdir(parents=True, exist_ok=True)
            self.model.save_weights(self._weights)
            self._record.write_text(json.dumps({"epoch": epoch, "value": value}))
        elif epoch - best["epoch"] >= self._recipe.patience:
            self.model.stop_training = True

    def on_train_end(self, logs: dict[str, float] | None = None) -> None:
        del logs
        if self._weights.exists():
            self.model.load_weights(self._weights)


class _Progress(keras.callbacks.Callback):  # type: ignore[misc]  # Keras has no type information
    def __init__(self, report: Report, stage: _Stage, done: int) -> None:
        super().__init__()
        self._report, self._stage = report, stage
        self._batches = done * stage.steps
        self._figures: dict[str, float] = {}

    def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        del batch
        self._batches += 1
        self._tell({**self._figures, **(logs or {})})

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        del epoch
        self._figures = dict(logs or {})
        self._tell(self._figures)

    def _tell(self, figures: dict[str, float]) -> None:
        stage = self._stage
        self._report(stage.name, self._batches, stage.epochs * stage.steps, figures)


def _epochs_done(state: Path) -> int:
    record = state / "training_metadata.json"
    return int(json.loads(record.read_text())["epoch"]) if record.exists() else 0


def _lungs_share(recipe: Recipe) -> float:
    if Look.LUNGS not in recipe.looks:
        return 0.0
    return 1.0 if recipe.looks == (Look.LUNGS,) else recipe.lungs_share


def _use_the_machine() -> None:
    """Compute in half precision where a GPU makes it faster."""
    keras.mixed_precision.set_global_policy("mixed_float16" if tf.config.list_physical_devices("GPU") else "float32")


def _strategy() -> tf.distribute.Strategy:
    several = len(tf.config.list_physical_devices("GPU")) > 1
    return tf.distribute.MirroredStrategy() if several else tf.distribute.get_strategy()
