"""The commands of the web server."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from hilum.cli import Loaded


@click.command()
@click.option("--supervised", is_flag=True, hidden=True, help="End when the parent process ends.")
@click.pass_obj
def web(loaded: Loaded, *, supervised: bool) -> None:
    """Run the web server: pages for people, DICOMweb below /dicom-web, a JSON API below /api/v1.

    DICOMweb is QIDO-RS and WADO-RS of our results, STOW-RS for films, UPS-RS for the reading worklist. Beside it
    /alarms, /metrics, /health/live and /health/ready. What programs use is described at /openapi.json.
    """
    from hilum import web_process

    web_process.run(loaded.settings(), supervised=supervised)


@click.command()
@click.argument("name")
@click.option(
    "--may",
    type=click.Choice(["read", "store", "worklist", "watch"]),
    multiple=True,
    default=("read",),
    show_default=True,
    help="What the program may do; may be given again.",
)
def token(name: str, may: tuple[str, ...]) -> None:
    """Make a token for NAME, a program that uses DICOMweb, and print it with the settings for it.

    For the JSON API see `hilum users token`.

    The token itself is kept nowhere: give it to the program now. It sends it as `Authorization: Bearer TOKEN`.
    """
    from domain.ids import AeTitle
    from hilum import web_process

    try:
        title = AeTitle(name)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="NAME") from error
    made, digest = web_process.new_token()
    rights = ", ".join(f'"{right}"' for right in may)
    click.echo(f"# token, for the program: {made}\n# for the settings file:\n[[web_clients]]")
    click.echo(f'name = "{title}"\ntoken_sha256 = "{digest}"\nmay = [{rights}]')
