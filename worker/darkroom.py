"""Films are developed in processes of their own: one that ends its process takes no other along."""

from __future__ import annotations

import json
import queue as queues
import threading
from concurrent.futures import Future
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from domain.errors import Crashed, Misconfigured
from worker.child import ONE_THREAD, Child
from worker.developer import (
    as_plate_request,
    as_print_request,
    as_request,
    from_plate_reply,
    from_print_reply,
    from_reply,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from domain.film import Developed, FilmHeader, Plate, Print, StoredFilm
    from domain.ids import SopInstanceUid
    from worker.events import Events

_Result = TypeVar("_Result")


@dataclass(frozen=True, kw_only=True, slots=True)
class _Task:
    request: bytes
    read: Callable[[bytes, bytes], Any]
    """Makes the result of the two parts of the reply."""
    future: Future[Any]


class Darkroom:
    """Implements `domain.ports.Darkroom` with a fixed number of processes, each led by a thread.

    What a process sends back is data, never code: a film that took its process over gains nothing by it here.
    """

    def __init__(
        self,
        command: Sequence[str],
        greeting: Mapping[str, object],
        *,
        environment: Mapping[str, str],
        size: int,
        patience_s: float,
        events: Events,
    ) -> None:
        """Start the processes; `ready` waits for them.

        Args:
            command: starts a process that calls `worker.developer.serve` on the socket whose number is added to it.
            greeting: what the process needs to know, as JSON.
            environment: the variables it gets; it decodes what strangers sent, so no secret that it can do without.
            size: how many processes there are.
            patience_s: seconds that a study may take.
            events: where the deaths of processes are told.
        """
        self.size = size
        self._command = list(command)
        self._greeting = json.dumps(greeting).encode()
        self._environment = {**environment, **ONE_THREAD}
        self._patience_s = patience_s
        self._events = events
        self._tasks: queues.SimpleQueue[_Task | None] = queues.SimpleQueue()
        self._begun = threading.Semaphore(0)
        self._threads = [threading.Thread(target=self._lead, name="darkroom", daemon=True) for _ in range(size)]
        for thread in self._threads:
            thread.start()

    def develop(self, films: Sequence[StoredFilm], seen: Mapping[SopInstanceUid, FilmHeader]) -> Future[Developed]:
        """Prepare the best film of a study, see `domain.ports.Darkroom`."""
        return self._asked(as_request(films, seen), from_reply)

    def print(self, film: StoredFilm, *, most_pixels: int) -> Future[Print]:
        """Make a picture of a film, see `domain.ports.Darkroom`."""
        return self._asked(as_print_request(film, most_pixels), from_print_reply)

    def plate(self, film: StoredFilm, *, most_pixels: int) -> Future[Plate]:
        """Return the grey levels of a film before its window, of at most so many rows and columns.

        The future fails as that of `print` does.
        """
        return self._asked(as_plate_request(film, most_pixels), from_plate_reply)

    def _asked(self, request: bytes, read: Callable[[bytes, bytes], _Result]) -> Future[_Result]:
        task = _Task(request=request, read=read, future=Future())
        self._tasks.put(task)
        return task.future

    def ready(self) -> None:
        """Wait until every process was started, or could not be: then its first study says so."""
        for _ in self._threads:
            self._begun.acquire()

    def close(self, seconds: float = 5.0) -> None:
        """End the processes; what is waiting is not developed any more."""
        for _ in self._threads:
            self._tasks.put(None)
        for thread in self._threads:
            thread.join(seconds)

    def _lead(self) -> None:
        """Lead one process, and start another when it ended."""
        child = self._started()
        self._begun.release()
        while (task := self._tasks.get()) is not None:
            if not task.future.set_running_or_notify_cancel():
                continue
            if child is None or child.is_dead():
                child = self._started()
            if child is None:
                task.future.set_exception(Misconfigured("the process that reads films does not start"))
                continue
            try:
                task.future.set_result(task.read(*child.ask(task.request, self._patience_s)))
            except Crashed as error:
                self._events.error("darkroom-died", reason=str(error))
                child.end()
                task.future.set_exception(error)
            except Exception as error:  # noqa: BLE001 - whoever waits for the future gets it
                task.future.set_exception(error)
        if child is not None:
            child.quit()

    def _started(self) -> Child | None:
        try:
            return Child(self._command, self._greeting, self._environment)
        except (OSError, EOFError):
            self._events.error("darkroom-not-started")
            return None
