"""`hilum db`: bring the database to this version's schema, and see where it stands."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import click

from hilum import bootstrap

if TYPE_CHECKING:
    from hilum.cli import Loaded


@click.group()
def db() -> None:
    """Work on the database."""


@db.command()
@click.option("--pre", is_flag=True, help="Only what this version needs; older processes go on working.")
@click.option("--post", is_flag=True, help="Only the rest, once no older process runs; refused while one is connected.")
@click.option("--wait", is_flag=True, help="As --pre; wait for the server while it is away; refuse the embedded one.")
@click.pass_obj
def upgrade(loaded: Loaded, *, pre: bool, post: bool, wait: bool) -> None:
    """Apply missing migrations; safe to run at any time, also twice.

    Without an option both the pre steps, which only add, and the post steps, which take away or tighten. `hilum up`
    applies the pre steps by itself.
    """
    from db.upgrade import Kind, pending
    from db.upgrade import upgrade as apply
    from hilum import roles

    if post and (pre or wait):
        raise click.UsageError("--pre or --post; without either both are applied")
    if wait:
        roles.run_upgrade(loaded.settings())
        return
    only = Kind.PRE if pre else Kind.POST if post else None
    with bootstrap.database(loaded.settings(), role="upgrade") as engine:
        before, after = apply(engine, only)
        left = pending(engine)
    click.echo(f"database: {before or 'empty'} -> {after}" if before != after else f"database: {after}, nothing to do")
    if left:
        click.echo("post steps are left: when no older process runs any more, hilum db upgrade --post")


@db.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.pass_obj
def status(loaded: Loaded, *, as_json: bool) -> None:
    """Show the schema's revision, what this version needs, and which steps are missing.

    Exit status 1 if this version can't work with the database as it is.
    """
    from db.engine import SCHEMA_REVISION, check_schema, oldest_revision, schema_revision
    from db.upgrade import Kind, pending
    from domain.errors import Misconfigured

    with bootstrap.database(loaded.settings(), role="upgrade") as engine:
        missing = pending(engine)
        values = {
            "revision": schema_revision(engine),
            "needed": SCHEMA_REVISION,
            "oldest_accepted": oldest_revision(engine),
            "pre": [step.revision for step in missing if step.kind is Kind.PRE],
            "post": [step.revision for step in missing if step.kind is Kind.POST],
        }
        try:
            check_schema(engine)
            problem = None
        except Misconfigured as error:
            problem = str(error)
    if as_json:
        click.echo(json.dumps({**values, "problem": problem}))
    else:
        click.echo(f"database:              {values['revision'] or 'empty'}")
        click.echo(f"this version needs:    {values['needed']}")
        click.echo(f"it takes versions of:  {values['oldest_accepted'] or 'exactly its own revision'} or newer")
        click.echo(f"pre steps missing:     {', '.join(values['pre'] or ()) or 'none'}")
        click.echo(f"post steps missing:    {', '.join(values['post'] or ()) or 'none'}")
    if problem is not None:
        click.echo(problem, err=True)
    sys.exit(int(problem is not None))
