from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from domain.errors import Misconfigured
from tests.lung_films import draw_lung_collection

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from models.lungs.training import LungTraining
    from tests.lung_films import LungCollection

pytest.importorskip("keras", reason="training needs more packages: pip install 'hilum[train]'")

# TensorFlow arrays do not know the copy keyword of NumPy 2 yet; Keras meets that when it saves weights.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

STEPS = 4


class Told:
    """Remembers what a training tells, and ends it after some batches if asked to."""

    def __init__(self, dies_after: int | None = None) -> None:
        self.lines: list[tuple[str, int, int, dict[str, float]]] = []
        self._dies_after = dies_after

    def __call__(self, stage: str, done: int, total: int, figures: dict[str, float]) -> None:
        self.lines.append((stage, done, total, figures))
        if stage == "train" and done == self._dies_after:
            raise KeyboardInterrupt


@pytest.fixture(scope="module")
def collection(tmp_path_factory: pytest.TempPathFactory) -> LungCollection:
    return draw_lung_collection(tmp_path_factory.mktemp("lungs"))


def order(collection: LungCollection, out: Path, told: Told, **changes: object) -> LungTraining:
    from dicom_node.films import read_pixels
    from models.lungs.training import LungTraining

    given: dict[str, object] = {"epochs": 2, "steps": STEPS, "batch": 8}
    sources = collection.sources(seed=3)
    return LungTraining(sources=sources, out=out, read=read_pixels, report=told, **(given | changes))  # type: ignore[arg-type]


@pytest.fixture(scope="module", autouse=True)
def small() -> Iterator[None]:
    """A network of two levels and few pictures to judge, so that everything takes seconds."""
    from models.lungs import report
    from models.networks import lung_network

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lung_network, "_WIDTHS", (4, 8))
        patch.setattr(report, "_EACH_KIND", 1)
        yield


@pytest.fixture(scope="module")
def resumed(collection: LungCollection, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Told]:
    """A training that died in its second epoch and was started again: its folder, and what the second run told."""
    from models.lungs.training import train_lungs

    out, told = tmp_path_factory.mktemp("out"), Told()
    with pytest.raises(KeyboardInterrupt):
        train_lungs(order(collection, out, Told(dies_after=STEPS + 1)))
    train_lungs(order(collection, out, told))
    return out, told


def test_a_resumed_training_does_the_epochs_that_were_left(resumed: tuple[Path, Told]) -> None:
    """After a kill in the second of two epochs, only the second one is done, from its first batch."""
    out, told = resumed
    batches = [done for stage, done, _, _ in told.lines if stage == "train"]
    assert batches == [*range(STEPS + 1, 2 * STEPS + 1), 2 * STEPS]
    assert json.loads((out / "state" / "training_metadata.json").read_text())["epoch"] == 2


def test_each_epoch_is_watched_on_films_held_out(resumed: tuple[Path, Told]) -> None:
    """The last thing that training tells has the loss, Dice, and shares of films kept and pictures refused."""
    _, told = resumed
    figures = [figures for stage, _, _, figures in told.lines if stage == "train"][-1]
    assert {"loss", "val_dice", "val_kept", "val_refused"} <= set(figures)


def test_the_weights_are_those_of_the_lung_network(resumed: tuple[Path, Told]) -> None:
    """What is written can be loaded, and is not what the network was born with."""
    from models.networks.lung_network import build_lung_network
    from models.networks.weights_file import load_weights_npz

    network = build_lung_network()
    before = network.get_weights()[0].copy()
    load_weights_npz(network, resumed[0] / "lungs.weights.npz")
    assert np.abs(network.get_weights()[0] - before).max() > 1e-3


def test_the_figures_count_every_film_held_out(resumed: tuple[Path, Told]) -> None:
    """Dice by class and source, films kept and pictures refused, by the one output and by the whole verdict."""
    figures = json.loads((resumed[0] / "lungs.metrics.json").read_text())
    held_out = figures["held_out"]
    assert held_out["films"] + figures["training"]["films"] == 16
    assert figures["dice"]["all"]["films"] == held_out["masks"]
    assert sum(group["films"] for group in figures["dice"]["by_label"].values()) == held_out["masks"]
    for way in ("frontal_alone", "verdict"):
        assert figures["frontal_films_kept"][way]["of"] == held_out["films"]
        assert figures["not_eligible_refused"][way]["of"] == held_out["not_eligible"]
        assert figures["made_up_refused"][way]["of"] == len(figures["made_up_refused"][way]["by_kind"])


def test_a_sheet_shows_films_with_both_outlines(resumed: tuple[Path, Told]) -> None:
    """The picture has a tile for each film, and the colour of the given masks' outline in it."""
    with Image.open(resumed[0] / "lungs.png") as sheet:
        pixels = np.asarray(sheet)
    assert pixels.shape[1:] == (6 * 224, 3)
    assert (pixels == (86, 180, 233)).all(axis=2).sum() > 200


def test_another_training_is_not_mixed_with_the_first(collection: LungCollection, resumed: tuple[Path, Told]) -> None:
    """In the folder of a training with other options, nothing is trained; the error says what differs."""
    from models.lungs.training import train_lungs

    with pytest.raises(Misconfigured, match="differs in epochs"):
        train_lungs(order(collection, resumed[0], Told(), epochs=3))


def test_a_batch_has_some_of_everything(collection: LungCollection) -> None:
    """Masks only where they are known, frontal only for chest films, and the step decides all of it."""
    from models.lungs.batches import LungDrawing

    films, _ = collection.read(seed=3)
    drawing = LungDrawing(films=films, batch=32, seed=1)
    masked, unmasked, others, drawn, spoiled = drawing.portions()
    assert min(masked, unmasked, others, drawn, spoiled) > 0
    batch = drawing.pictures(5)
    assert batch.frontal.sum() == masked + unmasked
    assert (batch.mask_weights == 1).sum() == masked == np.count_nonzero(batch.masks.any(axis=(1, 2)))
    assert (batch.squares == drawing.pictures(5).squares).all()
    assert (batch.squares != drawing.pictures(6).squares).any()


def test_without_other_pictures_a_batch_is_full(collection: LungCollection) -> None:
    """The share of a missing part goes to the films with masks."""
    from models.lungs.batches import LungDrawing

    films, _ = collection.read(seed=3, not_eligible=[])
    drawing = LungDrawing(films=films, batch=16, seed=1)
    assert drawing.portions()[2] == 0
    assert len(drawing.pictures(0).squares) == 16


def test_film_and_mask_are_moved_together(collection: LungCollection) -> None:
    """After all changes the film is darker under its mask than beside it."""
    from models.lungs.batches import LungDrawing, lung_dataset

    films, _ = collection.read(seed=3)
    drawing = LungDrawing(films=films, batch=16, seed=1)
    grey, answers, weights = next(iter(lung_dataset(drawing)))
    assert grey.shape == (16, 112, 112, 1)
    for film, mask in zip(grey.numpy()[weights["mask"] == 1], answers["mask"].numpy(), strict=False):
        assert film[mask == 1].mean() < film[mask == 0].mean()


def test_dice_of_a_perfect_mask_is_one() -> None:
    """Equal masks give 1, masks apart 0, half of a mask two thirds."""
    from models.lungs.report import dice

    whole = np.zeros((1, 4, 4), dtype=bool)
    whole[:, :2] = True
    half = whole.copy()
    half[:, :1] = False
    assert [float(dice(whole, other)[0]) for other in (whole, ~whole, half)] == [1, 0, pytest.approx(2 / 3)]


def test_the_loss_falls_with_better_masks() -> None:
    """The loss of each film is near 0 for the true mask, and large for its opposite; without lung, too."""
    from models.lungs.training import mask_loss

    truth = np.zeros((2, 8, 8, 1), dtype=np.float32)
    truth[0, :4] = 1
    right, wrong = mask_loss(truth, truth).numpy(), mask_loss(truth, 1 - truth).numpy()
    assert right.shape == (2,)
    assert (right < 0.01).all()
    assert (wrong > 1).all()
