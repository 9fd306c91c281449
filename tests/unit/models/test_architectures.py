from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from domain.errors import Misconfigured
from models.networks.layer_summary import reference_image

if TYPE_CHECKING:
    from pathlib import Path

    import keras

REASON = "training needs more packages: pip install 'hilum[train]'"
keras_module = pytest.importorskip("keras", reason=REASON)

# TensorFlow arrays do not know the copy keyword of NumPy 2 yet; Keras meets that when it saves weights.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

NAMES = ("efficientnet_lite0", "resnet50v2", "densenet121", "custom_cnn")


def _films(size: int) -> np.ndarray:
    film = reference_image(size)
    return np.stack([film, 0.6 * film])[..., None].astype(np.float32)


def _network(name: str, size: int = 64) -> keras.Model:
    from models.networks.architectures import NONE, build

    keras_module.utils.set_random_seed(1)
    return build(name, size, NONE)


@pytest.mark.parametrize("name", NAMES)
def test_every_network_keeps_the_contract(name: str) -> None:
    """Grey films go in; scores of three classes come out, and a map for each class, not negative, all in float32."""
    found = _network(name)(_films(64), training=False)
    assert set(found) == {"logits", "maps"}
    assert found["logits"].shape == (2, 3)
    assert found["maps"].shape == (2, 2, 2, 3)
    assert found["maps"].numpy().min() >= 0.0
    assert {value.numpy().dtype for value in found.values()} == {np.dtype(np.float32)}


@pytest.mark.parametrize("name", ["efficientnet_lite0", "custom_cnn"])
def test_the_maps_are_grad_cam(name: str) -> None:
    """The maps computed inside the network are those that the gradients of the scores give."""
    import tensorflow as tf

    network = _network(name)
    scores = network.get_layer("class_scores")
    features = keras_module.Model(network.input, scores.input)(_films(64), training=False)
    maps = scores(features)["maps"].numpy()
    for number in range(3):
        with tf.GradientTape() as tape:
            tape.watch(features)
            score = scores(features)["logits"][:, number]
        weights = tf.reduce_sum(tape.gradient(score, features), axis=(1, 2), keepdims=True)
        expected = tf.nn.relu(tf.reduce_sum(weights * features, axis=-1)).numpy()
        assert maps[..., number] == pytest.approx(expected, abs=1e-5 * float(maps.max()))


def test_each_network_sees_grey_values_as_it_was_trained() -> None:
    """ResNet50V2 gets -1 to 1, DenseNet121 the deviation from ImageNet's mean colour."""
    from models.networks.architectures import BACKBONE

    seen = {}
    for name in ("resnet50v2", "densenet121"):
        network = _network(name, 32)
        before = keras_module.Model(network.input, network.get_layer("normalise").output)
        seen[name] = before(np.ones((1, 32, 32, 1), np.float32)).numpy()[0, 0, 0]
        assert network.get_layer(BACKBONE).input_shape[-1] == 3
    assert seen["resnet50v2"] == pytest.approx([1, 1, 1])
    assert seen["densenet121"] == pytest.approx([(1 - 0.485) / 0.229, (1 - 0.456) / 0.224, (1 - 0.406) / 0.225])


def test_a_frozen_backbone_leaves_the_head_to_learn() -> None:
    """As the paper trains: only the two dense layers have trainable weights."""
    network = _network("resnet50v2", 32)
    network.get_layer("backbone").trainable = False
    assert [tuple(weight.shape) for weight in network.trainable_weights] == [(2048, 256), (256,), (256, 3), (3,)]


def test_the_plain_network_learns_from_nothing() -> None:
    """In a few epochs custom_cnn tells films apart by where their bright bar lies."""
    network = _network("custom_cnn", 32)
    scores = keras_module.Model(network.input, network.output["logits"])
    random = np.random.default_rng(0)
    classes = random.integers(0, 3, 150)
    films = random.normal(0.3, 0.1, (150, 32, 32, 1)).astype(np.float32)
    for film, place in zip(films, classes, strict=True):
        film[4 + 9 * place : 9 + 9 * place, 8:24] += 0.5
    loss = keras_module.losses.SparseCategoricalCrossentropy(from_logits=True)
    scores.compile("adam", loss, metrics=["accuracy"])
    assert scores.fit(films, classes, epochs=5, verbose=0).history["accuracy"][-1] > 0.95


def test_an_unknown_network_is_refused_with_the_known() -> None:
    """A wrong name lists the right ones."""
    from models.networks.architectures import build

    with pytest.raises(Misconfigured, match=f"known: {', '.join(NAMES)}"):
        build("vgg", 64)


@pytest.mark.parametrize("name", ["ResNet50V2", "DenseNet121"])
def test_without_a_network_the_file_to_fetch_is_named(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where Keras can't download, the sentence names the address, the folder and the option."""
    from urllib.error import URLError

    from keras.src.utils import file_utils

    from models.networks.imagenet import load_application

    def unreachable(*_: object) -> None:
        raise URLError("no network")

    monkeypatch.setattr(file_utils, "urlretrieve", unreachable)
    monkeypatch.setattr(file_utils.os.path, "exists", lambda _: False)
    where = (
        rf"fetch http\S+/{name.lower()}_\S+_notop\.h5 on .*~/\.keras/models/ or give it with `--weights {name.lower()}"
    )
    with pytest.raises(Misconfigured, match=where):
        load_application(name, SimpleNamespace(input_shape=(None, 32, 32, 3)), None)


def test_weights_from_a_keras_file(tmp_path: Path) -> None:
    """The backbone's weights can be given as a file; those of another network are refused."""
    from models.networks.architectures import build

    custom = _network("efficientnet_lite0", 32)
    custom.get_layer("backbone").save_weights(tmp_path / "b.weights.h5")
    again = build("efficientnet_lite0", 64, tmp_path / "b.weights.h5")
    for ours, theirs in zip(
        again.get_layer("backbone").get_weights(), custom.get_layer("backbone").get_weights(), strict=True
    ):
        assert np.array_equal(ours, theirs)
    with pytest.raises(Misconfigured, match="another network"):
        build("resnet50v2", 32, tmp_path / "b.weights.h5")


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    """A missing weights file is named, of whatever kind it should have been."""
    from models.networks.architectures import build

    for file in ("w.npz", "w.h5", "w.pth"):
        with pytest.raises(Misconfigured, match=file.replace(".", r"\.")):
            build("efficientnet_lite0", 32, tmp_path / file)


def test_a_network_without_imagenet_weights_wants_its_own(tmp_path: Path) -> None:
    """custom_cnn starts from random weights by default, and takes nobody else's."""
    from models.networks.architectures import build

    assert build("custom_cnn", 32).count_params() > 1_000_000
    with pytest.raises(Misconfigured, match="has no ImageNet weights"):
        build("custom_cnn", 32, tmp_path / "w.h5")
