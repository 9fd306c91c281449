"""Counts instances where they come in."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from domain.measures import FILM_BYTES, FILMS, RECEIVE_SECONDS, RECEPTIONS

if TYPE_CHECKING:
    from dicom_node.arrivals import StorageArrival, Turned
    from dicom_node.status import StoreStatus
    from domain.meters import Meters
    from domain.traces import Tracer


class Turnstile:
    """An instance on its way in that is counted with its answer; implements `dicom_node.messages.Arrival`."""

    def __init__(self, arrival: StorageArrival | Turned, meters: Meters, tracer: Tracer) -> None:
        self._arrival = arrival
        self._meters = meters
        self._tracer = tracer
        self._began = time.monotonic()
        self._bytes = 0

    def write(self, fragment: memoryview) -> None:
        """Take the next bytes of the data set."""
        self._bytes += len(fragment)
        self._arrival.write(fragment)

    def finish(self) -> StoreStatus:
        """Say what became of the instance."""
        status, seconds = self._arrival.finish(), time.monotonic() - self._began
        self._meters.add(FILMS, status=status.name)
        self._meters.add(FILM_BYTES, self._bytes)
        self._meters.observe(RECEIVE_SECONDS, seconds, status=status.name)
        recorded = self._arrival.recorded
        if recorded is not None:
            self._meters.add(RECEPTIONS, reception=recorded.reception)
            self._tracer.tell("receive", recorded.study_id, seconds, status=status.name, reception=recorded.reception)
        return status

    def abandon(self) -> None:
        """Forget the instance."""
        self._arrival.abandon()
