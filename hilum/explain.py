"""The folder of `hilum classify --explain`: for each classified film a picture of the evidence, and its numbers."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from itertools import count
from typing import TYPE_CHECKING

import numpy as np

from domain.errors import Misconfigured
from models.heatmap import heat_map
from models.overlay import legend_of, overlay_png

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from domain.explanation import Explanation
    from domain.film import GreyImage
    from domain.findings import ModelVersion


@dataclass(frozen=True, kw_only=True, slots=True)
class WrittenExplanation:
    """What was written for one film."""

    overlay: Path
    """PNG: the film with the evidence in colour, and a legend below it."""
    map: Path
    """NPY: float32 (rows, columns) of the film, 0 to 1."""
    evidence_outside_lungs: float
    """Share of the evidence that lies outside the lungs, 0 to 1."""
    area_outside_lungs: float
    """The same share of all that the network was shown."""

    def as_dict(self) -> dict[str, object]:
        """Return the fields for a line of JSON."""
        return asdict(self) | {"overlay": str(self.overlay), "map": str(self.map)}


class ExplanationFolder:
    """A folder that takes explanations and never overwrites a file."""

    def __init__(self, folder: Path, *, films: Sequence[Path]) -> None:
        """Make the folder, if it is not there; `films` are the files and folders to be classified.

        Raises:
            Misconfigured: it can't be made, or is itself a folder of films: its pictures would be taken for films.
        """
        if any(path.is_dir() and path.resolve() == folder.resolve() for path in films):
            raise Misconfigured(f"{folder} holds the films: choose another folder for the explanations")
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise Misconfigured(f"the folder {folder} for the explanations can't be made: {error.strerror}") from error
        self.folder = folder

    def write(self, name: str, image: GreyImage, explanation: Explanation, model: ModelVersion) -> WrittenExplanation:
        """Write the overlay and the map of one film as `NAME-LABEL.png` and `.npy`, numbered where that is taken.

        Raises:
            Misconfigured: the folder can't be written to, or the disk is full.
        """
        rows, columns = image.shape
        heat = heat_map(explanation, (rows, columns))
        picture = overlay_png(image, heat, legend_of(explanation.probabilities, model))
        try:
            overlay, numbers = self._free(f"{name}-{explanation.label}")
            with numbers.open("xb") as file:
                np.save(file, heat.values)
            with overlay.open("xb") as file:
                file.write(picture)
        except OSError as error:
            raise Misconfigured(f"an explanation can't be written to {self.folder}: {error.strerror}") from error
        return WrittenExplanation(
            overlay=overlay,
            map=numbers,
            evidence_outside_lungs=round(heat.evidence_outside_lungs, 4),
            area_outside_lungs=round(heat.area_outside_lungs, 4),
        )

    def _free(self, stem: str) -> tuple[Path, Path]:
        """Return the first pair of names that nobody has taken."""
        for number in count(1):
            name = stem if number == 1 else f"{stem}-{number}"
            pair = self.folder / f"{name}.png", self.folder / f"{name}.npy"
            if not any(path.exists() for path in pair):
                return pair
        raise AssertionError("count never ends")
