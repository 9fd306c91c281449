"""This machine's clock: whether somebody keeps it."""

from __future__ import annotations

import ctypes
from typing import TYPE_CHECKING

from hilum.doctor.check import not_applicable, ok, warning

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hilum.doctor.check import Finding

_UNSYNCHRONISED = 5
"""TIME_ERROR of adjtimex(2), which NTP clears."""
_WORDS = 64
"""More than `struct timex` has; all zero, it asks and sets nothing."""


def clock() -> Iterator[Finding]:
    """Ask the kernel whether the clock is kept by NTP or the like."""
    try:
        state = int(ctypes.CDLL(None).adjtimex(ctypes.byref((ctypes.c_long * _WORDS)())))
    except AttributeError:
        state = -1
    yield from kept(state)


def kept(state: int) -> Iterator[Finding]:
    """Judge the kernel's answer; -1: it gave none."""
    if state < 0:
        yield not_applicable("the kernel does not say whether the clock is kept")
    elif state == _UNSYNCHRONISED:
        yield warning("nobody keeps this machine's clock", "timedatectl set-ntp true, or install chrony")
    else:
        yield ok("the clock is kept")
