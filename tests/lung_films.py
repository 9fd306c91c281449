"""A small collection to train the lung network on: two dark ellipses in a bright body, and their masks."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from dicom_node.films import read_pixels
from models.lungs.films import LungFilms, LungSources, read_lung_films

LABELS = ("COVID-19", "NORMAL", "PNEUMONIA")


@dataclass(frozen=True, kw_only=True)
class LungCollection:
    """Where the parts of the collection lie."""

    films: Path
    masks: Path
    others: Path

    def sources(self, **changes: object) -> LungSources:
        """Name the parts, or others in their place."""
        given: dict[str, object] = {"films": self.films, "masks": self.masks, "not_eligible": [self.others]}
        return LungSources(**(given | changes))  # type: ignore[arg-type]  # the test's own choice

    def read(self, **changes: object) -> tuple[LungFilms, LungFilms]:
        """Read both sides."""
        return read_lung_films(self.sources(**changes), read_pixels, lambda *_: None)


def draw_lung_collection(folder: Path, count: int = 16) -> LungCollection:
    """Draw films, three quarters of them with masks, and half as many pictures of something else."""
    made = LungCollection(films=folder / "films", masks=folder / "masks", others=folder / "others")
    random = np.random.default_rng(1)
    for number in range(count):
        place = f"{LABELS[number % 3]}/film{number:02d}"
        film, mask = _film_and_mask(random)
        _save(made.films / f"{place}.png", film)
        if number % 4:
            _save(made.masks / f"{place}.png", mask)
    for number in range(count // 2):
        kind = ("limb", "text")[number % 2]
        _save(
            made.others / kind / f"{kind}series{number:03d}.png", random.integers(0, 255, (180, 200)).astype(np.uint8)
        )
    return made


def _film_and_mask(random: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    rows, columns = np.mgrid[:240, :200] / np.array([240, 200]).reshape(2, 1, 1)
    middle, high = random.uniform(0.2, 0.26), random.uniform(0.28, 0.38)
    lung = ((np.abs(columns - 0.5) - middle) / 0.15) ** 2 + ((rows - 0.5) / high) ** 2 < 1
    film = 180 - 110 * lung + random.normal(0, 12, lung.shape)
    return film.clip(0, 255).astype(np.uint8), lung.astype(np.uint8)


def _save(path: Path, pixels: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)
