"""What this machine has to work with."""

from __future__ import annotations

import ctypes
import gc
import os
from pathlib import Path

from hilum.settings import visible_gpus

_NVIDIA = Path("/proc/driver/nvidia/gpus")


def cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0))


def give_back_memory() -> None:
    """Give memory that is free within this process back to the machine, where the C library can do that (malloc_trim).

    Loading the DICOM toolkits leaves 80 MB of it.
    """
    gc.collect()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)


def gpus() -> tuple[str, ...]:
    """Return the GPUs that processes may be given, by their numbers in CUDA_VISIBLE_DEVICES.

    If the variable is set, the GPUs in it; else all that NVIDIA's driver knows.
    """
    chosen = visible_gpus()
    if chosen is not None:
        return tuple(number.strip() for number in chosen.split(",") if number.strip() not in {"", "-1"})
    return tuple(str(number) for number in range(len(list(_NVIDIA.glob("*")))))
