"""`hilum doctor`: the command."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

import click

from domain.errors import Misconfigured
from hilum.doctor import letter
from hilum.doctor.check import Outcome, Result, failure, worst
from hilum.doctor.examination import examine

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from hilum.cli import Loaded
    from hilum.doctor.check import Check

_FAILED, _MISCONFIGURED = 1, 2


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.option("--only", multiple=True, metavar="NAME", help="Do this check, or all of its kind; may be given again.")
@click.option("--skip", multiple=True, metavar="NAME", help="Leave this check out, or all of its kind; the same.")
@click.option("--list", "as_list", is_flag=True, help="Show which checks there are, and do none.")
@click.pass_obj
def doctor(loaded: Loaded, *, as_json: bool, only: tuple[str, ...], skip: tuple[str, ...], as_list: bool) -> None:
    """Look whether everything that Hilum needs is there and works, and say what to do where it is not.

    Before the first start, after an upgrade, and whenever something is odd. It may run while Hilum runs. Nothing is
    changed: an embedded database that does not run is started for the look and stopped again, and none is made; peers
    are sent a C-ECHO and asked what they would take; a bucket gets an object that is deleted at once. Run it as the
    account that runs Hilum, with the same settings.

    NAME is a check, as `disk.space`, or a kind of checks, as `disk`.

    Exit status 0 if all is well, warnings included; 1 if a check fails; 2 if the settings are wrong, then nothing else
    is looked at.

    With --json: version, settings (the file), outcome, seconds, checks: a list of name, outcome, seconds and findings,
    each with outcome, seen and remedy. An outcome is `ok`, `warning`, `failure` or `not applicable`.
    """
    begun = time.monotonic()
    try:
        settings, source = loaded.with_source()
    except Misconfigured as error:
        _write([_wrong_settings(error)], time.monotonic() - begun, None, as_json=as_json)
        sys.exit(_MISCONFIGURED)
    from hilum.doctor.catalogue import catalogue
    from hilum.doctor.database import Visit
    from hilum.progress import at_work

    with Visit(settings) as visit:
        chosen = choose(catalogue(settings, source, visit), only, skip)
        if as_list:
            click.echo("\n".join(f"{check.name:<22} {check.about}" for check in chosen))
            return
        with at_work() as tell:
            results = examine(chosen, tell)
    _write(results, time.monotonic() - begun, source, as_json=as_json)
    sys.exit(_FAILED if worst(result.outcome for result in results) is Outcome.FAILURE else 0)


def choose(checks: Sequence[Check], only: Sequence[str], skip: Sequence[str]) -> list[Check]:
    """Return those that are asked for.

    Raises:
        click.UsageError: there is none of such a name.
    """
    for word in (*only, *skip):
        if not any(_is_meant(check.name, [word]) for check in checks):
            known = ", ".join(dict.fromkeys(check.name for check in checks))
            raise click.UsageError(f"there is no check {word!r} for these settings; there are: {known}")
    return [check for check in checks if (not only or _is_meant(check.name, only)) and not _is_meant(check.name, skip)]


def _is_meant(name: str, words: Iterable[str]) -> bool:
    return any(name == word or name.startswith(f"{word}.") for word in words)


def _wrong_settings(error: Misconfigured) -> Result:
    how = "mend them; docs/reference/settings.md has every key, hilum config show what is in force"
    found = tuple(failure(line, "") for line in str(error).splitlines())
    return Result(name="settings", findings=(*found[:-1], failure(found[-1].seen, how)), seconds=0.0)


def _write(results: Sequence[Result], seconds: float, source: Path | None, *, as_json: bool) -> None:
    if as_json:
        click.echo(letter.as_json(results, seconds, source))
    else:
        for line in letter.lines(results, seconds):
            click.echo(line)
