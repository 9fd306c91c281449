"""A package's networks as Keras files, to train on or to look into."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from models.networks.architectures import NONE, build
from models.networks.lung_network import build_lung_network
from models.networks.weights_file import load_weights_npz
from models.package import CLASSIFIER_WEIGHTS, LUNGS_WEIGHTS
from models.parcel import new

if TYPE_CHECKING:
    from pathlib import Path

    import keras

    from models.package import Package

FILES = ("classifier.keras", "lungs.keras")


def load_networks(package: Package) -> tuple[keras.Model, keras.Model]:
    """Return the classifying network and the lung network of a package, with their weights.

    Raises:
        Misconfigured: the architecture is unknown, or the weights do not fit it.
    """
    networks = build(package.architecture, package.size, NONE), build_lung_network()
    for network, part in zip(networks, (CLASSIFIER_WEIGHTS, LUNGS_WEIGHTS), strict=True):
        load_weights_npz(network, io.BytesIO(package.read(part)))
    return networks


def save_keras(package: Package, folder: Path) -> None:
    """Write both networks into a new folder; import `models.networks.class_scores` before reading `classifier.keras`.

    Raises:
        Misconfigured: the folder is there already or can't be written, or the weights do not fit the architecture.
    """
    networks = load_networks(package)
    with new(folder) as draft:
        draft.mkdir()
        for name, network in zip(FILES, networks, strict=True):
            network.save(draft / name)
