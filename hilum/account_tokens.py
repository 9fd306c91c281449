"""`hilum users token`: tokens by which programs work for an account."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from domain.accounts import Permission
from hilum.accounts_desk import accounts_desk

if TYPE_CHECKING:
    from domain.accounts import Account
    from domain.tokens import ApiToken
    from hilum.accounts_desk import AccountsDesk
    from hilum.cli import Loaded

_GRANTABLE = [one.value for one in Permission if one is not Permission.ADMINISTER]


@click.group()
def token() -> None:
    """Make and revoke tokens by which programs use the API below /api/v1 for an account.

    A token may what it was made for and the account's role allows today. What a program does is recorded under
    LOGIN/NAME. Give a program that works for nobody in particular an account of its own.
    """


@token.command()
@click.argument("login")
@click.argument("name")
@click.option(
    "--may",
    type=click.Choice(_GRANTABLE),
    multiple=True,
    help="What it may; may be given again. Without it: all that the role allows, but for `assess`.",
)
@click.option("--days", default=90, show_default=True, help="How long it lasts, 1 to 366 days.")
@click.pass_obj
def create(loaded: Loaded, login: str, name: str, may: tuple[str, ...], days: int) -> None:
    """Make a token of the account LOGIN for a program called NAME, and print it.

    The token is kept nowhere: give it to the program now. It sends it as `Authorization: Bearer TOKEN`.
    """
    from domain.tokens import BadToken, checked_lasting, checked_name, checked_permissions, usual
    from web.api.secret import new_token

    with accounts_desk(loaded.settings()) as desk:
        account = _account(desk, login)
        secret, digest = new_token()
        try:
            made = desk.tokens.make(
                account,
                name=checked_name(name),
                token_sha256=digest,
                permissions=checked_permissions(may or usual(account.role), account.role),
                lasting=checked_lasting(days),
            )
        except BadToken as error:
            raise click.ClickException(str(error)) from error
        desk.tell(f"token {made.actor}")
    click.echo(f"# {made.actor} may {_listed(made)} until {made.expires_at:%Y-%m-%d}; its token:\n{secret}")


@token.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON list.")
@click.pass_obj
def list_(loaded: Loaded, *, as_json: bool) -> None:
    """Show the tokens of all accounts, never what they are."""
    with accounts_desk(loaded.settings()) as desk:
        found = desk.tokens.all()
    if as_json:
        click.echo(json.dumps([_row(one) for one in found]))
        return
    for one in found:
        state = "over" if one.is_over else f"until {one.expires_at:%Y-%m-%d}"
        used = "never used" if one.last_used_at is None else f"used {one.last_used_at:%Y-%m-%d %H:%M}"
        click.echo(f"{one.actor:<32} {state:<16} {used:<22} {_listed(one)}")


@token.command()
@click.argument("login")
@click.argument("name")
@click.pass_obj
def revoke(loaded: Loaded, login: str, name: str) -> None:
    """Revoke the token NAME of the account LOGIN: at once nobody gets in by it."""
    with accounts_desk(loaded.settings()) as desk:
        own = [one for one in desk.tokens.all(_account(desk, login).id) if one.name == name]
        if not own:
            raise click.ClickException(f"{login} has no token of this name; see `hilum users token list`")
        desk.tokens.revoke(own[0].id)
        desk.tell(f"revoke token {own[0].actor}")
    click.echo(f"{own[0].actor} is revoked")


def _account(desk: AccountsDesk, login: str) -> Account:
    for account in desk.accounts.all():
        if account.login == login:
            return account
    raise click.ClickException("there is no such account; see `hilum users list`")


def _listed(token: ApiToken) -> str:
    return ", ".join(sorted(token.permissions))


def _row(token: ApiToken) -> dict[str, object]:
    return {
        "login": token.account.login,
        "name": token.name,
        "may": sorted(token.permissions),
        "created_at": token.created_at.isoformat(),
        "expires_at": token.expires_at.isoformat(),
        "last_used_at": None if token.last_used_at is None else token.last_used_at.isoformat(),
        "is_over": token.is_over,
    }
