"""The classifying networks by name: what they are made of, how they see a film, where their first weights come from.

Every network takes grey films, float32 (batch, size, size, 1), 0 = black to 1 = white, and normalises them itself. It
gives a dict: `logits`, float32 (batch, 3), and `maps`, float32 (batch, rows, columns, 3); see
`models.networks.class_scores`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import keras
from keras import layers

from domain.errors import Misconfigured
from domain.findings import Label
from models.networks import imagenet
from models.networks.class_scores import ClassScores
from models.networks.efficientnet_lite import build_backbone
from models.networks.weights_file import SUFFIX, load_weights_npz
from models.package import CLASSIFIER_WEIGHTS

if TYPE_CHECKING:
    from collections.abc import Callable

IMAGENET = "imagenet"
NONE = "none"
BACKBONE = "backbone"
"""Name of the layer in front of the class scores: a network of its own, which can be frozen."""

_CHANNELS = 3
_IMAGENET_MEAN = (0.485, 0.456, 0.406)
_IMAGENET_DEVIATION = (0.229, 0.224, 0.225)
"""Of the ImageNet pictures, by colour, values 0 to 1: how DenseNet's films were normalised."""
_CNN_WIDTHS = (32, 64, 128, 256)


@dataclass(frozen=True, kw_only=True, slots=True)
class Architecture:
    """How one kind of network is put together."""

    backbone: Callable[[int], keras.Model]
    """Makes the untrained backbone for pictures of a size, from the normalised picture to a map of features."""
    pretrained: Callable[[keras.Model, Path | None], None] | None = None
    """Puts ImageNet's weights into the backbone, from a file or from where they are published; None: there are none."""
    channels: int = _CHANNELS
    scale: tuple[float, ...] = (1.0,)
    offset: tuple[float, ...] = (0.0,)
    """A grey value g is shown to the backbone as g * scale + offset, in each channel."""
    hidden: int = 0
    """Neurons between features and scores."""
    dropout: float = 0.5


def names() -> tuple[str, ...]:
    """Return the names that `build` knows."""
    return tuple(_ARCHITECTURES)


def build(name: str, size: int, weights: str | Path = IMAGENET) -> keras.Model:
    """Return a network for looks of `size` rows and columns; its layer `backbone` can be frozen.

    Args:
        name: one of `names()`.
        size: rows and columns of the looks, in pixels; the weights do not depend on it.
        weights: `imagenet` for a backbone trained on ImageNet (custom_cnn has none and starts from random weights),
            `none` for random weights, or a file: ImageNet's weights as they are published, or all weights of such a
            network as `models.networks.weights_file` writes them (`.npz`), also by the folder of their package.

    Raises:
        Misconfigured: the network is unknown, or its weights can't be had; the text says what to fetch.
    """
    if name not in _ARCHITECTURES:
        raise Misconfigured(f"there is no network {name!r}; known: {', '.join(names())}")
    network = _assemble(name, _ARCHITECTURES[name], size)
    if str(weights) != NONE:
        _load(network, _ARCHITECTURES[name], None if str(weights) == IMAGENET else Path(weights))
    return network


def _load(network: keras.Model, architecture: Architecture, file: Path | None) -> None:
    if file is not None and file.is_dir():
        file = file / CLASSIFIER_WEIGHTS
    if file is not None and file.suffix == SUFFIX:
        load_weights_npz(network, file)
    elif architecture.pretrained is not None:
        architecture.pretrained(network.get_layer(BACKBONE), file)
    elif file is not None:
        raise Misconfigured(f"{network.name} has no ImageNet weights; {file} must be a {SUFFIX} file with all weights")


def _assemble(name: str, architecture: Architecture, size: int) -> keras.Model:
    film = keras.Input((size, size, 1), name="film")
    x = layers.Concatenate(name="channels")([film] * architecture.channels) if architecture.channels > 1 else film
    if (architecture.scale, architecture.offset) != ((1.0,), (0.0,)):
        x = layers.Rescaling(list(architecture.scale), list(architecture.offset), name="normalise")(x)
    features = architecture.backbone(size)(x)
    scores = ClassScores(len(Label), architecture.hidden, architecture.dropout, name="class_scores")
    return keras.Model(film, scores(features), name=name)


def _application(kind: str, size: int) -> keras.Model:
    make = getattr(keras.applications, kind)
    return make(include_top=False, weights=None, input_shape=(size, size, _CHANNELS), name=BACKBONE)


def _plain(size: int) -> keras.Model:
    """Return four blocks of two convolutions and a pooling, about 1.2 million weights."""
    film = keras.Input((size, size, 1), name="film")
    x: Any = film
    for number, width in enumerate(_CNN_WIDTHS, start=1):
        for part, stride in (("a", 2 if number == 1 else 1), ("b", 1)):
            name = f"block{number}{part}"
            x = layers.Conv2D(width, 3, stride, padding="same", use_bias=False, name=f"{name}_conv")(x)
            x = layers.ReLU(name=name)(layers.BatchNormalization(momentum=0.9, name=f"{name}_bn")(x))
        x = layers.MaxPooling2D(name=f"block{number}_pool")(x)
    return keras.Model(film, x, name=BACKBONE)


_ARCHITECTURES = {
    "efficientnet_lite0": Architecture(
        backbone=partial(build_backbone, name=BACKBONE), pretrained=imagenet.load_lite0, dropout=0.3
    ),
    "resnet50v2": Architecture(
        backbone=partial(_application, "ResNet50V2"),
        pretrained=partial(imagenet.load_application, "ResNet50V2"),
        scale=(2.0,),
        offset=(-1.0,),
        hidden=256,
    ),
    "densenet121": Architecture(
        backbone=partial(_application, "DenseNet121"),
        pretrained=partial(imagenet.load_application, "DenseNet121"),
        scale=tuple(1 / deviation for deviation in _IMAGENET_DEVIATION),
        offset=tuple(-mean / deviation for mean, deviation in zip(_IMAGENET_MEAN, _IMAGENET_DEVIATION, strict=True)),
        hidden=256,
    ),
    "custom_cnn": Architecture(backbone=_plain, channels=1, hidden=256),
}
