"""Writes the pages that come from the code: settings, commands, metrics, papers. `make docs` runs it.

With `--check` nothing is written; the exit status says whether a page is stale.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from domain.measures import ALL
from domain.meters import MeterKind
from hilum import settings
from hilum.cli import hilum
from hilum.given_settings import given
from hilum.papers.rendering import as_markdown
from hilum.papers.shelf import PAPERS

if TYPE_CHECKING:
    from collections.abc import Iterator

DOCS = Path(__file__).parent
REFERENCE = DOCS / "reference"
PAPERS_HERE = {
    "conformance": REFERENCE / "conformance.md",
    "threats": DOCS / "explanation" / "threat-model.md",
    "risk": DOCS / "explanation" / "risk-notes.md",
}


def pages() -> dict[Path, str]:
    """Return the generated pages' texts by their files."""
    commands = "\n".join(_commands(hilum, "hilum"))
    papers = {file: _paper(name) for name, file in PAPERS_HERE.items()}
    return {
        REFERENCE / "settings.md": _settings(),
        REFERENCE / "cli.md": commands,
        REFERENCE / "metrics.md": _metrics(),
        **papers,
    }


def _paper(name: str) -> str:
    """Return a paper as the default settings and the shipped network make it."""
    command = "hilum conformance" if name == "conformance" else f"hilum papers show {name}"
    note = f"Generated from the code and the default settings by `make docs`. Of an installation: `{command}`."
    return as_markdown(PAPERS[name].make(given(home=_NOWHERE), None), note=note)


_NOWHERE = "/nonexistent"
"""No network is installed there, so that the shipped one is active."""


def _metrics() -> str:
    rows = "\n".join(
        f"| `{one.name}` | {one.kind} | {', '.join(one.roles)} | {', '.join(f'`{label}`' for label in one.labels)} | "
        f"{one.meaning} |"
        for one in ALL
    )
    buckets = "\n".join(
        f"- `{one.name}`: {', '.join(f'{limit:g}' for limit in one.buckets)}"
        for one in ALL
        if one.kind is MeterKind.HISTOGRAM
    )
    return f"""# Metrics

Generated from the code by `make docs`. How to have them: [Watch it with Prometheus](../how-to/monitoring.md).

No label names a patient, a study, a UID, an address or the AE title of a caller. `lane` and `peer` are made of the
names that the settings give to peers, `place` is the pattern of an address, `network` a name and version of a model.

| metric | type | shown by | labels | meaning |
|---|---|---|---|---|
{rows}

A counter begins at 0 with its process; those of duties are kept in the database. A histogram `x` is shown as
`x_bucket`, `x_sum` and `x_count`. Beside these the web server shows `hilum_urgent_results_undelivered` and
`hilum_urgent_result_oldest_seconds` at `/metrics` of its own port, for clients that may watch.

Limits of the histograms:

{buckets}
"""


def _settings() -> str:
    rows = "\n".join(f"| `{key}` | `{default}` | {meaning} |" for key, default, meaning in settings.reference())
    return f"""# Settings

Generated from the code by `make docs`.

One TOML file: `hilum --config FILE`, else `./hilum.toml`, else `/etc/hilum/hilum.toml`, else the defaults.
A variable beats the file: `HILUM_NODE__PORT` is `node.port`, `HILUM_HOME` is `home`; `HILUM_PEERS` holds a JSON list.
Between them are secrets: a file `hilum.database.url` or `hilum_database.url` in `$CREDENTIALS_DIRECTORY` holds the
value of `database.url`; where a setting is a file, such as `node.tls_key`, it is that file itself.
An unknown key or a value that is not allowed is refused before anything starts. `hilum config show` prints what is in
force.

| key | default | meaning |
|---|---|---|
{rows}
"""


def _commands(command: click.Command, name: str, parent: click.Context | None = None, depth: int = 1) -> Iterator[str]:
    title = name if parent is None else f"{parent.command_path} {name}"
    context = click.Context(
        command, parent, info_name=name, max_content_width=100, terminal_width=100, **command.context_settings
    )
    if depth == 1:
        yield "# Commands\n\nGenerated from the code by `make docs`.\n"
    else:
        yield f"{'#' * min(depth, 3)} `{title}`\n"
    yield f"```text\n{command.get_help(context)}\n```\n"
    if isinstance(command, click.Group):
        for child in command.list_commands(context):
            subcommand = command.get_command(context, child)
            if subcommand is not None and not subcommand.hidden:
                yield from _commands(subcommand, child, context, depth + 1)


def main() -> None:
    """Write the pages, or check them."""
    stale = {file: text for file, text in pages().items() if not file.exists() or file.read_text() != text}
    if "--check" in sys.argv[1:]:
        sys.exit(f"run make docs: {', '.join(file.name for file in stale)}" if stale else 0)
    for file, text in stale.items():
        file.write_text(text)


if __name__ == "__main__":
    main()
