"""A process of the worker's darkroom: `python -m hilum.developer_process SOCKET`, started by nobody else."""

from __future__ import annotations

import json
import resource
import signal
import sys
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

from dicom_node.films import SpoolFilms
from dicom_node.store import StoreAddress, open_store
from domain.film import NotClassifiable, Plate, Print
from models.eligibility import exposure
from models.preprocess import prepare
from models.small_picture import grey_levels, grey_picture
from worker.developer import serve

if TYPE_CHECKING:
    from collections.abc import Iterator

    from domain.film import FilmHeader, GreyImage, SquareFilm, StoredFilm

_MEGABYTE = 1_000_000


@dataclass(frozen=True, slots=True)
class PreparedFilms:
    """Films of the store, rendered and prepared for the networks: implements `domain.ports.FilmReader`."""

    films: SpoolFilms
    _seconds: dict[str, float] = field(default_factory=dict)

    def spent(self) -> dict[str, float]:
        """Return the seconds that decoding and preparing took since this was last asked."""
        spent = dict(self._seconds)
        self._seconds.clear()
        return spent

    @contextmanager
    def _timed(self, stage: str) -> Iterator[None]:
        began = time.monotonic()
        try:
            yield
        finally:
            self._seconds[stage] = self._seconds.get(stage, 0.0) + time.monotonic() - began

    def header(self, film: StoredFilm) -> FilmHeader:
        """Say what the film is by its header."""
        return self.films.header(film)

    def square(self, film: StoredFilm) -> SquareFilm:
        """Return the film as the networks take it.

        Raises:
            NotClassifiable: the pixels can't be used, with the reason.
            Transient: the store can't be read now.
        """
        with self._timed("decode"):
            image = self.films.pixels(film)
        with self._timed("preprocess"):
            return _square(image)

    def printed(self, film: StoredFilm, *, most_pixels: int) -> Print:
        """Return the film as a picture, and as the networks take it.

        Raises:
            NotClassifiable: the pixels can't be used, with the reason.
            Transient: the store can't be read now.
        """
        image = self.films.pixels(film)
        picture = grey_picture(image, most_pixels)
        return Print(picture=picture, square=_square(image), is_resized=picture.shape != image.shape)

    def plate(self, film: StoredFilm, *, most_pixels: int) -> Plate:
        """Return the film before its window.

        Raises:
            NotClassifiable: the pixels can't be used, with the reason.
            Transient: the store can't be read now.
        """
        image, scale = self.films.unwindowed(film)
        return Plate(levels=grey_levels(image, most_pixels), scale=scale, film_shape=(image.shape[0], image.shape[1]))


def _square(image: GreyImage) -> SquareFilm:
    badly_exposed = exposure(image)
    if badly_exposed is not None:
        raise NotClassifiable(badly_exposed)
    return prepare(image)


def main() -> None:
    """Develop films for the worker at the other end of the socket."""
    # The worker finishes what it has in hand, and ends us; there is no log whose level could be changed.
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1, signal.SIGUSR2):
        signal.signal(number, signal.SIG_IGN)
    connection = Connection(int(sys.argv[1]))
    greeting = json.loads(connection.recv_bytes())
    store = open_store(StoreAddress(**greeting["store"]), for_reading=True)
    store.warm()  # before the limit: its own memory is none of a film's
    limit_memory(greeting["megabytes"])
    films = PreparedFilms(SpoolFilms(store))
    serve(connection, films, films.spent)
    store.close()


def limit_memory(megabytes: int) -> None:
    """Let one film fail instead of the machine: its process gets no more, and is the first that the kernel ends."""
    limit = psutil.Process().memory_info().vms + megabytes * _MEGABYTE
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000", encoding="ascii")


if __name__ == "__main__":
    main()
