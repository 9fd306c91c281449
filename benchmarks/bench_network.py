"""How long the networks take for one film: Hilum's in ONNX Runtime against `keras.Model.predict` of ResNet50V2.

Run: python benchmarks/bench_network.py [--repeats 30]. Both take turns in the same process, one film at a time, all
cores. ResNet50V2 has random weights, which cost as much as trained ones. The last lines time the preparation of a film
of 2500 x 2048 pixels on one core.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import DigitalXRayImageStorageForPresentation, ExplicitVRLittleEndian

from dicom_node.pixels import render
from models.classifier import NetworkClassifier, lung_input
from models.looks import show
from models.onnx_runtime import OnnxRuntime
from models.package import load_package
from models.preprocess import prepare

_WARM_UP = 3
_ROWS, _COLUMNS = 2500, 2048


def main() -> None:
    """Print medians in milliseconds, and ratios."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=30, help="turns for each; the median is told")
    repeats = parser.parse_args().repeats
    package = load_package()
    runtime = OnnxRuntime(package)
    classifier = NetworkClassifier(package, runtime)
    film = _film()
    square = prepare(film)
    coarse = lung_input(square)[None]
    looks, _ = show(square, np.ones((112, 112), dtype=np.float32), package.looks, package.size)
    resnet, picture = _resnet()
    times = _take_turns(
        {
            "keras.Model.predict of ResNet50V2, 224 pixels": lambda: resnet.predict(picture, verbose=0),
            f"{package.architecture}, one look of {package.size} pixels": lambda: runtime.classes(looks[:1]),
            f"{package.architecture}, all {len(looks)} looks": lambda: runtime.classes(looks),
            "lung network": lambda: runtime.lungs(coarse),
            "a whole film of 224 pixels: preparation, lungs, looks": lambda: classifier.classify([square]),
        },
        repeats,
    )
    reference = next(iter(times.values()))
    print(f"{package.title}, median of {repeats} turns")
    for name, milliseconds in times.items():
        print(f"{milliseconds:8.2f} ms  {reference / milliseconds:5.1f} x  {name}")
    dataset = _dataset(film)
    prepared = _take_turns({"render": lambda: render(dataset), "prepare": lambda: prepare(film)}, repeats)
    print(f"a DX of {_ROWS} x {_COLUMNS}, 16 bits, on one core:")
    print(f"{prepared['render']:8.2f} ms  from stored values to grey values (VOI LUT, float32)")
    print(f"{prepared['prepare']:8.2f} ms  from grey values to the network's square")


def _take_turns(rivals: dict[str, Callable[[], object]], repeats: int) -> dict[str, float]:
    found: dict[str, list[float]] = {name: [] for name in rivals}
    for turn in range(_WARM_UP + repeats):
        for name, work in rivals.items():
            start = time.perf_counter()
            work()
            if turn >= _WARM_UP:
                found[name].append((time.perf_counter() - start) * 1000)
    return {name: statistics.median(values) for name, values in found.items()}


def _film() -> np.ndarray:
    rows, columns = np.mgrid[:_ROWS, :_COLUMNS].astype(np.float32)
    return np.asarray(0.5 + 0.3 * np.sin(rows / 190) * np.cos(columns / 170), dtype=np.float32)


def _dataset(film: np.ndarray) -> Dataset:
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.SOPClassUID = DigitalXRayImageStorageForPresentation
    dataset.Rows, dataset.Columns = film.shape
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation = 16, 14, 13, 0
    dataset.WindowCenter, dataset.WindowWidth = 8192, 16384
    dataset.PixelData = np.round(film * 16383).astype("<u2").tobytes()
    return dataset


def _resnet() -> tuple[object, np.ndarray]:
    import keras

    network = keras.applications.ResNet50V2(weights=None, input_shape=(224, 224, 3))
    return network, np.random.default_rng(0).random((1, 224, 224, 3), dtype=np.float32)


if __name__ == "__main__":
    main()
