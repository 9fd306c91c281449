"""What becomes of a thread whose step failed as a whole: it goes on, but where the installation is wrong."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from time import sleep
from typing import TYPE_CHECKING

from domain.errors import Misconfigured, Transient
from domain.meters import NO_METERS
from domain.traces import NO_TRACES
from worker.pulse import Pulse

if TYPE_CHECKING:
    from collections.abc import Callable

    from domain.meters import Meters
    from domain.ports import Queue
    from domain.traces import Tracer
    from worker.events import Events

_PAUSE_SECONDS = 1.0
"""After a failure: while the database is away, asking more often helps nobody."""
_PAUSE_AT_THE_END_SECONDS = 0.2
"""The same once there is a stop: what is in hand is still to be stored."""


@dataclass(kw_only=True)
class Guard:
    """Watches over the threads of one lane."""

    lane: str
    queue: Queue
    events: Events
    stop: threading.Event = field(default_factory=threading.Event)
    pulse: Pulse = field(default_factory=Pulse)
    meters: Meters = NO_METERS
    tracer: Tracer = NO_TRACES
    failure: Misconfigured | None = None
    """Why the lane ended by itself."""

    def does(self, act: Callable[[], object]) -> bool:
        """Act, and say whether it went well; a wrong installation ends the lane and all beside it."""
        try:
            with self.pulse.at_work():
                act()
        except Transient as error:
            self.events.warning("database-away", lane=self.lane, reason=str(error))
            self._pause()
        except Misconfigured as error:
            self.failure = error
            self.stop.set()
            self.queue.wake()
        except Exception as error:  # noqa: BLE001 - a thread that died would leave its lane unserved, unseen
            self.events.error("loop-failed", lane=self.lane, error=type(error).__name__)
            self._pause()
        else:
            return True
        return False

    def _pause(self) -> None:
        if self.stop.wait(_PAUSE_SECONDS):
            sleep(_PAUSE_AT_THE_END_SECONDS)
