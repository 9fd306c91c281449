"""A few numbers that identify a layer's output, so that a network can be checked against another without it."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

SAMPLES = 16


def reference_image(size: int) -> npt.NDArray[np.float32]:
    """Return a fixed picture with edges, gradients and texture: float32 (size, size), 0 to 1."""
    row, column = np.meshgrid(np.arange(size), np.arange(size), indexing="ij")
    waves = np.sin(row / 7.0) * np.cos(column / 11.0) + np.sin((row * column) / 900.0)
    checks = ((row // 28 + column // 28) % 2) * 0.6
    picture = waves * 0.25 + checks + row / size * 0.3
    return np.asarray((picture - picture.min()) / (picture.max() - picture.min()), dtype=np.float32)


def summarise(output: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Return mean, standard deviation, largest absolute value and 16 evenly spread values: float32 (19,).

    `output` has the channels last and a batch of one.
    """
    flat = output.reshape(-1)
    places = np.linspace(0, flat.size - 1, SAMPLES).astype(np.int64)
    return np.concatenate([[flat.mean(), flat.std(), np.abs(flat).max()], flat[places]]).astype(np.float32)
