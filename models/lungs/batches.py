"""Batches for the lung network: films with masks, films without, and enough of anything else, all changed at random."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from models.drawn.not_chest import FILMS_NEEDED, draw, dress, spoil
from models.looks import WHOLE
from models.lungs.films import to_bytes
from models.networks.lung_network import FRONTAL, MASK
from models.preprocess import LUNG_SIZE, prepare
from models.training.augmentation import Augmentation
from models.training.batches import group_shares, placement, sample

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from models.lungs.films import Bytes, LungFilms

Floats = npt.NDArray[np.float32]

CHANGES = Augmentation(
    rotation=0.26,
    zoom=0.22,
    shift=0.1,
    shear=0.1,
    gain=0.35,
    brightness=0.12,
    gamma=0.5,
    coarsest=0,
    style=0,
    mask=0,
)
"""Further than a classifier's: a lung is a lung in a film that is turned by 15 degrees or badly exposed."""

_SQUARE = 224
_GREYS = 255.0
_BALANCE = 0.7
"""How far sources are drawn alike, see `models.training.batches.group_shares`; classes are drawn alike in any case."""
_UNMASKED, _OTHERS, _DRAWN, _SPOILED = 0.125, 0.125, 0.16, 0.1
"""Shares of a batch: frontal films without a mask, pictures from the folders, drawn ones, spoiled films."""
_NO_LUNG = 0.3
"""Weight of "here is no lung" in a picture that is no frontal film: a lateral film does show lungs."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LungBatch:
    """What one step learns from; arrays with one entry a picture."""

    squares: Bytes
    """(pictures, 224, 224)."""
    masks: Bytes
    """(pictures, 112, 112), share of lung times 255."""
    mask_weights: Floats
    """(pictures,): 0 where nobody knows the lungs."""
    frontal: Floats
    """(pictures,): 1 for an upright frontal chest film, else 0."""


@dataclass(kw_only=True, slots=True)
class LungDrawing:
    """Draws batches, for ever; the seed and the step decide, so that a resumed run goes on alike."""

    films: LungFilms
    batch: int
    seed: int
    _masked: _Groups = field(init=False)
    _unmasked: _Groups = field(init=False)

    def __post_init__(self) -> None:
        films = self.films
        unmasked = np.setdiff1d(np.arange(len(films.squares)), films.masked)
        self._masked, self._unmasked = _Groups.of(films, films.masked), _Groups.of(films, unmasked)

    def portions(self) -> tuple[int, int, int, int, int]:
        """Return how many pictures of a batch have masks, have none, are others, are drawn, are spoiled."""
        films = self.films
        wanted = (_UNMASKED * bool(len(self._unmasked.rows)), _OTHERS * bool(len(films.others)), _DRAWN, _SPOILED)
        unmasked, others, drawn, spoiled = (max(round(share * self.batch), 1) if share else 0 for share in wanted)
        return self.batch - unmasked - others - drawn - spoiled, unmasked, others, drawn, spoiled

    def pictures(self, step: int) -> LungBatch:
        """Return the batch of one step."""
        films, random = self.films, np.random.default_rng((self.seed, step))
        masked, unmasked, others, drawn, spoiled = self.portions()
        known = self._masked.draw(random, masked)
        frontal = [films.squares[row] for row in (*films.masked[known], *self._unmasked.draw_rows(random, unmasked))]
        made_up = [draw(random) for _ in range(drawn)]
        broken = [spoil(self._some(random), random) for _ in range(spoiled)]
        rest = [films.others[random.integers(len(films.others))] for _ in range(others)]
        masks = np.zeros((self.batch, LUNG_SIZE, LUNG_SIZE), dtype=np.uint8)
        masks[:masked] = films.masks[known]
        weights = np.repeat(np.array([1, 0, _NO_LUNG, 0], np.float32), (masked, unmasked, others + drawn, spoiled))
        return LungBatch(
            squares=np.stack([*(dress(film, random) for film in (*frontal, *rest)), *map(prepared, made_up + broken)]),
            masks=masks,
            mask_weights=weights,
            frontal=(np.arange(self.batch) < len(frontal)).astype(np.float32),
        )

    def _some(self, random: np.random.Generator) -> list[Bytes]:
        rows = random.integers(len(self.films.squares), size=FILMS_NEEDED)
        return [self.films.squares[row] for row in rows]


@dataclass(frozen=True, kw_only=True, slots=True)
class _Groups:
    """Films to draw from, by label and source."""

    rows: npt.NDArray[np.int64]
    """Numbers of the films."""
    members: dict[int, npt.NDArray[np.int64]]
    """Places in `rows` of the films of each group."""
    shares: dict[int, float]

    @classmethod
    def of(cls, films: LungFilms, rows: npt.NDArray[np.int64]) -> _Groups:
        """Group some of the films."""
        names = [(films.labels[row], films.sources[row]) for row in rows]
        numbers = {name: number for number, name in enumerate(sorted(set(names)))}
        groups = np.array([numbers[name] for name in names], dtype=np.int64)
        labels = sorted({label for label, _ in names})
        targets = np.array([[label == one for one in labels] for label, _ in names], np.float32)
        shares = group_shares(groups, targets, _BALANCE) if names else {}
        return cls(rows=rows, members={group: np.flatnonzero(groups == group) for group in shares}, shares=shares)

    def draw(self, random: np.random.Generator, count: int) -> npt.NDArray[np.int64]:
        """Return places in `rows`."""
        if not count:
            return np.zeros(0, dtype=np.int64)
        groups = random.choice(list(self.shares), size=count, p=list(self.shares.values()))
        return np.array([random.choice(self.members[int(group)]) for group in groups], dtype=np.int64)

    def draw_rows(self, random: np.random.Generator, count: int) -> npt.NDArray[np.int64]:
        """Return numbers of films."""
        return self.rows[self.draw(random, count)]


def prepared(picture: Bytes) -> Bytes:
    """Return a made-up picture as the network will see it, prepared as films are."""
    return to_bytes(prepare(picture.astype(np.float32) / np.float32(_GREYS)))


def lung_dataset(drawing: LungDrawing, first_step: int = 0) -> tf.data.Dataset:
    """Return an endless tf.data pipeline of (pictures, answers, weights) as Keras' `fit` takes them.

    Pictures are float32 (batch, 112, 112, 1), 0 to 1; answers and weights are dicts by output.
    """
    batch = drawing.batch
    signature = (
        tf.TensorSpec((batch, _SQUARE, _SQUARE), tf.uint8),
        tf.TensorSpec((batch, LUNG_SIZE, LUNG_SIZE), tf.uint8),
        tf.TensorSpec((batch,), tf.float32),
        tf.TensorSpec((batch,), tf.float32),
    )
    source = tf.data.Dataset.from_generator(lambda: _arrays(drawing, first_step), output_signature=signature)
    return source.map(_change, num_parallel_calls=1).prefetch(4)


def _arrays(drawing: LungDrawing, first_step: int) -> Iterator[Sequence[Any]]:
    step = first_step
    while True:
        made = drawing.pictures(step)
        yield made.squares, made.masks, made.mask_weights, made.frontal
        step += 1


def _change(squares: Any, masks: Any, weights: Any, frontal: Any) -> tuple[Any, dict[str, Any], dict[str, Any]]:  # noqa: ANN401 - TensorFlow's tensors have no type information
    place = placement(tf.tile([WHOLE], [tf.shape(squares)[0], 1]), CHANGES, LUNG_SIZE)
    grey = sample(tf.cast(squares, tf.float32)[..., None] / _GREYS, place, _SQUARE, LUNG_SIZE)
    mask = sample(tf.cast(masks, tf.float32)[..., None] / _GREYS, place, LUNG_SIZE, LUNG_SIZE)
    answers = {MASK: tf.round(mask), FRONTAL: frontal[:, None]}
    return _expose(grey), answers, {MASK: weights, FRONTAL: tf.ones_like(frontal)}


def _expose(grey: Any) -> Any:  # noqa: ANN401 - tensors
    """Blur, change gamma, contrast and brightness, and add noise, each at random."""
    batch = tf.shape(grey)[0]

    def random(most: float, least: float | None = None) -> Any:  # noqa: ANN401 - a tensor
        return tf.random.uniform([batch, 1, 1, 1], -most if least is None else least, most)

    grey = grey + random(1.0, 0.0) * (tf.nn.avg_pool2d(grey, 3, 1, "SAME") - grey)
    grey = tf.clip_by_value(grey, 0.0, 1.0) ** tf.exp(random(CHANGES.gamma))
    grey = (grey - 0.5) * tf.exp(random(CHANGES.gain)) + 0.5 + random(CHANGES.brightness)
    grey = grey + tf.random.normal(tf.shape(grey)) * random(CHANGES.noise, 0.0)
    return tf.clip_by_value(grey, 0.0, 1.0)
