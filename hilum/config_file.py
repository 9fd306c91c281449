"""Writes settings as the TOML file that would give them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from hilum.settings import without_password

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from hilum.settings import Settings


_HIDDEN = "***"


def as_toml(settings: Settings, source: Path | None) -> str:
    """Return all settings in force as TOML; passwords and keys are replaced by `***`."""
    values = settings.model_dump(mode="json")
    if settings.alarm.webhook is not None:
        values["alarm"]["webhook"] = _HIDDEN
    values["store"].update({key: _HIDDEN for key in ("access_key", "secret_key") if values["store"][key]})
    values["database"]["url"] = without_password(values["database"]["url"])
    origin = f"from {source}" if source is not None else "defaults, no settings file"
    return "\n".join([f"# {origin}; HILUM_… variables included", *_lines(values)]) + "\n"


def _lines(values: dict[str, Any]) -> Iterator[str]:
    tables = {key: value for key, value in values.items() if isinstance(value, dict | list)}
    yield from (_line(key, value) for key, value in values.items() if key not in tables)
    for key, value in tables.items():
        for table in value if isinstance(value, list) else [value]:
            yield ""
            yield f"[[{key}]]" if isinstance(value, list) else f"[{key}]"
            yield from (_line(name, item) for name, item in table.items())


def _line(key: str, value: object) -> str:
    return f"# {key} is not set" if value is None else f"{key} = {json.dumps(value)}"
