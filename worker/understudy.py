"""The process of a shadow: the language it speaks, and how a worker speaks with it."""

from __future__ import annotations

import json
from dataclasses import asdict
from functools import partial
from typing import TYPE_CHECKING, Any

from domain.errors import Crashed, Misconfigured
from domain.film import StoredFilm, Unsuitable
from domain.findings import Findings, ModelVersion, Probabilities
from worker.child import ONE_THREAD, Child
from worker.classify import develop, examine
from worker.developer import QUIT, answered, without_failure

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from multiprocessing.connection import Connection

    from domain.ports import Classifier, FilmReader

_LIMIT = "the shadow took more memory than worker.shadow_megabytes"
_NOTHING = b""


def welcome(model: ModelVersion) -> bytes:
    """Write down which network is ready."""
    return json.dumps({"outcome": "ready", "model": asdict(model)}).encode()


def refusal(error: Misconfigured) -> bytes:
    """Write down why there is none."""
    return json.dumps({"outcome": "misconfigured", "reason": str(error)}).encode()


def serve(connection: Connection, classifier: Classifier, reader: FilmReader) -> None:
    """Examine what is asked for until told to end, or until the worker is gone."""
    connection.send_bytes(welcome(classifier.model))
    while True:
        try:
            request = connection.recv_bytes()
        except (EOFError, OSError):
            return
        if request == QUIT:
            return
        head, _ = answered(partial(_examined, request, classifier, reader))
        connection.send_bytes(json.dumps(head).encode())
        connection.send_bytes(_NOTHING)


class ShadowProcess:
    """Implements `domain.shadow.Understudy` with a process."""

    def __init__(
        self,
        command: Sequence[str],
        greeting: Mapping[str, object],
        *,
        environment: Mapping[str, str],
        patience_s: float,
    ) -> None:
        """Start it, and wait until its network is loaded.

        Args:
            command: starts a process that calls `serve` on the socket whose number is added to it.
            greeting: what the process needs to know, as JSON.
            environment: the variables it gets.
            patience_s: seconds that a study may take.

        Raises:
            Misconfigured: it does not start, or its network can't be loaded.
        """
        self._patience_s = patience_s
        try:
            self._child = Child(
                command, json.dumps(greeting).encode(), {**environment, **ONE_THREAD}, work="looking at a study"
            )
        except (OSError, EOFError) as error:
            raise Misconfigured("the shadow's process does not start") from error
        try:
            self._model = ModelVersion(**without_failure(self._child.welcome)["model"])
        except Misconfigured:
            self._child.end()
            raise

    @property
    def model(self) -> ModelVersion:
        """Which network this is."""
        return self._model

    def examine(self, films: tuple[StoredFilm, ...]) -> Findings:
        """Look at a study's films, see `domain.shadow.Understudy`."""
        request = json.dumps({"films": [asdict(film) for film in films]}).encode()
        try:
            head, _ = self._child.ask(request, self._patience_s)
        except Crashed:
            self._child.end()
            raise
        reply = without_failure(head, limit=_LIMIT)
        return Findings(
            model=self._model,
            films=films,
            analysed=None if reply["analysed"] is None else films[reply["analysed"]],
            probabilities=None if reply["probabilities"] is None else Probabilities(**reply["probabilities"]),
            unsuitable=None if reply["unsuitable"] is None else Unsuitable(reply["unsuitable"]),
        )

    def kill(self) -> None:
        """End its process at once; another thread that waits for it gets `Crashed`."""
        self._child.kill()

    def close(self) -> None:
        """End its process, and let go of it."""
        self._child.quit()


def _examined(request: bytes, classifier: Classifier, reader: FilmReader) -> tuple[dict[str, Any], bytes]:
    films = tuple(StoredFilm(**film) for film in json.loads(request)["films"])
    found = examine(classifier, films, partial(develop, reader, films))
    head = {
        "outcome": "examined",
        "analysed": None if found.analysed is None else films.index(found.analysed),
        "probabilities": None if found.probabilities is None else asdict(found.probabilities),
        "unsuitable": found.unsuitable,
    }
    return head, _NOTHING
