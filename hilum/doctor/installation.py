"""Whose installation this is: the settings' file, the account, the home folder."""

from __future__ import annotations

import os
import pwd
import stat
import tomllib
from typing import TYPE_CHECKING

from hilum.doctor.check import failure, not_applicable, ok, warning
from hilum.settings import without_password

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path
    from typing import Any

    from hilum.doctor.check import Finding
    from hilum.settings import Settings

_SECRETS = (("store", "secret_key"), ("alarm", "webhook"), ("oidc", "client_secret"))


def settings_file(source: Path | None) -> Iterator[Finding]:
    """Look at the file that the settings came from; that they are right was seen when they were read."""
    if source is None:
        yield ok("no file: the defaults and what the environment says")
        return
    yield ok(f"{source} is right")
    mode = stat.S_IMODE(source.stat().st_mode)
    if mode & stat.S_IWOTH:
        yield failure(f"everybody may write {source}", f"chmod o-w {source}")
    with source.open("rb") as file:
        secrets = list(_secrets(tomllib.load(file)))
    if secrets and mode & stat.S_IROTH:
        yield failure(f"everybody may read {source}, which holds {', '.join(secrets)}", f"chmod 640 {source}")


def _secrets(values: Mapping[str, Any]) -> Iterator[str]:
    url = str(values.get("database", {}).get("url", ""))
    if without_password(url) != url:
        yield "the password in database.url"
    yield from (f"{table}.{key}" for table, key in _SECRETS if values.get(table, {}).get(key))


def account() -> Iterator[Finding]:
    """Look who runs Hilum."""
    user = os.geteuid()
    if user == 0:
        yield warning("this is root", "make an account for Hilum, and run every command as it (sudo -u hilum hilum …)")
    else:
        yield ok(f"this is {_name_of(user)}")


def home(settings: Settings) -> Iterator[Finding]:
    """Look whether the home folder is ours alone to change, or can be made."""
    folder = settings.home
    if not folder.exists():
        yield from _place_for(folder)
        return
    own = folder.stat()
    if own.st_uid != os.geteuid():
        owner = _name_of(own.st_uid)
        yield failure(f"{folder} belongs to {owner}, not to who runs this", f"run it as {owner} (sudo -u {owner} …)")
    elif not os.access(folder, os.W_OK | os.X_OK):
        yield failure(f"{folder} can't be written", f"chmod u+rwx {folder}")
    elif own.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        yield failure(f"others may write {folder}", f"chmod go-w {folder}")
    else:
        yield ok(f"{folder}")


def _place_for(folder: Path) -> Iterator[Finding]:
    above = nearest(folder)
    if os.access(above, os.W_OK | os.X_OK):
        yield not_applicable(f"{folder} is not there yet", "hilum up makes it; if it should be there, set home")
    else:
        yield failure(f"{folder} can't be made: {above} can't be written", f"mkdir -p {folder} as root, and chown it")


def nearest(folder: Path) -> Path:
    """Return a folder, or the nearest above it that exists."""
    return next(path for path in (folder, *folder.parents) if path.exists())


def _name_of(user: int) -> str:
    try:
        return pwd.getpwuid(user).pw_name
    except KeyError:
        return str(user)
