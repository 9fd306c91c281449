"""Where the core tells what happens: static event names with fields that hold no patient's data."""

from __future__ import annotations

from typing import Protocol


class Events(Protocol):
    """A log with levels; structlog's loggers are one."""

    def debug(self, event: str, /, **fields: object) -> object:
        """Tell what is of use to somebody who looks closely."""
        ...

    def info(self, event: str, /, **fields: object) -> object:
        """Tell that something happened as it should."""
        ...

    def warning(self, event: str, /, **fields: object) -> object:
        """Tell that something failed and will be tried again."""
        ...

    def error(self, event: str, /, **fields: object) -> object:
        """Tell that something needs an operator."""
        ...
