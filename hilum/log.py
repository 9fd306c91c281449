"""The log: events with a static name and fields from an allow-list, so that no patient's data gets in."""

from __future__ import annotations

import logging
import signal
import sys
import threading
import warnings
from typing import TYPE_CHECKING, Any, Final

import structlog

from hilum.settings import writes_to_journal

if TYPE_CHECKING:
    from collections.abc import Callable, MutableMapping
    from types import FrameType

    from hilum.metrics_settings import Log
    from worker.events import Events

ALLOWED_FIELDS = frozenset(
    {
        "attempt",
        "bytes",
        "calling",
        "count",
        "decoders",
        "duty",
        "error",
        "host",
        "job",
        "kept",
        "lane",
        "model",
        "outcome",
        "peer",
        "peers",
        "place",
        "port",
        "process",
        "reason",
        "reception",
        "role",
        "seconds",
        "senders",
        "settings",
        "sha256",
        "status",
        "study",
        "verbosity",
        "version",
    }
)
"""Fields that may be logged: `study` and `job` are row numbers, `calling` an AE title, `reason` a text of our own."""

_OWN_KEYS = frozenset({"event", "level", "timestamp"})


_PRIORITIES: Final = {"debug": 7, "info": 6, "warning": 4, "error": 3}
"""The levels as the journal knows them (syslog, RFC 5424 Section 6.2.1): the less, the worse."""


class Threshold:
    """Which events are written; it can be moved while the process runs."""

    def __init__(self, level: str) -> None:
        """Write events of a level, and worse ones."""
        self._least = self._usual = level

    def move(self, *, to_all: bool) -> str:
        """Write everything, or what the settings say; return the level."""
        self._least = "debug" if to_all else self._usual
        return self._least

    def __call__(self, _: object, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        """Drop an event that is below it."""
        if _PRIORITIES[event["level"]] > _PRIORITIES[self._least]:
            raise structlog.DropEvent
        return event


def start(settings: Log, *, role: str, tell: Callable[[int], None] | None = None) -> Events:
    """Set up logging for this process and return its log, which names the role in every event.

    SIGUSR1 has everything written from then on, SIGUSR2 what the settings say.

    Args:
        settings: level and format.
        role: what the process does.
        tell: hands such a signal on to processes of its own; it runs in the signal's handler.
    """
    silence_toolkits()
    is_console = settings.format == "console" or (settings.format == "auto" and sys.stderr.isatty())
    renderer = structlog.dev.ConsoleRenderer() if is_console else structlog.processors.JSONRenderer(sort_keys=True)
    threshold = Threshold(settings.level)
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            threshold,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            only_allowed_fields,
            _Journal(renderer) if writes_to_journal() else renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger("debug"),
        logger_factory=structlog.WriteLoggerFactory(file=sys.stderr),
    )
    log: Events = structlog.get_logger().bind(role=role)
    _heed_signals(threshold, log, tell)
    return log


def _heed_signals(threshold: Threshold, log: Events, tell: Callable[[int], None] | None) -> None:
    def move(number: int, _: FrameType | None) -> None:
        level = threshold.move(to_all=number == signal.SIGUSR1)
        # In a thread: the signal may have come while this one held the lock of the log.
        threading.Thread(target=log.warning, args=["log-level-changed"], kwargs={"verbosity": level}).start()
        if tell is not None:
            tell(number)

    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGUSR1, move)
        signal.signal(signal.SIGUSR2, move)


class _Journal:
    """Writes the level before each line in the way that the journal takes it from standard error (sd-daemon(3))."""

    def __init__(self, renderer: structlog.typing.Processor) -> None:
        self._renderer = renderer

    def __call__(self, logger: object, name: str, event: MutableMapping[str, Any]) -> str:
        level = event["level"]
        return f"<{_PRIORITIES[level]}>{self._renderer(logger, name, event)!s}"


def only_allowed_fields(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:  # noqa: ANN401
    """Drop every field that is not on the list; the drop itself is visible."""
    refused = event.keys() - ALLOWED_FIELDS - _OWN_KEYS
    for key in refused:
        event[key] = "[not allowed in the log]"
    return event


def silence_toolkits() -> None:
    """Keep quiet what toolkits log or warn: their texts quote attribute values."""
    for toolkit in ("pydicom", "pynetdicom", "highdicom", "hl7apy", "PIL", "uvicorn", "opentelemetry"):
        logging.getLogger(toolkit).setLevel(logging.CRITICAL + 1)
    warnings.simplefilter("ignore")
