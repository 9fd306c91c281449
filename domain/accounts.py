"""People who use the pages: their accounts, what their roles may, and how they stay logged in."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime, timedelta

    from domain.ids import AccountId

_LOGIN: Final = re.compile(r"[a-z0-9][a-z0-9._@+-]{1,63}")
SHORTEST_PASSWORD: Final = 12
"""Characters; a length counts for more than signs (NIST SP 800-63B 5.1.1.2)."""
LONGEST_PASSWORD: Final = 256


class Role(StrEnum):
    """What somebody is here for."""

    CLINICIAN = "clinician"
    """Uploads films and sees the results of these."""
    RADIOLOGIST = "radiologist"
    """Reads: the worklist, every study, every upload; assesses results."""
    OPERATOR = "operator"
    """Keeps it running: queues, peers, alarms; no patients."""
    ADMIN = "admin"
    """Makes accounts and reads the audit trail; operates."""


class Permission(StrEnum):
    """What a page needs."""

    UPLOAD = "upload"
    READ = "read"
    """See studies, films and results of every patient."""
    ASSESS = "assess"
    OPERATE = "operate"
    QUALITY = "quality"
    """See figures of agreement and drift, without patients."""
    ADMINISTER = "administer"


PERMISSIONS: Final[Mapping[Role, frozenset[Permission]]] = {
    Role.CLINICIAN: frozenset({Permission.UPLOAD}),
    Role.RADIOLOGIST: frozenset({Permission.UPLOAD, Permission.READ, Permission.ASSESS, Permission.QUALITY}),
    Role.OPERATOR: frozenset({Permission.OPERATE, Permission.QUALITY}),
    Role.ADMIN: frozenset({Permission.OPERATE, Permission.QUALITY, Permission.ADMINISTER}),
}
"""What each role may; nothing else is allowed to anybody."""


class BadAccount(ValueError):
    """A login or a password can't be used; the text says why, for the person who chose it."""


def checked_login(text: str) -> str:
    """Return a login in small letters.

    Raises:
        BadAccount: it has other characters than it may, or too few or too many.
    """
    login = text.strip().lower()
    if not _LOGIN.fullmatch(login):
        raise BadAccount("a login has 2 to 64 letters a to z, digits, dots, hyphens, underscores, @ or +")
    return login


def check_password(password: str, login: str) -> None:
    """Refuse a password that is easily guessed.

    Raises:
        BadAccount: it is too short, too long, or the login.
    """
    if not SHORTEST_PASSWORD <= len(password) <= LONGEST_PASSWORD:
        raise BadAccount(f"a password has {SHORTEST_PASSWORD} to {LONGEST_PASSWORD} characters")
    if login in password.lower() or len(set(password)) <= SHORTEST_PASSWORD // 3:
        raise BadAccount("a password that holds the login, or the same few characters, is easily guessed")


@dataclass(frozen=True, kw_only=True, slots=True)
class Account:
    """A person who may log in."""

    id: AccountId
    login: str
    name: str
    """As the pages show it."""
    role: Role
    is_disabled: bool = False

    def may(self, permission: Permission) -> bool:
        """Whether the role allows something."""
        return not self.is_disabled and permission in PERMISSIONS[self.role]


@dataclass(frozen=True, kw_only=True, slots=True)
class Credentials:
    """What a login is checked against."""

    account: Account
    password_hash: str | None
    """None: the person comes by another way than a password."""
    is_locked: bool
    """Too many passwords were wrong of late."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Session:
    """Somebody who is logged in."""

    account: Account
    csrf_token: str
    """What forms must send back while somebody is logged in."""
    expires_at: datetime

    @property
    def actor(self) -> str:
        """Who acts, for the audit trail."""
        return self.account.login

    def may(self, permission: Permission) -> bool:
        """Whether the role allows something."""
        return self.account.may(permission)


class Visitor(Protocol):
    """Whoever asks: somebody who is logged in, or a program with a token of an account."""

    @property
    def account(self) -> Account:
        """In whose name."""
        ...

    @property
    def actor(self) -> str:
        """Who acts, for the audit trail."""
        ...

    def may(self, permission: Permission) -> bool:
        """Whether something is allowed."""
        ...


class Accounts(Protocol):
    """The accounts in the database; each method raises `Transient` while it is away."""

    def create(self, *, login: str, name: str, role: Role, password_hash: str | None) -> Account:
        """Make an account.

        Raises:
            BadAccount: there is one with that login.
        """
        ...

    def all(self) -> list[Account]:
        """Return all accounts by login."""
        ...

    def change(self, login: str, *, role: Role | None = None, is_disabled: bool | None = None) -> Account:
        """Change an account, and end its sessions.

        Raises:
            BadAccount: there is none.
        """
        ...

    def set_password(self, login: str, password_hash: str) -> None:
        """Set a password, lift a lock, and end the sessions of an account; raises the same."""
        ...

    def credentials(self, login: str) -> Credentials | None:
        """Return what a login is checked against; None where there is no such account, or it is disabled."""
        ...

    def failed(self, login: str, *, most: int, within: timedelta, lock: timedelta) -> None:
        """Record a wrong password; lock the account where that is one too many."""
        ...

    def enter(self, *, login: str, name: str, role: Role) -> Account:
        """Return the account of somebody for whom another vouches, made or brought up to date.

        Raises:
            BadAccount: there is an account of that login with a password of its own.
        """
        ...

    def invite(self, *, role: Role, token_sha256: str, by: Account, lasting: timedelta) -> None:
        """Record an invitation to make an account."""
        ...

    def accept(self, token_sha256: str, *, login: str, name: str, password_hash: str) -> Account:
        """Make the account of an invitation, once.

        Raises:
            BadAccount: the invitation is over or was used, or the login is taken.
        """
        ...


class Sessions(Protocol):
    """Who is logged in; each method raises `Transient` while the database is away."""

    def begin(self, account: Account, *, token_sha256: str, csrf_token: str, lasting: timedelta) -> None:
        """Record that somebody has logged in."""
        ...

    def find(self, token_sha256: str, *, idle: timedelta, is_active: bool = True) -> Session | None:
        """Return a session that goes on; None where it is over.

        Args:
            token_sha256: of its cookie.
            idle: how long nobody may have been active in it.
            is_active: whether somebody is now, which keeps it from becoming idle; a page by itself is nobody.
        """
        ...

    def end(self, token_sha256: str) -> None:
        """Log somebody out."""
        ...
