"""Train the lung network: to find the lungs, and to tell an upright frontal chest film from anything else."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import keras
import tensorflow as tf

from domain.errors import Misconfigured
from models.eligibility import Limits
from models.lungs.batches import LungDrawing, lung_dataset
from models.lungs.films import read_lung_films
from models.lungs.report import contact_sheet, epoch_figures, judge_lungs
from models.networks.lung_network import FRONTAL, MASK, build_lung_network
from models.networks.weights_file import round_weights, save_weights_npz

if TYPE_CHECKING:
    from pathlib import Path

    from models.lungs.films import LungFilms, LungSources, Read

Report = Callable[[str, int, int, dict[str, float]], None]
"""Told what goes on: the stage's name, what is done of it, how much there is in all, the latest figures."""

WEIGHTS = "lungs.weights.npz"
METRICS = "lungs.metrics.json"
SHEET = "lungs.png"
LOGS = "tensorboard"
STATE = "state"
READING, TRAINING, JUDGING = "read films", "train", "judge"
"""Names of the stages."""

_ORDER = "order.json"
_RATE = 2e-3
_LAST_RATE = 0.01
_WARM_UP = 150
_WEIGHT_DECAY = 1e-3
_FRONTAL_WEIGHT = 0.3
"""Weight of the second output's loss beside the first one's."""
_SMOOTH = 50.0
"""Pixels added above and below in the Dice coefficient, so that a few wrong ones cost little where there is no lung."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LungTraining:
    """What is to be trained, and how long."""

    sources: LungSources
    out: Path
    """Folder for the weights, what was measured, the contact sheet, TensorBoard's logs and the state."""
    read: Read
    report: Report
    epochs: int = 24
    steps: int = 150
    """Batches an epoch."""
    batch: int = 32
    limits: Limits = field(default_factory=Limits)
    """What a film must show, as the verdicts that are reported take it."""

    def facts(self) -> dict[str, Any]:
        """Return what makes this training another than others, for its papers."""
        return {"epochs": self.epochs, "steps": self.steps, "batch": self.batch, "seed": self.sources.seed}


def train_lungs(training: LungTraining) -> dict[str, Any]:
    """Train, judge on films of other patients, and write weights, figures and a contact sheet; return the figures.

    A training that was interrupted goes on after its last whole epoch.

    Raises:
        Misconfigured: films, masks or pictures can't be used, or the folder holds another training.
    """

    def reading(done: int, total: int) -> None:
        training.report(READING, done, total, {})

    films, held_out = read_lung_films(training.sources, training.read, reading)
    network = fit_lungs(training, films, held_out)
    round_weights(network)
    save_weights_npz(network, training.out / WEIGHTS)
    training.report(JUDGING, 0, 1, {})
    figures, found = judge_lungs(network, held_out, training.limits, training.sources.seed)
    figures = {"training": training.facts() | films.counts(), **figures}
    (training.out / METRICS).write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    contact_sheet(held_out, found).save(training.out / SHEET)
    training.report(JUDGING, 1, 1, {})
    return figures


def fit_lungs(training: LungTraining, films: LungFilms, held_out: LungFilms) -> keras.Model:
    """Return the trained network, watched on the films held out after each epoch; its state stays in the folder.

    Raises:
        Misconfigured: the folder holds the state of another training.
    """
    state = training.out / STATE
    _claim(state, training.facts() | films.counts() | {"films_sha256": _digest(films)}, training.out)
    keras.utils.set_random_seed(training.sources.seed)
    network = build_lung_network()
    network.compile(
        _optimizer(training.epochs * training.steps),
        loss={MASK: mask_loss, FRONTAL: "binary_crossentropy"},
        loss_weights={MASK: 1.0, FRONTAL: _FRONTAL_WEIGHT},
        jit_compile=bool(tf.config.list_physical_devices("GPU")),
    )
    done = _epochs_done(state)
    drawing = LungDrawing(films=films, batch=training.batch, seed=training.sources.seed)
    callbacks = [
        _watch(network, held_out),
        _progress(training, done),
        keras.callbacks.TensorBoard(str(training.out / LOGS), write_graph=False),
        keras.callbacks.BackupAndRestore(str(state), double_checkpoint=True, delete_checkpoint=False),
    ]
    network.fit(
        lung_dataset(drawing, first_step=done * training.steps),
        epochs=training.epochs,
        steps_per_epoch=training.steps,
        callbacks=callbacks,
        shuffle=False,  # the batches come at random
        verbose=0,
    )
    return network


def mask_loss(truth: Any, found: Any) -> Any:  # noqa: ANN401 - TensorFlow's tensors have no type information
    """Return cross-entropy plus 1 - Dice of each film, (batch,); both are (batch, rows, columns, 1)."""
    crossed = tf.reduce_mean(keras.losses.binary_crossentropy(truth, found), axis=(1, 2))
    both = tf.reduce_sum(truth * found, axis=(1, 2, 3))
    either = tf.reduce_sum(truth, axis=(1, 2, 3)) + tf.reduce_sum(found, axis=(1, 2, 3))
    return crossed + 1.0 - (2.0 * both + _SMOOTH) / (either + _SMOOTH)


def _optimizer(steps: int) -> keras.optimizers.Optimizer:
    """Warm up over 150 steps, or a tenth of a shorter training, then go down a cosine."""
    warm_up = min(_WARM_UP, max(steps // 10, 1))
    rate = keras.optimizers.schedules.CosineDecay(
        0.0, max(steps - warm_up, 1), alpha=_LAST_RATE, warmup_target=_RATE, warmup_steps=warm_up
    )
    return keras.optimizers.AdamW(rate, weight_decay=_WEIGHT_DECAY)


def _watch(network: keras.Model, held_out: LungFilms) -> keras.callbacks.Callback:
    def measure(epoch: int, logs: dict[str, float]) -> None:
        del epoch
        logs.update(epoch_figures(network, held_out))

    return keras.callbacks.LambdaCallback(on_epoch_end=measure)


def _progress(training: LungTraining, done: int) -> keras.callbacks.Callback:
    total, batches, latest = training.epochs * training.steps, done * training.steps, dict[str, float]()

    def after_batch(batch: int, logs: dict[str, float]) -> None:
        nonlocal batches
        del batch
        batches += 1
        training.report(TRAINING, batches, total, latest | logs)

    def after_epoch(epoch: int, logs: dict[str, float]) -> None:
        del epoch
        latest.update(logs)
        training.report(TRAINING, batches, total, latest)

    return keras.callbacks.LambdaCallback(on_train_batch_end=after_batch, on_epoch_end=after_epoch)


def _claim(state: Path, order: dict[str, Any], out: Path) -> None:
    """Write down which training the state belongs to; refuse the state of another one."""
    record = state / _ORDER
    if record.exists() and (earlier := json.loads(record.read_text())) != order:
        changed = sorted(key for key in order if earlier.get(key) != order[key])
        raise Misconfigured(
            f"{out} holds another training, which differs in {', '.join(changed)}; go on with the films and options "
            "it was started with, or name another folder"
        )
    state.mkdir(parents=True, exist_ok=True)
    record.write_text(json.dumps(order, indent=2))


def _digest(films: LungFilms) -> str:
    digest = hashlib.sha256()
    for array in (films.squares, films.masked, films.masks, films.others):
        digest.update(array.tobytes())
    return digest.hexdigest()


def _epochs_done(state: Path) -> int:
    record = state / "training_metadata.json"
    return int(json.loads(record.read_text())["epoch"]) if record.exists() else 0
