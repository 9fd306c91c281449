"""A length of time on the command line: 30d, 12h."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import click

_UNITS = {"h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}
_LONGEST = timedelta(days=3650)


def since_option(text: str) -> Callable[..., Any]:
    """Return the option `--since`, with what it is about."""
    return click.option("--since", default="30d", show_default=True, metavar="LENGTH", callback=_length, help=text)


def _length(_: click.Context, __: click.Parameter, text: str) -> timedelta:
    match = re.fullmatch(r"([1-9][0-9]{0,4})([hdw])", text)
    length = None if match is None else int(match[1]) * _UNITS[match[2]]
    if length is None or length > _LONGEST:
        raise click.BadParameter(f"{text!r} is no length of time; write 12h, 30d or 8w, at most ten years")
    return length
