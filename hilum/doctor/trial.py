"""What may end a whole process is tried in one of its own: compiled decoders, networks, drivers.

As a program it is that process: `python -m hilum.doctor.trial decoders`, or `gpu`; it prints JSON.
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

PYTHON_M_TRIAL: Final = [sys.executable, "-P", "-m", "hilum.doctor.trial"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Ended:
    """How a process ended."""

    status: int
    said: str
    complained: str

    @property
    def how(self) -> str:
        """Why it failed, in words; empty: it did not."""
        if self.status < 0:
            return f"the process was ended by {signal.Signals(-self.status).name}"
        complaints = self.complained.strip().splitlines()
        return "" if self.status == 0 else (complaints or [f"exit status {self.status}"])[-1]


def apart(command: Sequence[str], *, seconds: float) -> Ended:
    """Run a process of its own, and wait for so long at most."""
    try:
        done = subprocess.run(
            command, check=False, capture_output=True, text=True, timeout=seconds, stdin=subprocess.DEVNULL
        )
    except subprocess.TimeoutExpired:
        return Ended(status=1, said="", complained=f"no end within {seconds:g} s")
    return Ended(status=done.returncode, said=done.stdout, complained=done.stderr)


def main(what: str) -> None:
    """Try it and print what came of it."""
    if what == "gpu":
        from models.runtime import gpu_trouble

        result: object = gpu_trouble(patient=True)
    else:
        from dicom_node.specimens import read_all

        result = dict(read_all())
    print(json.dumps(result))  # noqa: T201 - to whoever started it


if __name__ == "__main__":
    main(sys.argv[1])
