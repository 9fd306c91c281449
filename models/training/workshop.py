"""The whole way from labelled films to a network: read, put on sides, train, calibrate."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from domain.errors import Misconfigured
from models.looks import Look
from models.networks.lung_network import MASK, build_lung_network
from models.networks.weights_file import SUFFIX, load_weights_npz
from models.package import LUNGS_WEIGHTS, METRICS, digest_of
from models.training.batches import Films, group_shares
from models.training.calibrate import fit_temperature
from models.training.examples import Pool, Sides, Sources, is_held_out, read_pool, take_sides
from models.training.prepared import FindLungs, Preparation, prepare_examples
from models.training.train import Training, predict, train

if TYPE_CHECKING:
    import keras
    import numpy.typing as npt

    from models.collection import Identify, LabelledFilm
    from models.evaluation.figures import Report
    from models.training.prepared import Read
    from models.training.recipes import Recipe

Tell = Callable[[str, int, int, dict[str, float]], None]
"""Told how far a stage is: its name, what is done, of how much, the latest figures."""

_ORDER = "order.json"
_PREPARED = "prepared"


@dataclass(frozen=True, kw_only=True, slots=True)
class Order:
    """What is to be trained, and on what."""

    architecture: str
    recipe: Recipe
    weights: str | Path
    """As `models.networks.architectures.build` takes them."""
    sources: Sources
    lungs: Path
    """Package, or weights file, of the lung network."""
    out: Path
    """Folder for the training's state, so that it can be taken up again, and for its logs."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Trained:
    """A network with what its package tells about it."""

    network: keras.Model
    lungs: keras.Model
    lung_figures: Report | None
    """What was measured of the lung network when it was trained, where that is known."""
    temperature: float
    held_out_names: frozenset[str]
    pool: Pool
    sides: Sides

    @property
    def films(self) -> list[LabelledFilm]:
        """The whole films of both sides."""
        rows = (*self.sides.training, *self.sides.validation)
        return [film for row in rows if (film := self.pool.films[row]) is not None]

    @property
    def watched(self) -> list[LabelledFilm]:
        """The whole films of the validation side."""
        return [film for row in self.sides.validation if (film := self.pool.films[row]) is not None]

    @property
    def held_out(self) -> list[LabelledFilm]:
        """The films of the held-out sources."""
        return [film for film in self.pool.films if film is not None and is_held_out(film, self.held_out_names)]

    @property
    def lungs_only(self) -> dict[str, int]:
        """How many films of lungs alone are on either side, by class and source."""
        rows = (*self.sides.training, *self.sides.validation)
        groups = [self.pool.examples[row].group for row in rows if self.pool.films[row] is None]
        return dict(sorted(Counter(groups).items()))


def make(order: Order, *, read: Read, tell: Tell, identify: Identify | None = None) -> Trained:
    """Train a network as ordered; an interrupted training in the same folder is taken up.

    Raises:
        Misconfigured: the films or the weights can't be used, or the folder holds another training.
    """
    _claim(order)
    return make_from(read_pool(order.sources, identify), order, read=read, tell=tell)


def make_from(pool: Pool, order: Order, *, read: Read, tell: Tell) -> Trained:
    """Train a network on films that were read already, whatever the order's sources are.

    Raises:
        Misconfigured: the films or the weights can't be used.
    """
    lungs, lungs_sha256 = _lung_network(order.lungs)
    preparation = Preparation(
        read=read,
        find_lungs=_finder(lungs),
        lungs_sha256=lungs_sha256,
        cache=order.out / _PREPARED,
        progress=lambda done, total: tell("prepare", done, total, {}),
    )
    films = prepare_examples(pool.examples, preparation)
    sides = take_sides(pool, films)
    if Look.FILM in order.recipe.looks:
        films = films.uncropped()
    training = Training(
        recipe=order.recipe,
        architecture=order.architecture,
        weights=order.weights,
        seed=pool.seed,
        folder=order.out,
        report=tell,
    )
    network = train(training, films.only(sides.training), films.only(sides.validation))
    return Trained(
        network=network,
        lungs=lungs,
        lung_figures=_lung_figures(order.lungs),
        temperature=calibrate(network, films.only(sides.validation), order.recipe),
        held_out_names=order.sources.held_out,
        pool=pool,
        sides=sides,
    )


def calibrate(network: keras.Model, films: Films, recipe: Recipe) -> float:
    """Return the temperature at which the network is honest on films that it has not learned from.

    Every class counts alike, and a source by the square root of its films, as in training: a large source must not
    decide alone.
    """
    sure = films.targets.max(axis=1) == 1.0
    films = films.only(np.flatnonzero(sure))
    scores = predict(network, films, recipe).astype(np.float64)
    shares = group_shares(films.groups, films.targets, balance=0.5)
    sizes = {group: int((films.groups == group).sum()) for group in shares}
    weights = np.array([shares[int(group)] / sizes[int(group)] for group in films.groups])
    return fit_temperature(scores, films.targets.argmax(axis=1), weights)


def _claim(order: Order) -> None:
    """Note what the folder is for; refuse a folder that was for something else."""
    note = json.dumps(asdict(order), indent=1, sort_keys=True, default=_plain)
    place = order.out / _ORDER
    if place.exists() and place.read_text(encoding="utf-8") != note:
        raise Misconfigured(
            f"{order.out} holds a training with other settings ({place}); choose another folder, or remove this one"
        )
    order.out.mkdir(parents=True, exist_ok=True)
    place.write_text(note, encoding="utf-8")


def _plain(value: object) -> object:
    return sorted(str(item) for item in value) if isinstance(value, frozenset) else str(value)


def _lung_network(place: Path) -> tuple[keras.Model, str]:
    file = place if place.suffix == SUFFIX else place / LUNGS_WEIGHTS
    network = build_lung_network()
    load_weights_npz(network, file)
    return network, digest_of(file)


def _lung_figures(place: Path) -> Report | None:
    """Return what stands beside the weights that `hilum train-lungs` wrote, or in the package they came with."""
    is_file = place.suffix == SUFFIX
    file = place.with_name(place.name.removesuffix(".weights.npz") + ".metrics.json") if is_file else place / METRICS
    if not file.exists():
        return None
    found = json.loads(file.read_text(encoding="utf-8"))
    figures: Report | None = found if is_file else found.get("lungs")
    return figures


def _finder(lungs: keras.Model) -> FindLungs:
    def find(films: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        return np.asarray(lungs(films[..., None], training=False)[MASK][..., 0], dtype=np.float32)

    return find
