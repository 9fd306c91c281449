"""Films made ready for training, once: read, brought to squares, their lungs found; kept on the disk between runs."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from domain.errors import Misconfigured
from domain.film import Unsuitable
from domain.findings import Label
from models.classifier import lung_input
from models.collection import LabelledFilm, listing
from models.looks import LungField
from models.preprocess import LUNG_SIZE, PREPROCESSING, prepare
from models.training.batches import Films

if TYPE_CHECKING:
    from domain.film import GreyImage
    from models.looks import Mask

Read = Callable[[Path], "GreyImage | Unsuitable"]
FindLungs = Callable[[npt.NDArray[np.float32]], npt.NDArray[np.float32]]
"""From films float32 (n, 112, 112) to the probability of lung at each pixel, the same shape."""
Progress = Callable[[int, int], None]
"""Told how many films are done, of how many."""

LABELS = tuple(Label)
LUNGS = " lungs"
"""Ends the group of films in which nothing but the lungs is seen."""
_CHUNK = 64
_GREYS = 255.0
_BLANK = 14 / _GREYS
"""Outside of the lungs a lungs-only film is darker than this; its JPEG compression leaves a little."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Example:
    """One film to learn from."""

    path: Path
    patient: str
    group: str
    """Class and source: films of one group are drawn alike."""
    target: tuple[float, ...]
    """What is to be answered: a probability for each class, together 1."""
    lungs_only: bool = False
    """Everything but the lungs is black."""


def example(film: LabelledFilm, *, lungs_only: bool = False) -> Example:
    """Return a labelled film as an example."""
    return Example(
        path=film.path,
        patient=film.patient,
        group=f"{film.label} {film.source}{LUNGS if lungs_only else ''}",
        target=tuple(float(film.label is label) for label in LABELS),
        lungs_only=lungs_only,
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class Preparation:
    """How films are read and their lungs found."""

    read: Read
    find_lungs: FindLungs
    lungs_sha256: str
    """Identity of the lung network: with another one everything is prepared anew."""
    cache: Path
    """Folder for the prepared films."""
    progress: Progress


def prepare_examples(examples: Sequence[Example], preparation: Preparation) -> Films:
    """Return the examples' films ready for training, from the cache where they and the lung network are the same.

    Raises:
        Misconfigured: a file can't be read as a film; the text lists them.
    """
    place = preparation.cache / f"{_key(examples, preparation)}.npz"
    if not place.exists():
        place.parent.mkdir(parents=True, exist_ok=True)
        squares, masks = _prepare(examples, preparation)
        draft = place.with_suffix(".new.npz")
        np.savez(draft, squares=squares, masks=masks)
        draft.replace(place)
    with np.load(place) as stored:
        squares, masks = stored["squares"], stored["masks"]
    fields = [
        LungField.of(square.astype(np.float32) / np.float32(_GREYS), mask.astype(np.float32) / np.float32(_GREYS))
        for square, mask in zip(squares, masks, strict=True)
    ]
    groups = {name: number for number, name in enumerate(sorted({item.group for item in examples}))}
    return Films(
        squares=squares,
        masks=masks,
        boxes=np.array([field.box for field in fields], dtype=np.float32).reshape(-1, 4),
        greys=np.array([(field.mean, field.deviation) for field in fields], dtype=np.float32).reshape(-1, 2),
        targets=np.array([item.target for item in examples], dtype=np.float32).reshape(-1, len(LABELS)),
        groups=np.array([groups[item.group] for item in examples], dtype=np.int64),
        lungs_only=np.array([item.lungs_only for item in examples], dtype=bool),
    )


def _key(examples: Sequence[Example], preparation: Preparation) -> str:
    digest = hashlib.sha256(f"{PREPROCESSING} {preparation.lungs_sha256}".encode())
    for item in examples:
        status = item.path.stat()
        digest.update(f"\n{item.path.resolve()} {status.st_size} {status.st_mtime_ns} {item.lungs_only}".encode())
    return digest.hexdigest()[:24]


def _prepare(
    examples: Sequence[Example], preparation: Preparation
) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint8]]:
    squares: list[npt.NDArray[np.uint8]] = []
    masks: list[npt.NDArray[np.uint8]] = []
    unread: list[str] = []
    done = 0
    with ThreadPoolExecutor() as pool:
        for chunk in _chunks(examples):
            read = list(pool.map(lambda item: _square(item, preparation.read), chunk))
            unread += [f"{item.path} ({why})" for item, why in zip(chunk, read, strict=True) if isinstance(why, str)]
            good = [
                (item, square) for item, square in zip(chunk, read, strict=True) if not isinstance(square, Unsuitable)
            ]
            if good and not unread:
                squares += [_bytes(square) for _, square in good]
                masks += _masks(good, preparation.find_lungs)
            done += len(chunk)
            preparation.progress(done, len(examples))
    if unread:
        raise Misconfigured(f"{len(unread)} files can't be used as films: {listing(unread)}")
    return np.stack(squares), np.stack(masks)


def _chunks(examples: Sequence[Example]) -> Iterator[list[Example]]:
    remaining = iter(examples)
    while chunk := list(islice(remaining, _CHUNK)):
        yield chunk


def _square(item: Example, read: Read) -> GreyImage | Unsuitable:
    try:
        image = read(item.path)
    except OSError:
        return Unsuitable.UNREADABLE
    return image if isinstance(image, Unsuitable) else prepare(image)


def _masks(good: Sequence[tuple[Example, GreyImage]], find_lungs: FindLungs) -> list[npt.NDArray[np.uint8]]:
    coarse = np.stack([lung_input(square) for _, square in good])
    found = find_lungs(coarse)
    return [
        _bytes(_visible(square) if item.lungs_only else mask) for (item, square), mask in zip(good, found, strict=True)
    ]


def _visible(square: GreyImage) -> Mask:
    """Return what is not blank of a lungs-only film, less its rim: float32 (112, 112), 0 or 1."""
    factor = square.shape[0] // LUNG_SIZE
    seen = np.pad(square.reshape(LUNG_SIZE, factor, LUNG_SIZE, factor).min(axis=(1, 3)) > _BLANK, 1)
    inner = seen[1:-1, 1:-1] & seen[:-2, 1:-1] & seen[2:, 1:-1] & seen[1:-1, :-2] & seen[1:-1, 2:]
    return np.asarray(inner, dtype=np.float32)


def _bytes(image: GreyImage) -> npt.NDArray[np.uint8]:
    return np.asarray(np.round(image * np.float32(_GREYS)), dtype=np.uint8)
