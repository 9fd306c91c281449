"""The log: events with a static name and fields from an allow-list, so that no patient's data gets in."""

from __future__ import annotations

import logging
import sys
import warnings
from typing import TYPE_CHECKING, Any

import structlog

if TYPE_CHECKING:
    from collections.abc import MutableMapping

    from hilum.settings import Log
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
        "version",
    }
)
"""Fields that may be logged: `study` and `job` are row numbers, `calling` an AE title, `reason` a text of our own."""

_OWN_KEYS = frozenset({"event", "level", "timestamp"})


def start(settings: Log, *, role: str) -> Events:
    """Set up logging for this process and return its log, which names the role in every event."""
    silence_toolkits()
    is_console = settings.format == "console" or (settings.format == "auto" and sys.stderr.isatty())
    renderer = structlog.dev.ConsoleRenderer() if is_console else structlog.processors.JSONRenderer(sort_keys=True)
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            only_allowed_fields,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(settings.level),
        logger_factory=structlog.WriteLoggerFactory(file=sys.stderr),
    )
    log: Events = structlog.get_logger().bind(role=role)
    return log


def only_allowed_fields(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:  # noqa: ANN401
    """Drop every field that is not on the list; the drop itself is visible."""
    refused = event.keys() - ALLOWED_FIELDS - _OWN_KEYS
    for key in refused:
        event[key] = "[not allowed in the log]"
    return event


def silence_toolkits() -> None:
    """Keep quiet what toolkits log or warn: their texts quote attribute values."""
    for toolkit in ("pydicom", "pynetdicom", "highdicom", "hl7apy", "PIL", "uvicorn"):
        logging.getLogger(toolkit).setLevel(logging.CRITICAL + 1)
    warnings.simplefilter("ignore")
