"""`hilum conformance` and `hilum papers`: the papers that hospitals ask for."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from domain.errors import Misconfigured
from hilum.papers.rendering import FORMATS, SUFFIXES, rendered
from hilum.papers.shelf import PAPERS, SBOM, SBOM_ABOUT

if TYPE_CHECKING:
    from hilum.cli import Loaded
    from hilum.settings import Settings

_format = click.option(
    "--format", "form", type=click.Choice(FORMATS), default="markdown", show_default=True, help="What it is written as."
)
_output = click.option(
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="PATH",
    help="The file to write; without it the paper goes to standard output.",
)


@click.command()
@_format
@_output
@click.pass_obj
def conformance(loaded: Loaded, form: str, output: Path | None) -> None:
    """Make the DICOM conformance statement of this installation.

    It is made from the settings in force and from the tables that the program works with: presentation contexts,
    statuses, codes, the objects that are made. Change a setting, and make it anew. It names peers by AE title and
    address; certificates, keys and passwords are not in it.
    """
    _give(_paper(loaded.settings(), "conformance", form), output)


@click.group()
def papers() -> None:
    """Make the papers that hospitals ask for, from the settings in force and the code."""


@papers.command("list")
def list_papers() -> None:
    """List the papers."""
    for name, about in [*((entry.name, entry.about) for entry in PAPERS.values()), (SBOM, SBOM_ABOUT)]:
        click.echo(f"{name:<12} {about}")


@papers.command()
@click.argument("name", type=click.Choice([*PAPERS, SBOM]))
@_format
@_output
@click.pass_obj
def show(loaded: Loaded, name: str, form: str, output: Path | None) -> None:
    """Make the paper NAME. The bill of materials, sbom, is CycloneDX JSON whatever --format says."""
    settings = loaded.settings()
    _give(_bill(settings) if name == SBOM else _paper(settings, name, form), output)


@papers.command()
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
@_format
@click.pass_obj
def write(loaded: Loaded, folder: Path, form: str) -> None:
    """Write every paper into FOLDER, which is made where it is missing. Older ones of the same names are replaced."""
    settings = loaded.settings()
    for name in PAPERS:
        _give(_paper(settings, name, form), folder / f"{name}.{SUFFIXES[form]}")
    _give(_bill(settings), folder / f"{SBOM}.cdx.json")


def _paper(settings: Settings, name: str, form: str) -> str:
    return rendered(PAPERS[name].make(settings, datetime.now(UTC).date()), form)


def _bill(settings: Settings) -> str:
    from hilum.papers.inventory import bill

    return bill(settings, datetime.now(UTC))


def _give(text: str, output: Path | None) -> None:
    if output is None:
        click.echo(text, nl=False)
        return
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        output.write_text(text, encoding="utf-8")
    except OSError as error:
        raise Misconfigured(f"{output}: can't be written: {error.strerror}") from error
    click.echo(f"{output}", err=True)
