"""What the lung network learns from and is judged by: frontal films, masks of lungs, pictures of anything else."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from PIL import Image, UnidentifiedImageError

from domain.errors import Misconfigured
from domain.film import Unsuitable
from models.collection import film_files, listing, read_collection, refuse_bad_rows
from models.networks.architecture import IMAGE_SIZE
from models.patients import is_validation
from models.preprocess import LUNG_SIZE, prepare

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from domain.film import GreyImage
    from models.collection import Identify, LabelledFilm

    Read = Callable[[Path], GreyImage | Unsuitable]
    """Returns the rendered film of a file, or why there is none."""
    Progress = Callable[[int, int], None]
    """Told how many files are read, of how many."""

Bytes = npt.NDArray[np.uint8]

_GREYS = 255.0
_COMMENT = "#"
_SERIES_END = re.compile(r"(?:[-_ .][0-9a-z]{1,3})+$")
"""What tells pictures of one series apart, most often: `…-2-b`, `…_1_12`."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LungSources:
    """Where films, masks and other pictures lie."""

    films: Path
    """Collection of upright frontal chest films, see `models.collection`."""
    masks: Path
    """Folder of PNG files with the films' sub-paths; whatever is not 0 is lung. Some films may have none."""
    not_eligible: Sequence[Path] = ()
    """Folders of pictures that must be refused."""
    leave_out: Path | None = None
    """Text file that names what has a wrong mask or lies in the wrong folder, one sub-path a line."""
    identify: Identify | None = None
    """Tells whose a DICOM film is, see `models.collection.read_collection`."""
    seed: int = 7
    """Decides who is held out: every fifth patient, every fifth series of other pictures."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LungFilms:
    """One side of the split, prepared: `models.preprocess.prepare` has seen every picture."""

    squares: Bytes
    """Frontal films (films, 224, 224), 0 black to 255 white."""
    labels: tuple[str, ...]
    sources: tuple[str, ...]
    patients: npt.NDArray[np.int64]
    """Number of the patient of each film (films,)."""
    masked: npt.NDArray[np.int64]
    """Numbers of the films that have a mask (masks,)."""
    masks: Bytes
    """(masks, 112, 112), share of lung in each pixel times 255."""
    others: Bytes
    """Pictures that are no frontal chest films (others, 224, 224)."""
    folders: tuple[str, ...]
    """Folder of each of them, the last part of its path."""

    def counts(self) -> dict[str, int]:
        """Return how many there are of each."""
        return {
            "films": len(self.squares),
            "patients": len(np.unique(self.patients)),
            "masks": len(self.masks),
            "not_eligible": len(self.others),
        }


@dataclass(frozen=True, kw_only=True, slots=True)
class _Other:
    path: Path
    name: str
    """Path inside the folder that was named."""


def read_lung_films(sources: LungSources, read: Read, progress: Progress) -> tuple[LungFilms, LungFilms]:
    """Return the films to train on and those held out; no patient and no series of other pictures is in both.

    Raises:
        Misconfigured: a folder is missing or empty, no mask belongs to a film, a file can't be read, a mask is empty,
            one of the sides would have no mask, or a name to leave out is unknown.
    """
    films, others = _found(sources)
    masks = {film.file: path for film in films if (path := _mask_path(sources.masks, film)).is_file()}
    if not masks:
        raise Misconfigured(
            f"{sources.masks} holds no mask of any film of {sources.films}; a mask is a PNG with the film's own "
            f"sub-path, so for the first film {_mask_path(sources.masks, films[0])}"
        )
    sides = [
        (
            [film for film in films if is_validation(film.patient, sources.seed) is held_out],
            [other for other in others if is_validation(_series(other.name), sources.seed) is held_out],
        )
        for held_out in (False, True)
    ]
    for name, (side, _) in zip(("to train on", "to judge by"), sides, strict=True):
        if not any(film.file in masks for film in side):
            raise Misconfigured(f"no film with a mask is left {name}: more patients with masks are needed")
    told = _Told(progress, total=len(films) + len(others) + len(masks))
    training, held_out = (_read_side(side, others, masks, read, told) for side, others in sides)
    return training, held_out


def _found(sources: LungSources) -> tuple[list[LabelledFilm], list[_Other]]:
    """Return the films and the other pictures, less those that are left out."""
    if not sources.masks.is_dir():
        raise Misconfigured(f"{sources.masks} is no folder; name the folder that holds the masks of the films' lungs")
    collection = read_collection(sources.films, identify=sources.identify)
    refuse_bad_rows(collection)
    others = [other for folder in sources.not_eligible for other in _others(folder)]
    names = _names_to_leave_out(sources.leave_out)
    unknown = names - {film.file for film in collection.films} - {other.name for other in others}
    if unknown:
        raise Misconfigured(f"{sources.leave_out} names what is not there: {listing(sorted(unknown))}")
    films = [film for film in collection.films if film.file not in names]
    return films, [other for other in others if other.name not in names]


def _others(folder: Path) -> list[_Other]:
    if not folder.is_dir():
        raise Misconfigured(f"{folder} is no folder; name a folder of pictures that are no frontal chest films")
    found = [_Other(path=path, name=path.relative_to(folder).as_posix()) for path in film_files(folder)]
    if not found:
        raise Misconfigured(f"{folder} holds no JPEG, PNG or DICOM files")
    return found


def _names_to_leave_out(list_file: Path | None) -> frozenset[str]:
    if list_file is None:
        return frozenset()
    try:
        lines = [line.strip() for line in list_file.read_text(encoding="utf-8").splitlines()]
    except (OSError, UnicodeDecodeError) as error:
        raise Misconfigured(f"{list_file} can't be read as a text file of names: {error}") from error
    return frozenset(line for line in lines if line and not line.startswith(_COMMENT))


def _mask_path(masks: Path, film: LabelledFilm) -> Path:
    return (masks / film.file).with_suffix(".png")


def _series(name: str) -> str:
    """Return what the names of pictures of one patient most likely have in common."""
    stem = Path(name).stem
    return _SERIES_END.sub("", stem.casefold()) or stem


class _Told:
    """Counts files for the progress bar."""

    def __init__(self, progress: Progress, total: int) -> None:
        self._progress, self._total, self._done = progress, total, 0

    def one_more(self) -> None:
        self._done += 1
        self._progress(self._done, self._total)


def _read_side(
    films: Sequence[LabelledFilm], others: Sequence[_Other], masks: dict[str, Path], read: Read, told: _Told
) -> LungFilms:
    masked = [number for number, film in enumerate(films) if film.file in masks]
    patients: dict[str, int] = {}
    return LungFilms(
        squares=_read_all([film.path for film in films], lambda path: _square(path, read), told),
        labels=tuple(str(film.label) for film in films),
        sources=tuple(film.source for film in films),
        patients=np.array([patients.setdefault(film.patient, len(patients)) for film in films], dtype=np.int64),
        masked=np.array(masked, dtype=np.int64),
        masks=_read_all([masks[films[number].file] for number in masked], _mask, told),
        others=_read_all([other.path for other in others], lambda path: _square(path, read), told),
        folders=tuple(other.path.parent.name for other in others),
    )


def _read_all(paths: Sequence[Path], read: Callable[[Path], Bytes | str], told: _Told) -> Bytes:
    """Return the pictures of all files, each a square of bytes; refuse them together where some can't be used."""
    found: list[Bytes] = []
    bad: list[str] = []
    with ThreadPoolExecutor() as pool:
        for path, picture in zip(paths, _counted(pool.map(read, paths), told), strict=True):
            if isinstance(picture, str):
                bad.append(f"{path} ({picture})")
            else:
                found.append(picture)
    if bad:
        raise Misconfigured(f"{len(bad)} files can't be used: {listing(bad)}. Mend them, or leave them out by name")
    return np.stack(found) if found else np.zeros((0, IMAGE_SIZE, IMAGE_SIZE), dtype=np.uint8)


def _counted(pictures: Iterator[Bytes | str], told: _Told) -> Iterator[Bytes | str]:
    for picture in pictures:
        yield picture
        told.one_more()


def _square(path: Path, read: Read) -> Bytes | str:
    """Return a prepared film, uint8 (224, 224), or why there is none."""
    try:
        image = read(path)
    except OSError:
        return Unsuitable.UNREADABLE
    return image.value if isinstance(image, Unsuitable) else to_bytes(prepare(image))


def _mask(path: Path) -> Bytes | str:
    """Return the share of lung in each pixel of the lung network's picture, times 255: uint8 (112, 112)."""
    try:
        with Image.open(path) as picture:
            values = np.asarray(picture.convert("RGB") if picture.mode in {"RGBA", "LA", "PA"} else picture)
    except (OSError, UnidentifiedImageError):
        return Unsuitable.UNREADABLE
    lung = values.any(axis=-1) if values.ndim > 2 else values != 0  # noqa: PLR2004 - rows, columns, colours
    if not lung.any():
        return "the mask is empty"
    whole = Image.fromarray(lung.astype(np.float32))
    return to_bytes(np.asarray(whole.resize((LUNG_SIZE, LUNG_SIZE), Image.Resampling.BOX)))


def to_bytes(image: GreyImage) -> Bytes:
    """Return grey values 0 to 1 as 0 to 255."""
    return np.asarray(np.round(image * np.float32(_GREYS)), dtype=np.uint8)
