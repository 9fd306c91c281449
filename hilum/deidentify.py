"""`hilum deidentify`: films without their patients, of files or of this installation, into a folder."""

from __future__ import annotations

import csv
import json
import os
import secrets
import sys
from collections import Counter
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import IO, TYPE_CHECKING

import click

from domain.errors import Misconfigured
from hilum import bootstrap

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from contextlib import AbstractContextManager
    from datetime import date, datetime

    from dicom_node.deidentify import Deidentifier
    from hilum.cli import Loaded
    from hilum.settings import Settings

    Opened = Callable[[], AbstractContextManager[IO[bytes]]]

_KEY_BYTES = 32
_SHORTEST_KEY = 16
_PRIVATE = 0o600
_MANIFEST = "manifest.csv"
_MANIFEST_COLUMNS = ("file", "label", "source", "patient_id", "sex")
_TABLE_COLUMNS = ("patient_id", "pseudonym", "sop_instance_uid", "new_sop_instance_uid")


@dataclass(frozen=True, kw_only=True, slots=True)
class _Source:
    """A film that may be exported."""

    open: Opened
    label: str = ""


@dataclass(kw_only=True, slots=True)
class _Tally:
    written: int = 0
    left_out: Counter[str] = field(default_factory=Counter)


@click.command()
@click.argument("sources", nargs=-1, metavar="[SOURCE]...", type=click.Path(path_type=Path, exists=True))
@click.option("--output", required=True, type=click.Path(path_type=Path, file_okay=False), help="A new, empty folder.")
@click.option(
    "--key-file",
    required=True,
    type=click.Path(path_type=Path, dir_okay=False),
    help="The secret of the pseudonyms; made if there is none. The same key gives the same pseudonyms.",
)
@click.option("--reported", is_flag=True, help="Films of this installation that somebody reported, with labels.")
@click.option("--since", type=click.DateTime(["%Y-%m-%d"]), help="With --reported: received on this day or later.")
@click.option("--study", "studies", multiple=True, metavar="UID", help="With --reported: this study; again for others.")
@click.option(
    "--shift-dates", is_flag=True, help="Keep dates of examinations, moved back by days of the patient's own."
)
@click.option("--keep-characteristics", is_flag=True, help="Keep sex, age, size and weight.")
@click.option("--even-burned-in", is_flag=True, help="Also films that say that something is written in the picture.")
@click.option(
    "--table", type=click.Path(path_type=Path, dir_okay=False), help="Write who is who into this file: keep it secret."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.pass_obj
def deidentify(  # noqa: PLR0913 - one for each option
    loaded: Loaded,
    sources: tuple[Path, ...],
    *,
    output: Path,
    key_file: Path,
    reported: bool,
    since: datetime | None,
    studies: tuple[str, ...],
    shift_dates: bool,
    keep_characteristics: bool,
    even_burned_in: bool,
    table: Path | None,
    as_json: bool,
) -> None:
    """Write films without their patients: of each SOURCE, a file or folder, or of this installation (--reported).

    By the Basic Application Level Confidentiality Profile of PS3.15 Annex E, with an option for dates and one for the
    patient's characteristics. Pixels are never changed: films that say that something is written in them are left
    out, but not every film says so. Look at what you give away.

    With --reported the folder gets a manifest.csv, as `hilum train` and `hilum evaluate` take it, with the class that
    a final report, or else a person on a page, calls present.

    Exit status 1 if nothing was written. With --json: written, left_out (numbers by reason).
    """
    if bool(sources) == reported:
        raise click.UsageError("name files or folders, or say --reported")
    if (since or studies) and not reported:
        raise click.UsageError("--since and --study go with --reported")
    from dicom_node.deidentify import Deidentifier

    worker = Deidentifier(
        key=_key(key_file),
        shifts_dates=shift_dates,
        keeps_characteristics=keep_characteristics,
        takes_burned_in=even_burned_in,
    )
    first = None if since is None else since.date()
    with ExitStack() as stack:
        found = stack.enter_context(_reported(loaded.settings(), first, studies)) if reported else list(_files(sources))
        tally = _export(worker, found, _empty(output), table)
    told = {"written": tally.written, "left_out": dict(tally.left_out)}
    lines = [f"{tally.written} films written", *(f"  {count} left out: {why}" for why, count in tally.left_out.items())]
    click.echo(json.dumps(told) if as_json else "\n".join(lines))
    sys.exit(int(not tally.written))


def _key(file: Path) -> bytes:
    """Return the secret, made if there is none.

    Raises:
        Misconfigured: it can't be read or made, or is too short.
    """
    try:
        if not file.exists():
            with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _PRIVATE), "w") as made:
                made.write(secrets.token_hex(_KEY_BYTES))
            click.echo(
                f"made a key: {file}; keep it secret, or destroy it, so that nobody can prove who is who", err=True
            )
        key = file.read_bytes().strip()
    except OSError as error:
        raise Misconfigured(f"{file}: the key can't be read or made: {error.strerror}") from error
    if len(key) < _SHORTEST_KEY:
        raise Misconfigured(f"{file}: a key has {_SHORTEST_KEY} bytes at least")
    return key


def _empty(folder: Path) -> Path:
    """Make the folder; films of two exports are not mixed.

    Raises:
        Misconfigured: it can't be made, or there is something in it.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if any(folder.iterdir()):
            raise Misconfigured(f"{folder} is not empty: choose another folder for the export")
    except OSError as error:
        raise Misconfigured(f"the folder {folder} can't be made: {error.strerror}") from error
    return folder


def _files(sources: tuple[Path, ...]) -> Iterator[_Source]:
    for source in sources:
        for file in sorted(path for path in source.rglob("*") if path.is_file()) if source.is_dir() else [source]:
            yield _Source(open=partial(_opened, file))


def _opened(file: Path) -> IO[bytes]:
    return file.open("rb")


@contextmanager
def _reported(settings: Settings, since: date | None, studies: tuple[str, ...]) -> Iterator[list[_Source]]:
    with bootstrap.database(settings, role="deidentify") as engine:
        from db.engine import check_schema
        from db.exports import reported_films

        check_schema(engine)
        found = list(reported_films(engine, since=since, studies=studies))
    store = bootstrap.film_store(settings, for_reading=True)
    try:
        yield [_Source(open=partial(store.open, film.path), label=label or "") for film, label in found]
    finally:
        store.close()


def _export(worker: Deidentifier, found: list[_Source], output: Path, table: Path | None) -> _Tally:
    """Write the films.

    Raises:
        Misconfigured: a folder can't be written to.
    """
    from dicom_node.deidentify import NotExported
    from hilum.progress import bar

    tally, rows, people = _Tally(), [], []
    with bar("films", len(found)) as advance:
        for source in found:
            advance(1)
            try:
                with source.open() as file:
                    film = worker.film(file)
            except NotExported as problem:
                tally.left_out[problem.reason] += 1
                continue
            except OSError:
                tally.left_out["can't be read"] += 1
                continue
            place = Path(film.patient) / f"{film.sop_instance_uid}.dcm"
            _write(output / place, film.content)
            tally.written += 1
            rows.append((str(place), source.label, "", film.patient, film.sex))
            people.append((film.original_patient, film.patient, film.original_uid, film.sop_instance_uid))
    if any(source.label for source in found):
        _write_table(output / _MANIFEST, _MANIFEST_COLUMNS, [row for row in rows if row[1]])
    if table is not None:
        _write_table(table, _TABLE_COLUMNS, people)
    return tally


def _write(file: Path, content: bytes) -> None:
    try:
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(content)
    except OSError as error:
        raise Misconfigured(f"{file.parent} can't be written to: {error.strerror}") from error


def _write_table(file: Path, columns: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> None:
    try:
        with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, _PRIVATE), "w", newline="") as opened:
            csv.writer(opened).writerows([columns, *rows])
    except OSError as error:
        raise Misconfigured(f"{file} can't be written: {error.strerror}") from error
