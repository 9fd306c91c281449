"""A modality that goes on sending, one film after the other, while something happens to Hilum."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime
from itertools import count
from pathlib import Path

from tests.films import film, saved
from tests.peers import storescu

PAUSE_SECONDS = 0.2
"""Between two films."""


class SteadyModality:
    """Sends each film, a study of its own of today, to every port in turn; a refusal fails the test."""

    def __init__(self, folder: Path, *ports: int, first: int) -> None:
        """Begin with a number of a film that no other test sends to the same PACS."""
        self.ports: tuple[int, ...] = ports
        self.acknowledged: list[str] = []
        """Study Instance UIDs of what every port took."""
        self._folder = folder
        self._numbers = count(first)

    @contextmanager
    def sending(self) -> Iterator[None]:
        """Send for as long as the block lasts."""
        stop = threading.Event()
        with ThreadPoolExecutor(1) as pool:
            work = pool.submit(self._send, stop)
            try:
                yield
            finally:
                stop.set()
                work.result()

    def _send(self, stop: threading.Event) -> None:
        while not stop.wait(PAUSE_SECONDS):
            one = film(next(self._numbers), rows=128)
            one.StudyDate = f"{datetime.now().astimezone():%Y%m%d}"
            file = saved(one, self._folder)
            for port in self.ports:
                status, answer = storescu(port, file)
                assert status == 0, answer
            self.acknowledged.append(str(one.StudyInstanceUID))
