"""Feature vectors of films, computed once by the frozen backbone and kept on disk."""

# ruff: noqa: T201 - progress on the terminal

from __future__ import annotations

import hashlib
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from models.augment import augment
from models.dataset import Film, load_picture
from models.onnx_export import INPUT
from models.preprocess import PREPROCESSING, prepare

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from domain.film import GreyImage

Features = npt.NDArray[np.float32]
_BATCH = 32
_THREADS = 2


def film_input(collection: Path, film: Film, view: int) -> GreyImage:
    """Return the network's input for one film; view 0 is the film itself, every other number a fixed random change."""
    image = load_picture(collection / film.file)
    if view:
        key = hashlib.sha256(f"{view}:{film.file}".encode()).digest()
        image = augment(image, np.random.default_rng(int.from_bytes(key[:8])))
    return prepare(image)


@lru_cache(maxsize=4)
def _session(graph: Path) -> Any:  # noqa: ANN401 - onnxruntime has no type information
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = _THREADS
    return onnxruntime.InferenceSession(str(graph), options, providers=["CPUExecutionProvider"])


def compute(graph: Path, inputs: npt.NDArray[np.float32]) -> Features:
    """Return the only output of an ONNX file for prepared films, float32 (films, 224, 224)."""
    return np.asarray(_session(graph).run(None, {INPUT: inputs})[0], dtype=np.float32)


def extract(backbone: Path, collection: Path, films: Sequence[Film], view: int) -> Features:
    """Return the features of all films in one view: float32 (films, 1280).

    `backbone` is an ONNX file without a head, as `models.onnx_export.export` writes it.
    """
    found: list[Features] = []
    with ThreadPoolExecutor(_THREADS) as pool:
        for start in range(0, len(films), _BATCH):
            inputs = pool.map(partial(film_input, collection, view=view), films[start : start + _BATCH])
            found.append(compute(backbone, np.stack(list(inputs))))
            print(f"\rview {view}: {start}/{len(films)} films", end="", flush=True)
    print(f"\rview {view}: {len(films)} films      ")
    return np.concatenate(found)


def cached(cache: Path, backbone: Path, collection: Path, films: Sequence[Film], view: int) -> Features:
    """Return the features from the cache folder, extracting them first where the films or the backbone are new."""
    names = "\n".join(film.file for film in films).encode()
    key = hashlib.sha256(backbone.read_bytes() + names + PREPROCESSING.encode()).hexdigest()[:16]
    place = cache / f"view{view}-{key}.npy"
    if not place.exists():
        cache.mkdir(parents=True, exist_ok=True)
        np.save(place, extract(backbone, collection, films, view))
    return np.asarray(np.load(place), dtype=np.float32)
