"""The network without a worker around it: alone in a loop, and fed by threads of its own process."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

from dicom_node.films import read_pixels
from domain.film import SquareFilm, Unsuitable
from models.preprocess import prepare

if TYPE_CHECKING:
    from models.classifier import NetworkClassifier


def bare(network: NetworkClassifier, squares: Sequence[SquareFilm], seconds: float) -> float:
    """Return films a second of the network alone, in its own batches."""
    batches = [squares[start : start + network.batch] for start in range(0, len(squares), network.batch)]
    done, began = 0, time.perf_counter()
    while time.perf_counter() - began < seconds:
        for batch in batches:
            network.classify_squares(batch)
            done += len(batch)
    return done / (time.perf_counter() - began)


def in_one_process(network: NetworkClassifier, films: Sequence[Path]) -> float:
    """Return films a second that threads read and prepare while this one asks the network."""
    began = time.perf_counter()
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        batch: list[SquareFilm] = []
        for square in pool.map(square_of, films):
            batch.append(square)
            if len(batch) == network.batch:
                network.classify_squares(batch)
                batch = []
        if batch:
            network.classify_squares(batch)
    return len(films) / (time.perf_counter() - began)


def square_of(path: Path) -> SquareFilm:
    """Read a film and prepare it for the network."""
    image = read_pixels(path)
    if isinstance(image, Unsuitable):
        sys.exit(f"a film can't be read: {image}")
    return prepare(image)
