from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from domain.errors import Misconfigured
from domain.findings import Label
from tests.drawn import drawn_chest

if TYPE_CHECKING:
    from pathlib import Path

    from click.testing import Result

    from models.training.workshop import Order

REASON = "training needs more packages: pip install 'hilum[train]'"
pytest.importorskip("tensorflow", reason=REASON)

# TensorFlow arrays do not know the copy keyword of NumPy 2 yet.
pytestmark = [
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
    pytest.mark.timeout(240),
]


_SHARE = {"verdict": {"value": 0.777, "of": 9, "wilson_95": [0.45, 0.94]}}
LUNG_FIGURES = {
    "dice": {"all": {"value": 0.9, "films": 40, "interval_95": [0.8, 0.95]}},
    "frontal_films_kept": _SHARE,
    "not_eligible_refused": _SHARE,
    "made_up_refused": _SHARE,
}


class Stopped(Exception):
    """Somebody pulled the plug."""


@pytest.fixture
def collection(tmp_path: Path) -> Path:
    """Sixty films in two sources, whose class is their texture."""
    folder = tmp_path / "films"
    folder.mkdir()
    rows = ["file,label,source,source_name,patient_id,licence"]
    for number in range(60):
        film = drawn_chest(texture=1 + 4 * (number % 3), size=96)
        noise = np.random.default_rng(number).normal(0, 0.03, film.shape)
        file = f"{'ab'[number // 48]}{number:02d}.png"
        Image.fromarray(np.uint8(np.clip(film + noise, 0, 1) * 255)).save(folder / file)
        rows.append(f"{file},{list(Label)[number % 3]},s{number // 48},{number}.png,p{number},CC0")
    (folder / "manifest.csv").write_text("\n".join(rows))
    return folder


@pytest.fixture
def order(collection: Path, tmp_path: Path) -> Order:
    """A training of seconds."""
    from models.networks.lung_network import build_lung_network
    from models.networks.weights_file import save_weights_npz
    from models.training.examples import Sources
    from models.training.recipes import recipe
    from models.training.workshop import Order

    save_weights_npz(build_lung_network(), tmp_path / "lungs.weights.npz")
    (tmp_path / "lungs.metrics.json").write_text(json.dumps(LUNG_FIGURES))
    small = replace(recipe("hilum", "custom_cnn"), size=32, batch=8, epochs=2, steps=3, head_steps=2)
    return Order(
        architecture="custom_cnn",
        recipe=small,
        weights="none",
        sources=Sources(films=[collection], seed=1),
        lungs=tmp_path / "lungs.weights.npz",
        out=tmp_path / "out",
    )


def _make(order: Order, *, stop_after: int | None = None) -> list[tuple[str, int, int]]:
    from dicom_node.films import read_pixels
    from models.training.workshop import make

    told: list[tuple[str, int, int]] = []

    def tell(stage: str, done: int, total: int, figures: dict[str, float]) -> None:
        del figures
        told.append((stage, done, total))
        if stage == "all" and done == stop_after:
            raise Stopped

    make(order, read=read_pixels, tell=tell)
    return told


def test_an_interrupted_training_is_taken_up_after_its_last_epoch(order: Order) -> None:
    """What was learned before the plug was pulled is not learned again."""
    with pytest.raises(Stopped):
        _make(order, stop_after=5)
    told = [done for stage, done, _ in _make(order) if stage == "all"]
    assert min(told) == 4
    assert max(told) == 6
    assert [done for stage, done, _ in _make(order) if stage in {"all", "head", "prepare"}] == []


def test_a_folder_of_another_training_is_refused(order: Order) -> None:
    """A state must not be taken up with other settings."""
    order.out.mkdir()
    (order.out / "order.json").write_text("{}")
    with pytest.raises(Misconfigured, match="other settings"):
        _make(order)


def test_files_that_are_no_films_are_listed(order: Order, collection: Path) -> None:
    """Nothing is trained on a part of the films in silence."""
    (collection / "a03.png").write_bytes(b"no picture")
    with pytest.raises(Misconfigured, match=r"1 files can't be used as films: .*a03.png \(unreadable\)"):
        _make(order)


def test_one_command_makes_a_package_with_its_papers(collection: Path, order: Order, tmp_path: Path) -> None:
    """From films to a checked package that classifies, with figures on patients and on a source it never saw."""
    from models.collection import read_collection
    from models.package import load_package

    result = _train(collection, order, tmp_path, "1.2.3", "--hold-out source=s1")
    assert result.exit_code == 0, result.output
    package = load_package(tmp_path / "1.2.3" / "net-1.2.3")
    assert package.architecture == "custom_cnn"
    metrics = json.loads((package.folder / "metrics.json").read_text())
    watched = metrics["validation"]["all"]["films"]
    assert 0 < watched < 48
    assert metrics["unseen"]["all"]["films"] == 12
    assert metrics["held_out"]["all"]["films"] == watched + 12
    measured = read_collection(tmp_path / "1.2.3" / "measured.csv").films
    assert Counter(film.columns["side"] for film in measured) == {"validation": watched, "unseen": 12}
    assert not {film.patient for film in measured} & {f"p{number}" for number in range(60)}
    card = package.card.read_text()
    assert "CC0" in card
    assert "| Laterals and CT slices refused | 9 | 77.7 % (45 to 94) |" in card
    assert "`source=s1`" in card

    final = _train(collection, order, tmp_path, "1.2.4", f"--rehearsal {package.folder} --weights {package.folder}")
    assert final.exit_code == 0, final.output
    package = load_package(tmp_path / "1.2.4" / "net-1.2.4")
    assert json.loads((package.folder / "metrics.json").read_text())["rehearsal"]["unseen"] == metrics["unseen"]
    assert "custom_cnn from the weights of net-1.2.3" in package.card.read_text()
    assert "This network has learned from every source. The figures are those of net-1.2.3" in package.card.read_text()

    not_rehearsed = _train(collection, order, tmp_path, "1.2.5", f"--rehearsal {package.folder}")
    assert "net-1.2.4 was trained without holding out a source" in str(not_rehearsed.exception)


def _train(collection: Path, order: Order, tmp_path: Path, version: str, more: str) -> Result:
    from click.testing import CliRunner

    from hilum.cli import hilum

    words = f"train --data {collection} --architecture custom_cnn --weights none --lungs {order.lungs} {more}"
    words += (
        f" --epochs 1 --steps 2 --batch 8 --size 32 --seed 1 --name net --version {version} --out {tmp_path / version}"
    )
    return CliRunner().invoke(hilum, words.split())


def test_the_paper_has_no_recipe_for_our_network() -> None:
    """What the paper did not do is not done in its name."""
    from models.training.recipes import recipe

    assert recipe("paper", "densenet121").epochs == 40
    with pytest.raises(Misconfigured, match="no recipe for efficientnet_lite0"):
        recipe("paper", "efficientnet_lite0")
