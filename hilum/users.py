"""`hilum users`: who may log in to the pages; `hilum audit`: what they did."""

from __future__ import annotations

import json
import secrets
import sys
from collections import deque
from typing import TYPE_CHECKING

import click

from domain.accounts import Role
from hilum.account_tokens import token
from hilum.accounts_desk import accounts_desk

if TYPE_CHECKING:
    from db.audit import PostgresAuditTrail
    from domain.audit import AuditRecord
    from hilum.cli import Loaded

_GENERATED_BYTES = 15
_role = click.option("--role", type=click.Choice([role.value for role in Role]), required=True, help="What for.")


@click.group()
def users() -> None:
    """Make and change the accounts of people who use the pages.

    clinician: uploads films and sees their results. radiologist: worklist, studies, assessment. operator: queues,
    peers, alarms; no patients. admin: accounts, audit trail, and what an operator may.
    """


@users.command()
@click.argument("login")
@_role
@click.option("--name", default="", help="As the pages show it; without it the login.")
@click.option("--generate", is_flag=True, help="Make a password and print it, instead of asking for one.")
@click.pass_obj
def create(loaded: Loaded, login: str, role: str, name: str, *, generate: bool) -> None:
    """Make an account for LOGIN; the password is asked for, or read from standard input.

    The first admin is made this way; further people can be invited on the page "Accounts".
    """
    from domain.accounts import BadAccount, check_password, checked_login
    from web.passwords import hashed

    password = secrets.token_urlsafe(_GENERATED_BYTES) if generate else _asked()
    with accounts_desk(loaded.settings()) as desk:
        try:
            login = checked_login(login)
            check_password(password, login)
            made = desk.accounts.create(
                login=login, name=name or login, role=Role(role), password_hash=hashed(password)
            )
        except BadAccount as error:
            raise click.ClickException(str(error)) from error
        desk.tell(f"create {made.role} {made.login}")
    click.echo(f"{made.login} may log in as {made.role}" + (f", with the password {password}" if generate else ""))


@users.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON list.")
@click.pass_obj
def list_(loaded: Loaded, *, as_json: bool) -> None:
    """Show all accounts."""
    with accounts_desk(loaded.settings()) as desk:
        found = desk.accounts.all()
    if as_json:
        rows = [{"login": one.login, "name": one.name, "role": one.role, "disabled": one.is_disabled} for one in found]
        click.echo(json.dumps(rows))
        return
    for one in found:
        click.echo(f"{one.login:<24} {one.role:<12} {'disabled' if one.is_disabled else 'may log in':<12} {one.name}")


@users.command()
@click.argument("login")
@click.option("--generate", is_flag=True, help="Make a password and print it, instead of asking for one.")
@click.pass_obj
def password(loaded: Loaded, login: str, *, generate: bool) -> None:
    """Set the password of LOGIN, lift its lock, and end its sessions."""
    from domain.accounts import BadAccount, check_password
    from web.passwords import hashed

    chosen = secrets.token_urlsafe(_GENERATED_BYTES) if generate else _asked()
    with accounts_desk(loaded.settings()) as desk:
        try:
            check_password(chosen, login)
            desk.accounts.set_password(login, hashed(chosen))
        except BadAccount as error:
            raise click.ClickException(str(error)) from error
        desk.tell(f"password {login}")
    click.echo(f"{login} has a new password" + (f": {chosen}" if generate else ""))


@users.command()
@click.argument("login")
@click.pass_obj
def disable(loaded: Loaded, login: str) -> None:
    """Let LOGIN log in no more, and end its sessions; what it did stays recorded."""
    _set_disabled(loaded, login, is_disabled=True)


@users.command()
@click.argument("login")
@click.pass_obj
def enable(loaded: Loaded, login: str) -> None:
    """Let LOGIN log in again."""
    _set_disabled(loaded, login, is_disabled=False)


users.add_command(token)


@click.group()
def audit() -> None:
    """Look at the audit trail: who did what, and who saw whose data."""


@audit.command()
@click.pass_obj
def verify(loaded: Loaded) -> None:
    """Check that no record is missing or changed: each holds the hash of the one before.

    Exit status 1 if one is. Records that were cut off at the end leave no gap: keep the last hash elsewhere.
    """
    with accounts_desk(loaded.settings()) as desk:
        broken = desk.trail.first_broken()
        ends = None if broken is not None else _ends(desk.trail)
    if broken is not None:
        click.echo(f"record {broken} is missing or was changed", err=True)
        sys.exit(1)
    if ends is None:
        click.echo("no records")
        return
    first, last = ends
    gone = f" ({first.id - 1} older ones were deleted after their time)" if first.id > 1 else ""
    click.echo(f"{last.id - first.id + 1} records, unbroken{gone}; the last hash is {last.hash}")


@audit.command()
@click.option("--behind", default=0, show_default=True, help="Leave out records up to this number.")
@click.pass_obj
def export(loaded: Loaded, behind: int) -> None:
    """Print the records as JSON, one a line. Patients are named by Study Instance UID."""
    with accounts_desk(loaded.settings()) as desk:
        for record in desk.trail.records(behind=behind):
            event = record.event
            line = {
                "id": record.id,
                "at": record.at.isoformat(),
                "actor": event.actor,
                "role": event.role,
                "action": event.action,
                "object": event.object,
                "outcome": event.outcome,
                "address": event.address,
                "hash": record.hash,
            }
            click.echo(json.dumps(line))


def _set_disabled(loaded: Loaded, login: str, *, is_disabled: bool) -> None:
    from domain.accounts import BadAccount

    with accounts_desk(loaded.settings()) as desk:
        try:
            desk.accounts.change(login, is_disabled=is_disabled)
        except BadAccount as error:
            raise click.ClickException(str(error)) from error
        desk.tell(f"{'disable' if is_disabled else 'enable'} {login}")
    click.echo(f"{login} may {'not ' if is_disabled else ''}log in")


def _asked() -> str:
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\n")
    text: str = click.prompt("Password", hide_input=True, confirmation_prompt=True)
    return text


def _ends(trail: PostgresAuditTrail) -> tuple[AuditRecord, AuditRecord] | None:
    """Return the first and the last record."""
    records = trail.records()
    first = next(records, None)
    return None if first is None else (first, deque([first, *deque(records, maxlen=1)], maxlen=1)[0])
