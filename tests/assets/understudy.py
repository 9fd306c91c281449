"""A shadow's process whose films do what their path says: poison, slow, broken, away, or nothing."""

import json
import os
import signal
import sys
import time
from collections.abc import Sequence
from multiprocessing.connection import Connection
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

import numpy as np

from domain.errors import Misconfigured, Transient
from domain.film import FilmHeader, SquareFilm, StoredFilm, Unsuitable, View
from domain.findings import ModelVersion, Probabilities
from worker.understudy import refusal, serve


class Films:
    """Implements `domain.ports.FilmReader`."""

    def header(self, film: StoredFilm) -> FilmHeader:
        """Return a PA film's header."""
        return FilmHeader(view=View.AP if film.path == "second" else View.PA)

    def square(self, film: StoredFilm) -> SquareFilm:
        """Do what the path says; a film that is refused is black."""
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
        return np.full((224, 224), 0.0 if film.path == "refused" else 0.5, dtype=np.float32)


class Network:
    """A network that refuses what is black."""

    model = ModelVersion(name="shy", version="1.0.0", sha256="cd" * 32, undetermined_below=0.4)

    def classify_squares(self, squares: Sequence[SquareFilm]) -> list[Probabilities | Unsuitable]:
        """Return the same for each."""
        answer = Probabilities(covid19=0.1, normal=0.2, pneumonia=0.7)
        return [answer if square.any() else Unsuitable.NO_LUNGS for square in squares]

    classify = classify_squares


connection = Connection(int(sys.argv[1]))
greeting = json.loads(connection.recv_bytes())
if greeting.get("broken"):
    sys.exit(1)
if greeting.get("refused"):
    connection.send_bytes(refusal(Misconfigured("the network is damaged")))
else:
    serve(connection, Network(), Films())
