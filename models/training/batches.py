"""Training batches: films drawn so that no source stands for a class, moved and restyled at random in the graph.

Everything happens on whole batches with TensorFlow, on the processor or the GPU, from square films that were prepared
once (`models.preprocess.prepare`) and kept in memory.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from models.looks import GREY_DEVIATION, GREY_MEAN, MASK_RAMP
from models.preprocess import LUNG_SIZE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from models.training.augmentation import Augmentation

Bytes = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]

_SQUARE = 224
_GREYS = 255.0
_MOST_STYLE = 0.6
_TINY = 1e-9


@dataclass(frozen=True, kw_only=True, slots=True)
class Films:
    """Prepared films, one entry of each array a film."""

    squares: Bytes
    """(films, 224, 224), 0 black to 255 white."""
    masks: Bytes
    """(films, 112, 112), probability of lung times 255."""
    boxes: Floats
    """(films, 4): left, top, right, bottom of the part that is shown, as fractions."""
    greys: Floats
    """(films, 2): mean and standard deviation of the grey values inside the lungs, 0 to 1."""
    targets: Floats
    """(films, classes): what is to be answered, each row sums to 1."""
    groups: npt.NDArray[np.int64]
    """(films,): films of one group (a class of one source) are drawn alike."""
    lungs_only: npt.NDArray[np.bool_]
    """(films,): nothing but the lungs is in the picture, so it is never shown otherwise."""

    def only(self, rows: npt.NDArray[np.int64]) -> Films:
        """Return the films with the given numbers."""
        return Films(**{entry.name: getattr(self, entry.name)[rows] for entry in fields(self)})

    def uncropped(self) -> Films:
        """Return the films to be shown whole, their grey values as they are (`models.looks.Look.FILM`)."""
        count = len(self.squares)
        return replace(
            self,
            boxes=np.tile(np.array([[0.0, 0.0, 1.0, 1.0]], dtype=np.float32), (count, 1)),
            greys=np.tile(np.array([[GREY_MEAN, GREY_DEVIATION]], dtype=np.float32), (count, 1)),
        )


def group_shares(groups: npt.NDArray[np.int64], targets: Floats, balance: float | None) -> dict[int, float]:
    """Return how often each group is drawn, together 1: a class like any other, its sources by size ** (1 - balance).

    `balance` 0 draws every film of a class alike, 1 every source of a class alike; None draws every film alike, so that
    a class is drawn by its size.
    """
    numbers, first, counts = np.unique(groups, return_index=True, return_counts=True)
    if balance is None:
        return dict(zip(numbers.tolist(), (counts / counts.sum()).tolist(), strict=True))
    sizes = counts.astype(np.float64) ** (1.0 - balance)
    classes = targets[first]
    of_class = np.maximum(classes.T @ sizes, _TINY)
    shares = sizes * (classes / of_class).sum(axis=1)
    return dict(zip(numbers.tolist(), (shares / shares.sum()).tolist(), strict=True))


@dataclass(kw_only=True, slots=True)
class Drawing:
    """Draws film numbers for batches, for ever; the seed and the step decide, so that a resumed run goes on alike."""

    films: Films
    batch: int
    balance: float | None
    lungs_share: float
    """Share of whole films that are shown as lungs alone."""
    seed: int
    _members: dict[int, npt.NDArray[np.int64]] = field(init=False)
    _shares: dict[int, float] = field(init=False)

    def __post_init__(self) -> None:
        groups = self.films.groups
        self._members = {int(group): np.flatnonzero(groups == group) for group in np.unique(groups)}
        self._shares = group_shares(groups, self.films.targets, self.balance)

    def rows(self, step: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
        """Return film numbers (batch,) of one step, and which of them are shown as lungs alone (batch,)."""
        random = np.random.default_rng((self.seed, step))
        groups = random.choice(list(self._shares), size=self.batch, p=list(self._shares.values()))
        rows = np.array([random.choice(self._members[int(group)]) for group in groups])
        lungs = self.films.lungs_only[rows] | (random.random(self.batch) < self.lungs_share)
        return rows, lungs

    def __call__(self, first_step: int = 0) -> Iterator[tuple[Any, ...]]:
        """Yield batches of arrays from a step on: squares, masks, boxes, greys, lungs alone, targets."""
        films, step = self.films, first_step
        while True:
            rows, lungs = self.rows(step)
            step += 1
            yield (
                films.squares[rows],
                films.masks[rows],
                films.boxes[rows],
                films.greys[rows],
                lungs.astype(np.float32),
                films.targets[rows],
            )


def dataset(drawing: Drawing, augmentation: Augmentation, size: int, first_step: int = 0) -> tf.data.Dataset:
    """Return an endless pipeline of looks, float32 (batch, size, size, 1), and targets, float32 (batch, classes)."""
    batch, classes = drawing.batch, drawing.films.targets.shape[1]
    signature = (
        tf.TensorSpec((batch, _SQUARE, _SQUARE), tf.uint8),
        tf.TensorSpec((batch, LUNG_SIZE, LUNG_SIZE), tf.uint8),
        tf.TensorSpec((batch, 4), tf.float32),
        tf.TensorSpec((batch, 2), tf.float32),
        tf.TensorSpec((batch,), tf.float32),
        tf.TensorSpec((batch, classes), tf.float32),
    )
    source = tf.data.Dataset.from_generator(lambda: drawing(first_step), output_signature=signature)

    def change(squares: Any, masks: Any, boxes: Any, greys: Any, lungs: Any, targets: Any) -> tuple[Any, Any]:  # noqa: ANN401 - tensors of one batch
        return looks(squares, masks, boxes, greys, lungs, augmentation, size), targets

    return source.map(change, num_parallel_calls=1).prefetch(4)


def looks(
    squares: Any,  # noqa: ANN401 - TensorFlow's tensors have no type information
    masks: Any,  # noqa: ANN401
    boxes: Any,  # noqa: ANN401
    greys: Any,  # noqa: ANN401
    lungs: Any,  # noqa: ANN401
    change: Augmentation,
    size: int,
) -> Any:  # noqa: ANN401
    """Return one look per film, float32 (batch, size, size, 1), changed at random; lungs 1 blanks what is no lung."""
    place = placement(boxes, change, size)
    grey = sample(tf.cast(squares, tf.float32)[..., None] / _GREYS, place, _SQUARE, size)
    mask = sample(tf.cast(masks, tf.float32)[..., None] / _GREYS, place, LUNG_SIZE, size)
    mean, deviation = greys[:, 0, None, None, None], greys[:, 1, None, None, None]
    grey = tf.clip_by_value((grey - mean) * GREY_DEVIATION / deviation, -GREY_MEAN, GREY_MEAN)
    low, high = MASK_RAMP
    moved = mask + _between(tf.shape(mask)[0], change.mask) if change.mask else mask
    seen = tf.clip_by_value((moved - low) / (high - low), 0.0, 1.0)
    blank = lungs[:, None, None, None]
    visible = 1.0 - blank + blank * seen
    grey = _expose(_degrade(_restyle(grey * visible, lungs, change), change, size), change)
    return tf.clip_by_value(grey * visible + GREY_MEAN, 0.0, 1.0)


def _between(batch: Any, most: float) -> Any:  # noqa: ANN401 - tensors
    return tf.random.uniform([batch, 1, 1, 1], -most, most)


def placement(boxes: Any, change: Augmentation, size: int) -> Any:  # noqa: ANN401 - tensors
    """Return the affine map from output pixels to fractions of the film: six rows a film, (batch, 6)."""
    n = tf.shape(boxes)[0]
    left, top, right, bottom = tf.unstack(boxes, axis=1)

    def random(most: float) -> Any:  # noqa: ANN401 - a tensor
        return tf.random.uniform([n], -most, most)

    angle, shear = random(change.rotation), random(change.shear)
    both = random(change.zoom)
    wide, high = tf.exp(both + random(change.zoom / 2)), tf.exp(both + random(change.zoom / 2))
    mirror = tf.where(tf.random.uniform([n]) < change.mirrored, -1.0, 1.0)
    width, height = (right - left) / size * wide, (bottom - top) / size * high
    a, b = width * tf.cos(angle) * mirror, width * (shear - tf.sin(angle))
    c, d = height * tf.sin(angle) * mirror, height * tf.cos(angle)
    x = (left + right) / 2 + random(change.shift) * (right - left)
    y = (top + bottom) / 2 + random(change.shift) * (bottom - top)
    centre = (size - 1) / 2
    return tf.stack([a, b, x - (a + b) * centre, c, d, y - (c + d) * centre], axis=1)


def sample(images: Any, place: Any, pixels: int, size: int) -> Any:  # noqa: ANN401 - tensors
    """Return pictures of `pixels` rows and columns, resampled at (batch, 6) places: (batch, size, size, channels)."""
    a, b, x, c, d, y = tf.unstack(place * pixels, axis=1)
    zero = tf.zeros_like(a)
    transforms = tf.stack([a, b, x - 0.5, c, d, y - 0.5, zero, zero], axis=1)
    return tf.raw_ops.ImageProjectiveTransformV3(
        images=images,
        transforms=transforms,
        output_shape=[size, size],
        fill_value=0.0,
        interpolation="BILINEAR",
        fill_mode="CONSTANT",
    )


def _restyle(grey: Any, lungs: Any, change: Augmentation) -> Any:  # noqa: ANN401 - tensors
    if not change.style:
        return grey
    batch = tf.shape(grey)[0]
    plane = grey[..., 0]
    waves = tf.signal.rfft2d(plane)
    amplitude = tf.abs(waves)
    alike = tf.argsort(lungs + tf.random.uniform([batch]) / 2)  # a neighbour is shown in the same way, most often
    other = tf.gather(amplitude, tf.gather(tf.roll(alike, 1, 0), tf.argsort(alike)))
    share = tf.random.uniform([batch, 1, 1], 0.0, _MOST_STYLE) * tf.cast(
        tf.random.uniform([batch, 1, 1]) < change.style, tf.float32
    )
    mixed = (1.0 - share) * amplitude + share * other
    turned = waves * tf.cast(mixed / (amplitude + 1e-6), tf.complex64)
    return tf.signal.irfft2d(turned)[..., None]


def _degrade(grey: Any, change: Augmentation, size: int) -> Any:  # noqa: ANN401 - tensors
    batch = tf.shape(grey)[0]
    if change.blurred:
        smooth = tf.nn.avg_pool2d(grey, 3, 1, "SAME")
        share = tf.random.uniform([batch, 1, 1, 1]) * tf.cast(
            tf.random.uniform([batch, 1, 1, 1]) < change.blurred, tf.float32
        )
        grey = grey + share * (smooth - grey)
    if change.coarsest:
        pixels = tf.random.uniform([], min(change.coarsest, size - 1), size, tf.int32)
        small = tf.image.resize(grey, [pixels, pixels], antialias=True)
        back = tf.image.resize(small, [size, size])
        chosen = tf.random.uniform([batch, 1, 1, 1]) < change.blurred
        grey = tf.where(chosen, back, grey)
    return grey


def _expose(grey: Any, change: Augmentation) -> Any:  # noqa: ANN401 - tensors
    """Change contrast, brightness and gamma of grey values about zero, and add noise."""
    batch = tf.shape(grey)[0]
    if change.gamma:
        level = tf.clip_by_value(grey + GREY_MEAN, 0.0, 1.0)
        grey = level ** tf.exp(_between(batch, change.gamma)) - GREY_MEAN
    if change.gain:
        grey = grey * tf.exp(_between(batch, change.gain)) + _between(batch, change.brightness)
    if change.noise:
        strength = tf.random.uniform([batch, 1, 1, 1], 0.0, change.noise)
        grey = grey + tf.random.normal(tf.shape(grey)) * strength
    return grey
