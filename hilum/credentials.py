"""Secrets that a service manager hands over as files, one for a key of the settings (systemd's `LoadCredential=`)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from pydantic import BaseModel

from domain.errors import Misconfigured

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo

PREFIXES = ("hilum.", "hilum_")
"""Before a key: the second is what systemd makes of `LoadCredential=hilum:FOLDER`. Other files are somebody else's."""


def values(folder: Path, settings: type[BaseModel]) -> dict[str, Any]:
    """Return what the files of a folder say, as the settings file would say it.

    `hilum.database.url` is the key `database.url`. Its value is the content, without white space around it. Where the
    setting is a file, it is that file itself. Where it is a list of tables, the content is JSON.

    Raises:
        Misconfigured: a file can't be read, or is named for no key.
    """
    found: dict[str, Any] = {}
    for key, file in sorted(keys(folder).items()):
        table, _, name = key.partition(".")
        field = _field(settings, table, name)
        if field is None:
            raise Misconfigured(
                f"credential {file.name}: there is no setting {key}; name the file for one that there is"
            )
        value = _value(file, field, key)
        if name:
            found.setdefault(table, {})[name] = value
        else:
            found[table] = value
    return found


def keys(folder: Path) -> dict[str, Path]:
    """Return the files of a folder that are meant for us, by their key.

    Raises:
        Misconfigured: the folder can't be read.
    """
    try:
        files = [file for file in folder.iterdir() if file.name.startswith(PREFIXES)]
    except OSError as error:
        raise Misconfigured(f"credentials: {folder} can't be read: {error.strerror}") from None
    return {file.name[len(PREFIXES[0]) :]: file for file in files}


def _field(settings: type[BaseModel], table: str, name: str) -> FieldInfo | None:
    field = settings.model_fields.get(table)
    if field is None or not name:
        return field
    section = field.annotation
    return section.model_fields.get(name) if isinstance(section, type) and issubclass(section, BaseModel) else None


def _value(file: Path, field: FieldInfo, key: str) -> Any:  # noqa: ANN401 - whatever the key holds
    kinds = {field.annotation, *get_args(field.annotation)}
    if Path in kinds and key != "home":
        return str(file)
    try:
        text = file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise Misconfigured(f"credential {file.name}: can't be read: {type(error).__name__}") from None
    if field.default == () or field.default_factory is not None:
        return _json(text, file)
    return text


def _json(text: str, file: Path) -> Any:  # noqa: ANN401 - whatever JSON holds
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        raise Misconfigured(f"credential {file.name}: this is not JSON, as lists and tables are written") from None
