from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from models.networks.layer_summary import reference_image

if TYPE_CHECKING:
    from pathlib import Path

    import keras

REASON = "training needs more packages: pip install 'hilum[train]'"
for toolkit in ("keras", "onnx", "tf2onnx"):
    pytest.importorskip(toolkit, reason=REASON)


def _network(name: str = "custom_cnn") -> keras.Model:
    import keras

    from models.networks.architectures import NONE, build
    from models.networks.lung_network import build_lung_network

    keras.utils.set_random_seed(3)
    return build_lung_network() if name == "lungs" else build(name, 64, NONE)


def _films(network: keras.Model) -> np.ndarray:
    film = reference_image(network.input_shape[1])
    return np.stack([film, 0.5 * film, 1 - film]).astype(np.float32)


def _session(path: Path) -> Any:  # noqa: ANN401 - onnxruntime has no type information
    import onnxruntime

    return onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])


def _outputs(path: Path, films: np.ndarray) -> dict[str, np.ndarray]:
    session = _session(path)
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(names, {"films": films}), strict=True))


@pytest.mark.parametrize("name", ["custom_cnn", "efficientnet_lite0", "lungs"])
def test_the_file_computes_what_keras_computes(tmp_path: Path, name: str) -> None:
    """Every output of the ONNX file is the Keras network's, in whatever batch, within rounding."""
    from models.networks.onnx_export import export

    network = _network(name)
    films = _films(network)
    export(tmp_path / "n.onnx", network, compact=False)
    found = _outputs(tmp_path / "n.onnx", films)
    for key, expected in network(films[..., None], training=False).items():
        assert found[key] == pytest.approx(np.squeeze(expected.numpy()), abs=1e-5), key
    assert {key: len(value) for key, value in _outputs(tmp_path / "n.onnx", films[:1]).items()} == dict.fromkeys(
        found, 1
    )


def test_the_lung_network_has_films_masks_and_one_number_each(tmp_path: Path) -> None:
    """Input and outputs have no axis of channels."""
    from models.networks.onnx_export import export

    export(tmp_path / "n.onnx", _network("lungs"))
    session = _session(tmp_path / "n.onnx")
    assert [(value.name, value.shape) for value in session.get_inputs()] == [("films", ["batch", 112, 112])]
    shapes = {value.name: value.shape for value in session.get_outputs()}
    assert shapes == {"mask": ["batch", 112, 112], "frontal": ["batch"]}


def test_compact_storage_keeps_the_network(tmp_path: Path) -> None:
    """Kernels in int16 nearly halve the file and move the results by less than a thousandth of the largest."""
    from models.networks.onnx_export import export

    network = _network()
    films = _films(network)
    export(tmp_path / "compact.onnx", network)
    export(tmp_path / "exact.onnx", network, compact=False)
    compact, exact = (_outputs(tmp_path / f"{name}.onnx", films) for name in ("compact", "exact"))
    assert (tmp_path / "compact.onnx").stat().st_size < 0.55 * (tmp_path / "exact.onnx").stat().st_size
    for key, expected in exact.items():
        assert np.abs(compact[key] - expected).max() < 1e-3 * np.abs(expected).max()


def test_the_same_network_gives_the_same_bytes(tmp_path: Path) -> None:
    """A network built again in the same process, whose unnamed layers Keras counts on, gives the same file."""
    from models.networks.onnx_export import export

    for name in ("a", "b"):
        export(tmp_path / f"{name}.onnx", _network("lungs"))
    assert (tmp_path / "a.onnx").read_bytes() == (tmp_path / "b.onnx").read_bytes()


def test_a_network_in_half_precision_is_refused(tmp_path: Path) -> None:
    """A network built to compute in half precision is not exported by accident."""
    import keras

    from models.networks.onnx_export import export

    keras.config.set_dtype_policy("mixed_float16")
    try:
        network = _network()
    finally:
        keras.config.set_dtype_policy("float32")
    with pytest.raises(ValueError, match="half precision"):
        export(tmp_path / "n.onnx", network)
