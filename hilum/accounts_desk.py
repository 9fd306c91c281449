"""Where the commands of this host change accounts, each change recorded."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from getpass import getuser
from typing import TYPE_CHECKING

from hilum import bootstrap

if TYPE_CHECKING:
    from collections.abc import Iterator

    from db.accounts import PostgresAccounts
    from db.api_tokens import PostgresTokens
    from db.audit import PostgresAuditTrail
    from hilum.settings import Settings


@dataclass(frozen=True, kw_only=True, slots=True)
class AccountsDesk:
    """Accounts with their tokens, and the trail of what is done with them here."""

    accounts: PostgresAccounts
    tokens: PostgresTokens
    trail: PostgresAuditTrail

    def tell(self, what: str) -> None:
        """Write into the audit trail what was done."""
        from domain.audit import AuditAction, AuditEvent

        self.trail.record(AuditEvent(actor=getuser(), role="host", action=AuditAction.ACCOUNT, object=what))


@contextmanager
def accounts_desk(settings: Settings) -> Iterator[AccountsDesk]:
    """Open the desk.

    Raises:
        Misconfigured: the database has another schema.
    """
    with bootstrap.database(settings, role="users") as engine:
        from db.accounts import PostgresAccounts
        from db.api_tokens import PostgresTokens
        from db.audit import PostgresAuditTrail
        from db.engine import check_schema

        check_schema(engine)
        yield AccountsDesk(
            accounts=PostgresAccounts(engine), tokens=PostgresTokens(engine), trail=PostgresAuditTrail(engine)
        )
