"""Tokens by which programs work for an account: narrower than it, for a time, under a name of their own."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final, Protocol

from domain.accounts import PERMISSIONS, Permission

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from domain.accounts import Account, Role
    from domain.ids import AccountId, TokenId

_NAME: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,31}")
LONGEST: Final = timedelta(days=366)
MOST: Final = 20
"""Tokens of one account."""


class BadToken(ValueError):
    """A token can't be made, or there is none; the text says why, for the person who wanted it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ApiToken:
    """A right to ask in the name of an account; the token itself is kept nowhere."""

    id: TokenId
    account: Account
    name: str
    """Of the program; once in an account."""
    permissions: frozenset[Permission]
    """What it may at most: never more than its account may today."""
    created_at: datetime
    expires_at: datetime
    last_used_at: datetime | None = None
    """To the minute; None: never."""
    is_over: bool = False

    @property
    def actor(self) -> str:
        """Who acts, for the audit trail: no login has a slash, so that a program is never taken for the person."""
        return f"{self.account.login}/{self.name}"

    def may(self, permission: Permission) -> bool:
        """Whether both the token and the role of its account allow something."""
        return permission in self.permissions and self.account.may(permission)


def grantable(role: Role) -> tuple[Permission, ...]:
    """Return what a token of somebody of this role can be allowed; accounts are for people to change."""
    return tuple(one for one in Permission if one in PERMISSIONS[role] and one is not Permission.ADMINISTER)


def usual(role: Role) -> tuple[Permission, ...]:
    """Return what a token is allowed where nobody says otherwise: an assessment is a person's, unless one says so."""
    return tuple(one for one in grantable(role) if one is not Permission.ASSESS)


def checked_name(text: str) -> str:
    """Return the name of a program in small letters.

    Raises:
        BadToken: it has other characters than it may, or too many.
    """
    name = text.strip().lower()
    if not _NAME.fullmatch(name):
        raise BadToken("a program's name has 1 to 32 letters a to z, digits, dots, hyphens or underscores")
    return name


def checked_permissions(wanted: Iterable[str], role: Role) -> frozenset[Permission]:
    """Return what a token is to be allowed.

    Raises:
        BadToken: nothing, or something that the role does not allow.
    """
    possible, asked = grantable(role), set(wanted)
    if not asked or not asked <= set(possible):
        raise BadToken(f"a token of a {role} may be allowed: {', '.join(possible)}")
    return frozenset(Permission(one) for one in asked)


def checked_lasting(days: int) -> timedelta:
    """Return how long a token is to last.

    Raises:
        BadToken: longer than a year, or not at all.
    """
    if not 1 <= days <= LONGEST.days:
        raise BadToken(f"a token lasts 1 to {LONGEST.days} days")
    return timedelta(days=days)


class Tokens(Protocol):
    """The tokens in the database; each method raises `Transient` while it is away."""

    def make(
        self,
        account: Account,
        *,
        name: str,
        token_sha256: str,
        permissions: frozenset[Permission],
        lasting: timedelta,
    ) -> ApiToken:
        """Record a token.

        Raises:
            BadToken: the account has one of that name, or too many.
        """
        ...

    def find(self, token_sha256: str) -> ApiToken | None:
        """Return a token that counts, and note that it was used; None where it is over or its account is disabled."""
        ...

    def all(self, account: AccountId | None = None) -> Sequence[ApiToken]:
        """Return the tokens of an account, None: of all, by login and name; those that are over as well."""
        ...

    def revoke(self, token: TokenId, *, of: AccountId | None = None) -> ApiToken:
        """Forget a token; at once nobody gets in by it.

        Raises:
            BadToken: there is none, or it is not of that account.
        """
        ...
