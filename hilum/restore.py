"""`hilum restore`: brings a backup back into an empty installation."""

from __future__ import annotations

import os
from contextlib import nullcontext
from typing import TYPE_CHECKING

import click

from domain.errors import Misconfigured
from hilum import bootstrap
from hilum.backup import checked
from hilum.backup_folder import DUMP, FILMS, MODELS, SETTINGS, Backup
from hilum.progress import bar
from hilum.settings import EMBEDDED

if TYPE_CHECKING:
    from pathlib import Path

    from db.engine import Engine
    from hilum.settings import Settings


def run(settings: Settings, path: Path, *, is_dry: bool) -> int:
    """Bring back films and networks, and then the database in one transaction; return 0.

    What was broken off can be done again: the database is still empty then, and the files that are there are of the
    same backup.

    Raises:
        Misconfigured: the backup is damaged or does not fit, or the installation is not empty.
        Transient: the database or the store is away.
    """
    backup = checked(path)
    _check_files(settings, backup)
    is_new = settings.database.url == EMBEDDED and not (settings.embedded_data / "PG_VERSION").exists()
    nothing_to_ask = is_dry and is_new  # the server would be made only to be asked
    with nullcontext() if nothing_to_ask else bootstrap.database(settings, role="restore") as engine:
        major = None if engine is None else _check_database(engine, backup)
        if engine is not None and major is not None and not is_dry:
            _restore(settings, engine, backup, major)
    manifest = backup.manifest
    verb = "could be restored" if is_dry else "restored"
    click.echo(f"{verb}: {manifest.studies} studies and {manifest.films} films as of {manifest.made_at}")
    if not manifest.has_films:
        click.echo("the films are not in this backup: they must be in the store")
    if SETTINGS in backup.sums:
        click.echo(f"the settings of that time are in {path / SETTINGS}; compare them with yours")
    if not is_dry:
        click.echo("now start it: films that came after that moment must be sent again; see `hilum gaps`")
    return 0


def _check_files(settings: Settings, backup: Backup) -> None:
    """Refuse to mix two installations.

    Raises:
        Misconfigured: there are films or networks that the backup does not have.
    """
    from dicom_node.spool import SHELVES

    store = bootstrap.film_store(settings, for_reading=True)
    shelves = SHELVES if backup.manifest.has_films and (settings.store.is_bucket or settings.spool.is_dir()) else ()
    known = set(backup.films())
    for shelf in shelves:
        try:
            others = store.on_shelf(shelf) - known
        except FileNotFoundError:
            continue
        if others:
            raise Misconfigured(
                f"the store {settings.store.url or settings.spool} has films that are not in the backup; restore into "
                "an empty one"
            )
    folder = settings.installed_networks
    there = {str(file.relative_to(folder)) for file in folder.rglob("*") if file.is_file()}
    if there - set(backup.models()):
        raise Misconfigured(f"{folder} has networks that are not in the backup; restore into an empty home")


def _check_database(engine: Engine, backup: Backup) -> int:
    """Return the major version of a server that can take the dump.

    Raises:
        Misconfigured: the database is not empty, or does not fit.
        Transient: the server is away.
    """
    from db.engine import SCHEMA_REVISION
    from db.restoration import fitting_major, is_empty

    if not is_empty(engine):
        raise Misconfigured(
            "the database is not empty; restore into a new one: another database.url, or for the embedded server "
            "another home"
        )
    if backup.manifest.schema_revision > SCHEMA_REVISION:
        raise Misconfigured(
            f"the backup was made by Hilum {backup.manifest.hilum_version}, whose schema is newer than this version's; "
            "install that version"
        )
    return fitting_major(engine, backup.manifest.server_major)


def _restore(settings: Settings, engine: Engine, backup: Backup, major: int) -> None:
    from db.restoration import restore
    from db.upgrade import Kind, upgrade
    from dicom_node.film_copies import put_back

    try:
        store = bootstrap.film_store(settings)
        places = backup.films()
        with bar("films", len(places)) as advance:
            for place in places:
                if not store.holds(place):
                    with (backup.folder / FILMS / place).open("rb") as film:
                        put_back(store, place, film)
                advance(1)
        _restore_models(settings.installed_networks, backup)
    except OSError as error:
        raise Misconfigured(f"a film or network can't be written: {error}; then restore again") from error
    with bar("database"):
        restore(engine, backup.folder / DUMP, major)
        upgrade(engine, Kind.PRE)


def _restore_models(folder: Path, backup: Backup) -> None:
    """Put the installed networks back; which is active, a file of its own, comes last."""
    for name in sorted(backup.models(), key=lambda one: ("/" not in one, one)):
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("wb") as file:
            file.write((backup.folder / MODELS / name).read_bytes())
            file.flush()
            os.fsync(file.fileno())
