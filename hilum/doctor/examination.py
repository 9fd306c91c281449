"""Does checks: one after the other those that work themselves, beside them all that wait for somebody else."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

from domain.errors import HilumError
from hilum.doctor.check import Check, Result, failure

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from hilum.doctor.check import Finding

_TELL_US = "hilum doctor --only {}; if it fails again, this is a fault of Hilum's: tell who looks after it"
_LOOK_SECONDS = 0.2


def examine(checks: Sequence[Check], tell: Callable[[str], None]) -> list[Result]:
    """Do every check and return what came of each, in order.

    A check that breaks, or takes too long, has failed; the others are done all the same.

    Args:
        checks: what to look at.
        tell: told what is being looked at, again and again.
    """
    waiting = [_Looking(check) for check in checks if check.waits]
    for one in waiting:
        one.start()
    results: dict[str, Result] = {}
    for check in checks:
        if not check.waits:
            looking = _Looking(check)
            looking.start()
            results[check.name] = looking.result([looking, *waiting], tell)
    for one in waiting:
        results[one.check.name] = one.result(waiting, tell)
    return [results[check.name] for check in checks]


class _Looking:
    """A check at work, in a thread of its own: where it hangs, it is left behind."""

    def __init__(self, check: Check) -> None:
        self.check = check
        self._found: tuple[Finding, ...] = ()
        self._begun = self._ended = time.monotonic()
        self._thread = threading.Thread(target=self._look, name=check.name, daemon=True)

    def start(self) -> None:
        """Begin."""
        self._begun = time.monotonic()
        self._thread.start()

    @property
    def is_at_work(self) -> bool:
        """Whether it has not ended."""
        return self._thread.is_alive()

    def result(self, everybody: Sequence[_Looking], tell: Callable[[str], None]) -> Result:
        """Wait for the end, or until its time is up; tell meanwhile who of everybody is at work."""
        deadline = self._begun + self.check.limit_s
        while self.is_at_work and time.monotonic() < deadline:
            tell(_shown(everybody))
            self._thread.join(min(_LOOK_SECONDS, max(deadline - time.monotonic(), 0)))
        if self.is_at_work:
            late = failure(f"no answer within {self.check.limit_s:g} s", _TELL_US.format(self.check.name))
            return Result(name=self.check.name, findings=(late,), seconds=self.check.limit_s)
        return Result(name=self.check.name, findings=self._found, seconds=self._ended - self._begun)

    def _look(self) -> None:
        try:
            self._found = tuple(self.check.look())
        except HilumError as error:
            self._found = (failure(str(error), f"hilum doctor --only {self.check.name}, once it is mended"),)
        except OSError as error:
            what = f"{error.filename}: {error.strerror}" if error.filename else error.strerror or type(error).__name__
            self._found = (failure(what, "see whether it is there, and whose it is"),)
        except Exception as error:  # noqa: BLE001 - a check may break in any way, and the others are still to be done
            self._found = (failure(f"the check broke: {type(error).__name__}", _TELL_US.format(self.check.name)),)
        finally:
            self._ended = time.monotonic()


def _shown(looking: Sequence[_Looking]) -> str:
    return "looking at " + ", ".join(one.check.name for one in looking if one.is_at_work)
