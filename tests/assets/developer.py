"""A process of a darkroom whose films do what their path says: poison, slow, large, broken, away, blank, or nothing."""

import os
import signal
import sys
import time
from multiprocessing.connection import Connection
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

import numpy as np

from domain.errors import Transient
from domain.film import (
    FilmHeader,
    GreyScale,
    NotClassifiable,
    Plate,
    Print,
    SquareFilm,
    StoredFilm,
    Unsuitable,
    View,
)
from worker.developer import serve


class Films:
    """Implements `domain.ports.FilmDuplicator`."""

    def header(self, film: StoredFilm) -> FilmHeader:
        """Return a PA film's header."""
        return FilmHeader(view=View.AP if film.path == "second" else View.PA)

    def square(self, film: StoredFilm) -> SquareFilm:
        """Do what the path says."""
        match film.path:
            case "poison":
                os.kill(os.getpid(), signal.SIGSEGV)
            case "slow":
                time.sleep(600)
            case "large":
                raise MemoryError
            case "broken":
                raise KeyError("Doe^Jane")
            case "away":
                raise Transient("the store is away")
            case "blank":
                raise NotClassifiable(Unsuitable.NO_CONTRAST)
        return np.linspace(0.0, 1.0, 224 * 224, dtype=np.float32).reshape(224, 224)

    def printed(self, film: StoredFilm, *, most_pixels: int) -> Print:
        """Do the same, and return a ramp."""
        square = self.square(film)
        ramp = np.arange(most_pixels * 50, dtype=np.uint8).reshape(most_pixels, 50)
        return Print(picture=ramp, square=square, is_resized=most_pixels < 100)

    def plate(self, film: StoredFilm, *, most_pixels: int) -> Plate:
        """Do the same, and return a ramp of 16 bits."""
        self.square(film)
        ramp = np.arange(most_pixels * 50, dtype=np.uint16).reshape(most_pixels, 50)
        scale = GreyScale(black=4095.0, white=0.0, centre=2048.5, width=4096.0)
        return Plate(levels=ramp, scale=scale, film_shape=(100, 50))


connection = Connection(int(sys.argv[1]))
if connection.recv_bytes() == b'{"broken": true}':
    sys.exit(1)
serve(connection, Films())
