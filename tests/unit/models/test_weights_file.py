from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from domain.errors import Misconfigured

if TYPE_CHECKING:
    from pathlib import Path

    import keras

pytest.importorskip("keras", reason="training needs more packages: pip install 'hilum[train]'")


def _network(*, width: int = 64) -> keras.Model:
    """Layers without names: Keras counts those on in a process."""
    import keras
    from keras import layers

    film = keras.Input((8, 8, 1))
    x = layers.BatchNormalization()(layers.Conv2D(width, 5)(film))
    return keras.Model(film, layers.Dense(3)(layers.GlobalAveragePooling2D()(layers.Conv2D(width, 3)(x))))


def test_weights_come_back_rounded(tmp_path: Path) -> None:
    """Large arrays come back as float16 holds them, small ones and normalisations exactly."""
    from models.networks.weights_file import load_weights_npz, save_weights_npz

    network, other = _network(), _network()
    save_weights_npz(network, tmp_path / "w.npz")
    load_weights_npz(other, tmp_path / "w.npz")
    for before, after in zip(network.get_weights(), other.get_weights(), strict=True):
        assert after == pytest.approx(before, rel=1e-3, abs=1e-7)
        assert np.array_equal(before, after) == (before.size < 1024)


def test_a_rounded_network_loses_nothing_in_the_file(tmp_path: Path) -> None:
    """After rounding, the network and its file hold the same numbers."""
    from models.networks.weights_file import load_weights_npz, round_weights, save_weights_npz

    network, other = _network(), _network()
    round_weights(network)
    save_weights_npz(network, tmp_path / "w.npz")
    load_weights_npz(other, tmp_path / "w.npz")
    for before, after in zip(network.get_weights(), other.get_weights(), strict=True):
        assert np.array_equal(before, after)


def test_the_same_weights_give_the_same_bytes(tmp_path: Path) -> None:
    """Neither the time nor what was built before in the process shows in the file."""
    from models.networks.weights_file import save_weights_npz

    network = _network()
    again = _network()
    again.set_weights(network.get_weights())
    save_weights_npz(network, tmp_path / "a.npz")
    save_weights_npz(again, tmp_path / "b.npz")
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()


def test_weights_of_another_network_are_refused(tmp_path: Path) -> None:
    """A file whose arrays have other shapes is refused by name."""
    from models.networks.weights_file import load_weights_npz, save_weights_npz

    save_weights_npz(_network(width=32), tmp_path / "w.npz")
    with pytest.raises(Misconfigured, match=r"w\.npz: these are the weights of another network"):
        load_weights_npz(_network(), tmp_path / "w.npz")


@pytest.mark.parametrize("content", [b"", b"text", None])
def test_a_file_of_something_else_is_refused(tmp_path: Path, content: bytes | None) -> None:
    """An empty, a strange and a missing file give a sentence."""
    from models.networks.weights_file import load_weights_npz

    if content is not None:
        (tmp_path / "w.npz").write_bytes(content)
    with pytest.raises(Misconfigured, match="can't be read as a file of weights"):
        load_weights_npz(_network(), tmp_path / "w.npz")


def test_a_weight_beyond_float16_is_refused(tmp_path: Path) -> None:
    """A network that can't be stored is refused rather than stored with an infinite weight."""
    from models.networks.weights_file import save_weights_npz

    network = _network()
    network.set_weights([value * 1e7 for value in network.get_weights()])
    with pytest.raises(ValueError, match="too large for float16"):
        save_weights_npz(network, tmp_path / "w.npz")
