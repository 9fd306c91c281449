"""What the page of operations is told by settings and host, and wires it to the database."""

from __future__ import annotations

import shutil
import threading
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from domain.duties import COUNTED
from domain.jobs import CLASSIFY_LANE, deliver_lane
from domain.operations import ControlRoom, Disk, DutyState, PeerCheck, PeerPlace
from hilum import peers, upkeep
from hilum.duties import every

if TYPE_CHECKING:
    from db.engine import Engine
    from domain.duties import DutyRecord
    from hilum.settings import Settings

_STEP_SECONDS: Final = 5.0
_WHOLE_SECONDS: Final = 20.0
_MEGABYTE: Final = 1_000_000


@dataclass(frozen=True, kw_only=True)
class HostSurroundings:
    """Implements `domain.operations.Surroundings`."""

    settings: Settings
    step_seconds: float = _STEP_SECONDS
    """For each answer of a DICOM peer that is tested."""
    whole_seconds: float = _WHOLE_SECONDS
    """For a whole test."""
    _busy: threading.Lock = field(default_factory=threading.Lock)

    def lanes(self) -> tuple[str, ...]:
        """Return the lanes in which work can stand by the settings."""
        return (CLASSIFY_LANE, *(deliver_lane(name) for name in self.settings.told))

    def peers(self) -> tuple[PeerPlace, ...]:
        """Return the peers, in the order of the settings."""
        return tuple(peers.places(self.settings))

    def check(self, peer: str) -> tuple[PeerCheck, ...]:
        """Try with a peer what `hilum peers test` tries, one peer at a time, for so long at most.

        Raises:
            Misconfigured: there is none of that name.
        """
        checks = peers.checks(self.settings, peer, timeout_s=self.step_seconds)
        if not self._busy.acquire(blocking=False):
            return (PeerCheck(what="test", is_good=False, says="another test is running; try again in a moment"),)
        done: list[PeerCheck] = []
        over = threading.Event()

        def work() -> None:
            try:
                for check in checks:
                    done.append(check)
                    if over.is_set():
                        return
            finally:
                self._busy.release()

        thread = threading.Thread(target=work, daemon=True)
        thread.start()
        thread.join(self.whole_seconds)
        if not thread.is_alive():
            return tuple(done)
        over.set()
        late = f"not through after {self.whole_seconds:g} seconds; the rest was not tried"
        return (*done, PeerCheck(what="time limit", is_good=False, says=late))

    def duty(self, record: DutyRecord) -> DutyState:
        """Say how a duty fares."""
        return DutyState(
            word=upkeep.state(record, self.settings),
            every_seconds=every(self.settings, record.name).total_seconds(),
            counted=COUNTED[record.name],
        )

    def disk(self) -> Disk | None:
        """Return how full the spool's disk is; None where it can't be told."""
        spool = self.settings.spool
        try:
            # Before the node has made the spool, the disk is asked on which it will be.
            usage = shutil.disk_usage(next(folder for folder in (spool, *spool.parents) if folder.exists()))
        except OSError:
            return None
        return Disk(
            free_bytes=usage.free,
            total_bytes=usage.total,
            reserve_bytes=self.settings.node.reserve_megabytes * _MEGABYTE,
        )


def control_room(settings: Settings, engine: Engine) -> ControlRoom:
    """Return what the page of operations is made of."""
    from db.operations import PostgresOperations

    here = HostSurroundings(settings=settings)
    patience = timedelta(seconds=settings.upkeep.escalation_after_seconds)
    return ControlRoom(switchboard=PostgresOperations(engine, patience=patience, lanes=here.lanes()), surroundings=here)
