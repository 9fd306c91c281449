from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from domain.findings import Label
from models.dataset import Film
from models.package import load_package

if TYPE_CHECKING:
    from pathlib import Path

REASON = "training needs more packages: pip install 'hilum[train]'"
pytest.importorskip("onnx", reason=REASON)
pytest.importorskip("keras", reason=REASON)

# TensorFlow arrays do not know the copy keyword of NumPy 2 yet; Keras meets that when it saves weights.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


@pytest.fixture
def collection(tmp_path: Path) -> Path:
    """Thirty films whose class is the place of a bright square."""
    random = np.random.default_rng(0)
    rows = ["file,label,source,source_name,patient_id,licence"]
    for number in range(30):
        label = list(Label)[number % 3]
        pixels = random.integers(0, 40, (224, 224), dtype=np.uint8)
        pixels[60:160, 70 * (number % 3) : 70 * (number % 3) + 70] += 180
        file = f"{'abc'[number % 2]}/{number:02d}.jpg"
        (tmp_path / file).parent.mkdir(exist_ok=True)
        Image.fromarray(pixels).save(tmp_path / file)
        rows.append(f"{file},{label},s{number % 2},{number}.jpg,p{number},CC0")
    (tmp_path / "manifest.csv").write_text("\n".join(rows))
    return tmp_path


def _films(*groups: tuple[Label, str, int]) -> list[Film]:
    return [
        Film(file=f"{number}", label=label, folder="a", source=source, patient=f"{number}", licence="CC0")
        for label, source, count in groups
        for number in range(count)
    ]


def test_balance_gives_every_class_the_same_say() -> None:
    """Ten films of one class weigh as much as a hundred of another, and a rare source more per film."""
    from models.head import film_weights

    films = _films((Label.COVID19, "x", 10), (Label.NORMAL, "x", 90), (Label.NORMAL, "y", 10))
    weights = film_weights(films, balance=0.5)
    assert weights[:10].sum() == pytest.approx(weights[10:].sum(), rel=1e-5)
    assert weights[-1] == pytest.approx(3 * weights[10], rel=1e-5)


def test_without_balance_every_film_counts_alike() -> None:
    """Balance 0 gives every film the weight 1."""
    from models.head import film_weights

    films = _films((Label.COVID19, "x", 10), (Label.NORMAL, "x", 90))
    assert film_weights(films, balance=0.0) == pytest.approx(np.ones(100))


def test_folding_keeps_what_the_normalisation_did() -> None:
    """A convolution with the normalisation folded in gives what both gave one after the other."""
    from models.onnx_export import fold

    random = np.random.default_rng(2)
    kernel = random.normal(size=(1, 1, 4, 3)).astype(np.float32)
    gamma, beta, mean, variance = random.uniform(0.5, 2, (4, 3)).astype(np.float32)
    x = random.normal(size=4)
    folded, bias = fold(kernel, [gamma, beta, mean, variance])
    expected = (x @ kernel[0, 0] - mean) / np.sqrt(variance + 1e-3) * gamma + beta
    assert x @ folded[0, 0] + bias == pytest.approx(expected, rel=1e-5)


def test_the_exported_graph_computes_what_keras_computes(tmp_path: Path) -> None:
    """The ONNX file of a random backbone gives the features of the Keras network it was made from."""
    import onnxruntime

    from models.efficientnet_lite import build_backbone
    from models.layer_summary import reference_image
    from models.onnx_export import export

    backbone = build_backbone()
    export(tmp_path / "b.onnx", {x.name: x.get_weights() for x in backbone.layers if x.weights}, compact=False)
    film = reference_image(224)[None]
    session = onnxruntime.InferenceSession(str(tmp_path / "b.onnx"), providers=["CPUExecutionProvider"])
    expected = np.asarray(backbone(np.repeat(film[..., None], 3, axis=3), training=False))
    assert session.run(["pool"], {"films": film})[0] == pytest.approx(expected, rel=1e-3, abs=1e-5)


def test_compact_storage_keeps_the_network(tmp_path: Path) -> None:
    """Kernels in int16 halve the file and move the features by less than a thousandth of the largest."""
    from models.efficientnet_lite import build_backbone
    from models.features import compute
    from models.layer_summary import reference_image
    from models.onnx_export import export

    backbone = {layer.name: layer.get_weights() for layer in build_backbone().layers if layer.weights}
    compact, exact = tmp_path / "compact.onnx", tmp_path / "exact.onnx"
    export(compact, backbone)
    export(exact, backbone, compact=False)
    film = reference_image(224)[None]
    expected = compute(exact, film)
    assert compact.stat().st_size < 0.6 * exact.stat().st_size
    assert np.abs(compute(compact, film) - expected).max() < 1e-3 * expected.max()


@pytest.mark.timeout(240)
def test_training_writes_a_package_that_serves(collection: Path, tmp_path: Path) -> None:
    """From films to a checked package in one command, with an honest account of what was measured."""
    from models.classifier import OnnxClassifier
    from models.dataset import load_picture
    from models.efficientnet_lite import build_backbone
    from models.train import main

    build_backbone().save_weights(tmp_path / "b.weights.h5")
    out = tmp_path / "net-1.2.3"
    options: dict[str, object] = {
        "data": collection,
        "weights": tmp_path / "b.weights.h5",
        "out": out,
        "cache": tmp_path / "cache",
    }
    options |= {"name": "net", "version": "1.2.3", "views": 2, "epochs": 2, "unseen": "b"}
    assert main([str(word) for name, value in options.items() for word in (f"--{name}", value)]) == 0
    package = load_package(out)
    assert (package.model.name, package.model.version) == ("net", "1.2.3")
    metrics = json.loads((out / "metrics.json").read_text())
    assert metrics["compact_storage"]["largest_change"] < 0.01
    assert 0 < metrics["validation"]["all"]["accuracy"]["of"] < 30
    assert set(metrics["unseen"]["by_folder"]) == {"b"}
    assert len(OnnxClassifier(package).classify([load_picture(collection / "a" / "00.jpg")])) == 1
