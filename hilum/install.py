"""`hilum install`: makes services of an installation in an environment of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from domain.errors import Misconfigured
from hilum import machine, systemd_files
from hilum.settings import EMBEDDED
from hilum.systemd_files import CREDENTIALS, OF_A_PACKAGE, SETTINGS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hilum.settings import Settings
    from hilum.systemd_files import Change, Entry

_ROOT = Path("/")
_HIDDEN_FROM_SERVICES = (Path("/home"), Path("/root"), Path("/tmp"))  # noqa: S108 - none is made there
_RUNS = Path("/run/systemd/system")
"""Is there where systemd is the first process."""


@click.command()
@click.option("--systemd", is_flag=True, required=True, help="As services of systemd; there is nothing else yet.")
@click.option(
    "--workers", type=click.IntRange(1, 64), help="Workers of this host. Default: as many as `hilum up` runs."
)
@click.option("--embedded", is_flag=True, help="One service with the embedded PostgreSQL, instead of one a role.")
@click.option("--dry-run", is_flag=True, help="Only show what would change.")
@click.option("--uninstall", is_flag=True, help="Stop the services and remove them; settings, secrets and data stay.")
@click.option(
    "--root",
    type=click.Path(path_type=Path, file_okay=False),
    default=_ROOT,
    show_default=True,
    help="Write below this folder, for a package or an image; no service is touched.",
)
@click.option(
    "--program",
    type=click.Path(path_type=Path, dir_okay=False),
    help="What the services start. Default: hilum of this environment.",
)
def install(
    *,
    systemd: bool,
    workers: int | None,
    embedded: bool,
    dry_run: bool,
    uninstall: bool,
    root: Path,
    program: Path | None,
) -> None:
    """Make services of this installation: units, a user, folders, and a settings file where there is none.

    By default one service for each role that the settings of /etc/hilum/hilum.toml name, together `hilum.target`, with
    a PostgreSQL server of your own. It may be run again, after an update or with other options; a settings file that
    is there is never touched. Own changes to a unit belong in a drop-in (`systemctl edit`), which is left alone. Where
    a Debian package brings the units, only what is started, and how many workers, is written.
    """
    del systemd
    _refuse(root, dry_run=dry_run)
    if uninstall:
        entries: dict[Path, Entry] = {}
    else:
        entries = _entries(root, program or Path(sys.prefix) / "bin" / "hilum", workers, is_embedded=embedded)
    planned = systemd_files.changes(root, entries)
    commands = _commands(root, is_removed=uninstall)
    for change in planned:
        _show(change, in_full=dry_run)
    if not dry_run:
        _carry_out(planned, commands, root, is_removed=uninstall)
    for command in commands:
        click.echo(f"{'run':8} {' '.join(command)}")
    if not uninstall:
        _show_next_steps(root, is_embedded=embedded)


def _refuse(root: Path, *, dry_run: bool) -> None:
    if root == _ROOT and os.geteuid() != 0 and not dry_run:
        raise Misconfigured("hilum install writes to /etc: run it as root, or with --dry-run, or with --root FOLDER")


def _entries(root: Path, program: Path, workers: int | None, *, is_embedded: bool) -> dict[Path, Entry]:
    """Return what is to be there.

    Raises:
        Misconfigured: services could not start the program, or there are not as many GPUs as workers.
    """
    from hilum.supervise import roles, worker_environments

    hidden = next((folder for folder in _HIDDEN_FROM_SERVICES if program.is_relative_to(folder)), None)
    if hidden is not None and root == _ROOT:
        raise Misconfigured(
            f"{program}: services see nothing of {hidden}; install Hilum elsewhere, as with python3 -m venv /opt/hilum"
        )
    where = systemd_files.places(root)
    files = {} if where is OF_A_PACKAGE else systemd_files.shipped(program, where)
    settings = _settings(root)
    worker = settings.worker.model_copy(update={"processes": workers or settings.worker.processes})
    if where is OF_A_PACKAGE:
        worker = worker.model_copy(update={"device": "cpu"})  # it comes without what computes on GPUs
    environments = worker_environments(worker)
    gpus = machine.gpus() if worker.device != "cpu" else ()
    if gpus and len(environments) > len(gpus):
        raise Misconfigured(f"there are {len(gpus)} GPUs, and each has one worker; ask for fewer with --workers")
    if is_embedded:
        return files | systemd_files.chosen(["hilum.service"], {}, where, has_gpus=False)
    names = gpus[: len(environments)] or [str(number) for number in range(1, len(environments) + 1)]
    units = ["hilum.target", *(f"hilum-{role}.service" for role in ("schema", *roles(settings)) if role != "worker")]
    units += [f"hilum-worker@{name}.service" for name in names]
    return files | systemd_files.chosen(units, {} if gpus else environments[0], where, has_gpus=bool(gpus))


def _settings(root: Path) -> Settings:
    from hilum import settings

    file = root / SETTINGS
    return settings.load(file)[0] if file.exists() else settings.Settings()


def _commands(root: Path, *, is_removed: bool) -> list[list[str]]:
    """Return what is run: nothing below another root, and little where systemd does not run."""
    if root != _ROOT:
        return []
    reload = [["systemctl", "daemon-reload"]] if _RUNS.exists() else []
    if is_removed:
        return reload
    where = systemd_files.places(root)
    return [["systemd-sysusers", f"/{where.users}"], ["systemd-tmpfiles", "--create", f"/{where.folders}"], *reload]


def _carry_out(planned: Sequence[Change], commands: Sequence[Sequence[str]], root: Path, *, is_removed: bool) -> None:
    """Do all of it.

    Raises:
        Misconfigured: a file can't be written, or a command fails.
    """
    try:
        if is_removed and root == _ROOT and _RUNS.exists():
            subprocess.run(["systemctl", "stop", "hilum.target", "hilum.service"], check=False)  # noqa: S607
        elif not is_removed:
            (root / CREDENTIALS).mkdir(mode=0o700, parents=True, exist_ok=True)
        for change in planned:
            systemd_files.apply(change)
        for command in commands:
            subprocess.run(command, check=True)
    except (OSError, subprocess.CalledProcessError) as error:
        raise Misconfigured(f"not everything was done: {error}; run it again when that is mended") from error


def _show(change: Change, *, in_full: bool) -> None:
    click.echo(f"{change.word:8} {change.path}")
    if in_full:
        for line in change.difference:
            click.echo(f"         {line}")


def _show_next_steps(root: Path, *, is_embedded: bool) -> None:
    if is_embedded:
        click.echo("next     systemctl start hilum")
        return
    if _settings(root).database.url == EMBEDDED and not os.path.exists(root / CREDENTIALS / "database.url"):  # noqa: PTH110 - also where one may not look
        click.echo(f"next     write the database's address into {root / CREDENTIALS / 'database.url'}")
    click.echo("next     systemctl start hilum.target")
