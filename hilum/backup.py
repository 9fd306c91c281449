"""`hilum backup`: copies database, films and networks while everything runs.

A film's file is durable before its row is committed. So the database is dumped first, in one snapshot, and then every
file is copied that the snapshot's rows name: they are all there.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass, field
from datetime import UTC
from typing import TYPE_CHECKING

import click

from domain.backup import FORMAT, Manifest, NamedFilm
from domain.errors import Misconfigured
from hilum import __version__, backup_folder, bootstrap
from hilum.backup_folder import DUMP, FILMS, MODELS, SETTINGS, Backup, Draft, draft
from hilum.progress import bar

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from db.engine import Engine
    from db.snapshot import Snapshot
    from dicom_node.store import Store
    from hilum.settings import Settings

_SPARE_BYTES = 16 * 1024 * 1024
_FILM_OVERHEAD_BYTES = 1024
"""Of a film's head and of its place on the disk."""


@dataclass(frozen=True, kw_only=True)
class How:
    """What a backup has."""

    films: bool | None = None
    """Whether films are copied; None: if they lie in a folder."""
    settings_file: Path | None = None
    """The settings' file, if it is wanted."""
    is_full: bool = False
    """Every film is copied anew, instead of shared with the backup before."""
    keep: int = 0
    """How many backups are kept; 0: all."""


@dataclass(kw_only=True)
class _Tally:
    copied: int = 0
    linked: int = 0
    missing: list[str] = field(default_factory=list)
    damaged: list[str] = field(default_factory=list)


def run(settings: Settings, destination: Path, how: How) -> int:
    """Make a backup in a folder of backups; return 1 if films are missing or damaged.

    Raises:
        Misconfigured: the destination can't be written or is too small, or what is needed is not installed.
        Transient: the database or the store is away.
    """
    _refuse_own_home(settings, destination)
    has_films = not settings.store.is_bucket if how.films is None else how.films
    with bootstrap.database(settings, role="backup") as engine, draft(destination) as made:
        try:
            place, tally = _make(settings, engine, made, destination, (has_films, how))
        except OSError as error:
            raise Misconfigured(f"the backup can't be written or a file can't be read: {error}") from error
        removed = backup_folder.prune(destination, how.keep) if how.keep else 0
    _tell(place, tally, settings, has_films=has_films, removed=removed)
    return int(bool(tally.missing or tally.damaged))


def _make(
    settings: Settings, engine: Engine, made: Draft, destination: Path, what: tuple[bool, How]
) -> tuple[Path, _Tally]:
    from db.engine import check_schema
    from db.snapshot import films_stay, snapshot, still_named

    has_films, how = what
    check_schema(engine)
    tally = _Tally()
    with films_stay(engine):
        with snapshot(engine) as moment:
            films = moment.films() if has_films else []
            earlier = None if how.is_full else backup_folder.newest(destination)
            _check_room(destination, films, earlier, moment.database_bytes)
            with bar("database"):
                made.file(DUMP)
                moment.dump(made.file(DUMP))
            made.take_written(DUMP)
        store = bootstrap.film_store(settings, for_reading=True)
        with bar("films", len(films)) as advance:
            for film in films:
                _take(store, film, made, earlier, tally)
                advance(1)
        if tally.missing:  # what was deleted on purpose meanwhile is not missed
            tally.missing = sorted(still_named(engine, tally.missing))
    for path in _model_files(settings.installed_networks):
        made.take(path, f"{MODELS}/{path.relative_to(settings.installed_networks)}")
    if how.settings_file is not None:
        made.take(how.settings_file, SETTINGS)
    moment_name = backup_folder.name_of(moment.made_at.astimezone(UTC))
    return made.finish(lambda sums: _manifest(moment, tally, sums, has_films=has_films), moment_name), tally


def _take(store: Store, film: NamedFilm, made: Draft, earlier: Backup | None, tally: _Tally) -> None:
    from dicom_node.film_copies import copy_out

    name = f"{FILMS}/{film.place}"
    if earlier is not None and made.link(name, earlier, at_least=film.size_bytes):
        tally.linked += 1
        return
    try:
        with made.writing(name) as target:
            copied = copy_out(store, film.place, target)
    except FileNotFoundError:
        made.drop(name)
        tally.missing.append(film.place)
        return
    made.listed(name, copied.sha256)
    tally.copied += 1
    if copied.digest != film.digest:
        tally.damaged.append(film.place)


def _check_room(destination: Path, films: list[NamedFilm], earlier: Backup | None, database_bytes: int) -> None:
    """Refuse to begin what would fill the disk.

    Raises:
        Misconfigured: there is not enough room.
    """
    known = set() if earlier is None else set(earlier.films())
    new = sum(film.size_bytes + _FILM_OVERHEAD_BYTES for film in films if film.place not in known)
    needed, free = new + database_bytes + _SPARE_BYTES, shutil.disk_usage(destination).free
    if needed > free:
        raise Misconfigured(
            f"{destination} has {free / 1e6:.0f} MB left, and the backup may need {needed / 1e6:.0f} MB; make room, or "
            "keep fewer backups (--keep)"
        )


def _refuse_own_home(settings: Settings, destination: Path) -> None:
    if destination.absolute().is_relative_to(settings.home):
        raise Misconfigured(f"{destination} lies in home ({settings.home}); a backup belongs on another disk")


def _model_files(folder: Path) -> Iterator[Path]:
    """Yield what the folder of installed networks has, but for what is just being installed."""
    for path in sorted(folder.rglob("*")):
        first = path.relative_to(folder).parts[0]
        if path.is_file() and not first.startswith("."):
            yield path


def _manifest(moment: Snapshot, tally: _Tally, sums: str, *, has_films: bool) -> Manifest:
    return Manifest(
        format=FORMAT,
        made_at=moment.made_at.astimezone(UTC).isoformat(),
        hilum_version=__version__,
        schema_revision=moment.revision,
        server_major=moment.server_major,
        studies=moment.studies,
        films=tally.copied + tally.linked,
        has_films=has_films,
        missing=tuple(tally.missing),
        damaged=tuple(tally.damaged),
        sums_sha256=sums,
    )


def _tell(place: Path, tally: _Tally, settings: Settings, *, has_films: bool, removed: int) -> None:
    click.echo(f"{place}: finished")
    if has_films:
        click.echo(f"films: {tally.copied} copied, {tally.linked} shared with the backup before")
    else:
        where = settings.store.url or settings.spool
        click.echo(f"films: none; they stay in {where}, which must be kept by its own means")
    if removed:
        click.echo(f"removed: {removed} older")
    for word, places in (("missing in the store", tally.missing), ("other than it was received", tally.damaged)):
        for one in places:
            click.echo(f"{one}: {word}", err=True)


def verify(path: Path) -> int:
    """Read every file of a backup and say whether it is what it was; return 1 if one is not.

    Raises:
        Misconfigured: there is no finished backup.
    """
    backup = Backup(path)
    with bar("verify", len(backup.sums)) as advance:
        damage = backup.damage(advance)
    for sentence in damage:
        click.echo(sentence, err=True)
    manifest = backup.manifest
    gaps = len(manifest.missing) + len(manifest.damaged)
    said = f", of {gaps} films the store had no good copy" if gaps else ""
    click.echo(
        f"{path}: {'DAMAGED' if damage else 'good'}: {len(backup.sums)} files, {manifest.studies} studies as of "
        f"{manifest.made_at}, made by Hilum {manifest.hilum_version}{said}"
    )
    return int(bool(damage))


def checked(path: Path) -> Backup:
    """Return a backup of which every file is what it was.

    Raises:
        Misconfigured: there is none, or it is damaged.
    """
    backup = Backup(path)
    with bar("verify", len(backup.sums)) as advance:
        damage = backup.damage(advance)
    if damage:
        raise Misconfigured(f"{path} is damaged, nothing was restored: {'; '.join(damage[:3])}")
    return backup
