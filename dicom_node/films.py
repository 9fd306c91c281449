"""Films as files: those in the store, and those that somebody names on the command line."""

from __future__ import annotations

import zlib
from typing import IO, TYPE_CHECKING

import numpy as np
import pydicom
from PIL import Image, ImageOps, UnidentifiedImageError
from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from dicom_node.header import film_header
from dicom_node.part10 import NotPart10, read_head
from dicom_node.pixels import MAX_PIXELS, checked, luminance, render, unwindowed
from dicom_node.silence import quiet
from domain.errors import Deleted, Transient
from domain.film import FilmHeader, GreyImage, NotClassifiable, StoredFilm, Unsuitable, View

if TYPE_CHECKING:
    from pathlib import Path

    from pydicom.dataset import Dataset

    from dicom_node.store import Store
    from domain.film import GreyScale

_UNREADABLE = FilmHeader(view=View.UNKNOWN, unsuitable=Unsuitable.UNREADABLE)
_PICTURE_HEADER = FilmHeader(view=View.FRONTAL)
"""A JPEG or PNG says nothing about its view: whoever asks for it to be classified answers for that."""
_PICTURE_SIGNATURES = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n")
_PICTURE_FORMATS = ("JPEG", "PNG")

_PIECE_BYTES = 1024 * 1024
_LARGEST_INFLATED_BYTES = 3 * MAX_PIXELS
"""Two bytes a pixel, and as much again of header as nobody sends."""

_PREAMBLE_BYTES = 128
_FIRST_GROUPS = (b"\x02\x00", b"\x08\x00", b"\x00\x08")
"""Group 0002 or 0008, little endian, or 0008, big endian: how a data set without a preamble begins."""


class SpoolFilms:
    """The films in the store: implements `domain.ports.FilmReader` and `domain.ports.Vault`."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def header(self, film: StoredFilm) -> FilmHeader:
        """Say what the film is by its header; what can't be parsed is UNREADABLE.

        Raises:
            Transient: the store can't be read now.
            Deleted: the film was deleted on purpose.

        """
        dataset = self.dataset(film)
        return _UNREADABLE if dataset is None else film_header(dataset)

    def pixels(self, film: StoredFilm) -> GreyImage:
        """Return the rendered film: (rows, columns), float32, 0.0 = black to 1.0 = white.

        Raises:
            NotClassifiable: the pixels can't be used, with the reason.
            Transient: the store can't be read now.
            Deleted: the film was deleted on purpose.

        """
        with quiet():
            return render(self._whole(film))

    def unwindowed(self, film: StoredFilm) -> tuple[GreyImage, GreyScale]:
        """Return the film before its window, and what its grey values mean; see `dicom_node.pixels.unwindowed`.

        Raises:
            NotClassifiable: the pixels can't be used, with the reason.
            Transient: the store can't be read now.
            Deleted: the film was deleted on purpose.

        """
        with quiet():
            return unwindowed(self._whole(film))

    def holds(self, path: str) -> bool:
        """Whether there is a film in a place of the store; what has a place there was synced before.

        Raises:
            Transient: the store can't be read now.

        """
        try:
            return self._store.holds(path)
        except OSError as error:
            raise Transient("a film can't be read from the store") from error

    def dataset(self, film: StoredFilm) -> Dataset | None:
        """Return the film's data set without its pixels; None where it can't be parsed.

        Raises:
            Transient: the store can't be read now.
            Deleted: the film was deleted on purpose.

        """
        with quiet():
            return self._read(film, with_pixels=False)

    def _whole(self, film: StoredFilm) -> Dataset:
        dataset = self._read(film, with_pixels=True)
        if dataset is None:
            raise NotClassifiable(Unsuitable.UNREADABLE)
        return dataset

    def _read(self, film: StoredFilm, *, with_pixels: bool) -> Dataset | None:
        if film.deleted_on:
            raise Deleted(f"the film was deleted on {film.deleted_on}")
        try:
            with self._store.open(film.path, header_only=not with_pixels) as file:
                return read_dicom(file, with_pixels=with_pixels)
        except OSError as error:
            raise Transient("a film can't be read from the store") from error


def read_film(path: Path) -> tuple[FilmHeader, GreyImage | None]:
    """Read a DICOM, JPEG or PNG file that somebody named; the picture is None where the header says why not.

    Raises:
        OSError: the file can't be opened.

    """
    with path.open("rb") as file:
        start = file.read(_PREAMBLE_BYTES)
    try:
        with quiet():
            return read_picture(path) if start.startswith(_PICTURE_SIGNATURES) else _read_film(path)
    except NotClassifiable as problem:
        return FilmHeader(view=View.UNKNOWN, unsuitable=problem.reason), None


def read_pixels(path: Path) -> GreyImage | Unsuitable:
    """Read the picture in a DICOM, JPEG or PNG file whatever its header says it shows, or say why there is none.

    Raises:
        OSError: the file can't be opened.

    """
    with path.open("rb") as file:
        start = file.read(_PREAMBLE_BYTES)
    try:
        with quiet():
            if start.startswith(_PICTURE_SIGNATURES):
                return read_picture(path)[1]
            with path.open("rb") as file:
                dataset = read_dicom(file, with_pixels=True)
            return Unsuitable.UNREADABLE if dataset is None else render(dataset)
    except NotClassifiable as problem:
        return problem.reason


def _read_film(path: Path) -> tuple[FilmHeader, GreyImage | None]:
    with path.open("rb") as file:
        dataset = read_dicom(file, with_pixels=True)
    if dataset is None:
        return _UNREADABLE, None
    header = film_header(dataset)
    if header.unsuitable is not None:
        return header, None
    try:
        return header, render(dataset)
    except NotClassifiable as problem:
        return FilmHeader(view=header.view, unsuitable=problem.reason), None


def read_dicom(file: IO[bytes], *, with_pixels: bool) -> Dataset | None:
    """Parse a file of PS3.10, or a bare data set as ACR-NEMA and some exports have it; None where it is neither.

    Raises:
        OSError: the file can't be read.
        Transient: the store that it lies in can't be reached now.
    """
    start = file.read(_PREAMBLE_BYTES + 4)
    if start[_PREAMBLE_BYTES:] != b"DICM" and not start.startswith(_FIRST_GROUPS):
        return None
    file.seek(0)
    if _is_bomb(file):
        return None
    try:
        dataset = pydicom.dcmread(file, force=True, stop_before_pixels=not with_pixels)
        return _with_transfer_syntax(dataset) if _is_image(dataset) else None
    except Transient:
        raise
    except OSError as error:
        if error.errno is None:  # pydicom's own, of bytes that are none of its sequences
            return None
        raise
    except Exception:  # noqa: BLE001 - a parser meets any bytes here; whatever it raises, the file is unreadable
        return None


def _is_bomb(file: IO[bytes]) -> bool:
    """Whether a deflated data set is larger than any film; the parser would inflate all of it (PS3.5 A.5)."""
    try:
        if read_head(file).transfer_syntax_uid != DeflatedExplicitVRLittleEndian:
            return False
        stream = zlib.decompressobj(-zlib.MAX_WBITS)
        left = _LARGEST_INFLATED_BYTES
        while left > 0 and (piece := stream.unconsumed_tail or file.read(_PIECE_BYTES)):
            left -= len(stream.decompress(piece, _PIECE_BYTES))
    except (NotPart10, zlib.error):
        return False  # for the parser to say
    else:
        return left <= 0
    finally:
        file.seek(0)


def _is_image(dataset: Dataset) -> bool:
    """Whether the bytes made sense: a text file read by force has neither of these."""
    return "SOPClassUID" in dataset or ("Rows" in dataset and "Columns" in dataset)


def _with_transfer_syntax(dataset: Dataset) -> Dataset:
    """Name the syntax that the parser found, where the file itself does not say (PS3.5 10.1)."""
    if "TransferSyntaxUID" not in dataset.file_meta:
        implicit, _ = dataset.original_encoding
        dataset.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian if implicit else ExplicitVRLittleEndian
    return dataset


def read_picture(source: Path | IO[bytes]) -> tuple[FilmHeader, GreyImage]:
    """Decode a JPEG or PNG, turned upright by its EXIF orientation.

    Raises:
        NotClassifiable: it can't be decoded, or is no picture of a film, with the reason.
    """
    try:
        with Image.open(source, formats=_PICTURE_FORMATS) as picture:
            if picture.width * picture.height > MAX_PIXELS:
                raise NotClassifiable(Unsuitable.PIXELS_CORRUPT)
            upright = ImageOps.exif_transpose(picture)
            return _PICTURE_HEADER, checked(_grey(upright))
    except UnidentifiedImageError as error:
        raise NotClassifiable(Unsuitable.UNREADABLE) from error
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise NotClassifiable(Unsuitable.PIXELS_CORRUPT) from error


def _grey(picture: Image.Image) -> GreyImage:
    """Return the luminance of a picture of 8 or 16 bits; transparency is taken as opaque."""
    if picture.mode.startswith("I"):
        return np.asarray(picture, dtype=np.float32) / np.float32(65535.0)
    if picture.mode in {"L", "LA", "1"}:
        return np.asarray(picture.convert("L"), dtype=np.float32) / np.float32(255.0)
    return luminance(np.asarray(picture.convert("RGB"), dtype=np.float32) / np.float32(255.0))
