"""Silence for toolkits: their warnings and log lines quote attribute values, which may be a patient's."""

from __future__ import annotations

import logging
import threading
import warnings
from contextlib import ExitStack

import pydicom

_ABOVE_EVERY_LEVEL = logging.CRITICAL + 1


class _Quiet:
    """Silence that threads share: the first to enter makes it, the last to leave ends it.

    Warnings and pydicom's validation are global, so that a thread must not end them under another one.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._inside = 0
        self._silence = ExitStack()

    def __enter__(self) -> None:
        with self._lock:
            if self._inside == 0:
                self._silence.enter_context(warnings.catch_warnings())
                self._silence.enter_context(pydicom.config.disable_value_validation())
                warnings.simplefilter("ignore")
            self._inside += 1

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._inside -= 1
            if self._inside == 0:
                self._silence.close()


_QUIET = _Quiet()


def quiet() -> _Quiet:
    """Keep the toolkits from printing or logging: their warnings quote values, which are a patient's data."""
    for name in ("pydicom", "highdicom"):
        logger = logging.getLogger(name)
        if logger.level != _ABOVE_EVERY_LEVEL:  # setting it empties caches of the whole process
            logger.setLevel(_ABOVE_EVERY_LEVEL)
    return _QUIET
