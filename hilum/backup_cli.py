"""`hilum backup` and `hilum restore`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from domain.errors import Misconfigured

if TYPE_CHECKING:
    from hilum.cli import Loaded

_folder = click.Path(path_type=Path, file_okay=False)
_backup = click.Path(path_type=Path, file_okay=False, exists=True)


class _CreatesByDefault(click.Group):
    """A group whose first command need not be named."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Take what is no command of ours for the arguments of `create`."""
        if args and args[0] not in self.commands and args[0] not in ctx.help_option_names:
            args = ["create", *args]
        return super().parse_args(ctx, args)


@click.group(cls=_CreatesByDefault)
def backup() -> None:
    """Back up everything, while everything runs: `hilum backup DESTINATION`.

    `hilum backup DESTINATION` is short for `hilum backup create DESTINATION`; `hilum restore` brings a backup back.
    """


@backup.command()
@click.argument("destination", type=_folder)
@click.option(
    "--films/--no-films",
    default=None,
    help="Copy the films or not. Without either they are copied, unless they lie in a bucket.",
)
@click.option("--with-settings", is_flag=True, help="Copy the settings' file, too, with whatever secrets it has.")
@click.option("--full", is_flag=True, help="Copy every film anew instead of sharing those of the backup before.")
@click.option(
    "--keep",
    type=click.IntRange(min=1),
    default=None,
    metavar="N",
    help="Afterwards remove all but the newest N finished backups in DESTINATION. Without it all stay.",
)
@click.pass_obj
def create(
    loaded: Loaded, destination: Path, *, films: bool | None, with_settings: bool, full: bool, keep: int | None
) -> None:
    """Make a backup in a new folder in DESTINATION, of database, films and installed networks.

    It is consistent: every film is in it that had been acknowledged when it began. Films that the last finished backup
    in DESTINATION has are not copied again but shared with it (hard links), so that it is cheap to make one every
    night. It needs `pg_dump` of the server's version; for the embedded server it is there.

    A backup holds what patients' films hold. Only its owner may read it; it is not encrypted. Files for TLS are not in
    it, nor are secrets of the environment or of a service manager.

    Exit status 1 if films are missing in the store or damaged: they are named, the backup has all others. 2 if there is
    no backup.
    """
    from hilum import backup as command

    settings, source = loaded.with_source()
    if with_settings and source is None:
        raise Misconfigured("--with-settings: there is no settings' file, the defaults are in force")
    how = command.How(films=films, settings_file=source if with_settings else None, is_full=full, keep=keep or 0)
    sys.exit(command.run(settings, destination, how))


@backup.command()
@click.argument("path", type=_backup)
def verify(path: Path) -> None:
    """Read every file of the backup in PATH, and compare it with what it was.

    Needs neither settings nor a database; `sha256sum -c SHA256SUMS` in PATH does the same.

    Exit status 1 if a file is missing or changed; 2 if PATH is no finished backup.
    """
    from hilum import backup as command

    sys.exit(command.verify(path))


@click.command()
@click.argument("path", type=_backup)
@click.option("--dry-run", is_flag=True, help="Only check whether it could be done.")
@click.pass_obj
def restore(loaded: Loaded, path: Path, *, dry_run: bool) -> None:
    """Bring the backup in PATH back, into an installation that is empty.

    Every file is checked first. Films and networks come first, the database last and in one transaction, and it is
    brought to the schema of this version; broken off, it can be done again. Then start Hilum. Jobs that a worker had in
    hand are done again; a report that was delivered before is sent again under the same UID at most.

    Exit status 2 if the backup is damaged, or database, store or networks are not empty.
    """
    from hilum import restore as command

    sys.exit(command.run(loaded.settings(), path, is_dry=dry_run))
