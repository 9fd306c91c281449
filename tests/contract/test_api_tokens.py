"""Tokens of accounts in the real database."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import Engine

from db.accounts import PostgresAccounts
from db.api_tokens import PostgresTokens
from domain.accounts import Account, Permission, Role
from domain.ids import TokenId
from domain.tokens import MOST, ApiToken, BadToken

DAY, NOW = timedelta(days=1), timedelta(0)


@pytest.fixture
def maria(engine: Engine) -> Account:
    """A radiologist."""
    return PostgresAccounts(engine).create(login="maria", name="Maria", role=Role.RADIOLOGIST, password_hash="kept")


def made(
    engine: Engine,
    account: Account,
    *,
    name: str = "viewer",
    lasting: timedelta = DAY,
    may: Permission = Permission.READ,
) -> ApiToken:
    return PostgresTokens(engine).make(
        account, name=name, token_sha256=f"{account.login} {name}", permissions=frozenset({may}), lasting=lasting
    )


def test_a_token_is_found_for_as_long_as_it_lasts(engine: Engine, maria: Account) -> None:
    """With its account and what it may; when it was used is written down."""
    tokens = PostgresTokens(engine)
    token = made(engine, maria)
    made(engine, maria, name="old", lasting=NOW)
    found = tokens.find("maria viewer")
    assert found == token
    assert (token.account, token.actor, token.last_used_at) == (maria, "maria/viewer", None)
    assert [tokens.find(one) for one in ("maria old", "another")] == [None, None]
    assert [(one.name, one.is_over, one.last_used_at is None) for one in tokens.all(maria.id)] == [
        ("old", True, True),
        ("viewer", False, False),
    ]


def test_a_disabled_account_has_no_token_that_counts(engine: Engine, maria: Account) -> None:
    """Until it is enabled again."""
    made(engine, maria)
    accounts, tokens = PostgresAccounts(engine), PostgresTokens(engine)
    accounts.change(maria.login, is_disabled=True)
    assert tokens.find("maria viewer") is None
    accounts.change(maria.login, is_disabled=False)
    assert tokens.find("maria viewer") is not None


def test_a_token_may_no_more_than_its_account_today(engine: Engine, maria: Account) -> None:
    """Another role takes away what it does not allow, and adds nothing."""
    made(engine, maria)
    PostgresAccounts(engine).change(maria.login, role=Role.OPERATOR)
    found = PostgresTokens(engine).find("maria viewer")
    assert found is not None
    assert [one for one in Permission if found.may(one)] == []


def test_a_revoked_token_is_gone_at_once(engine: Engine, maria: Account) -> None:
    """Nobody else's is taken for one's own."""
    tokens, token = PostgresTokens(engine), made(engine, maria)
    tom = PostgresAccounts(engine).create(login="tom", name="Tom", role=Role.CLINICIAN, password_hash="kept")
    other = made(engine, tom, may=Permission.UPLOAD)
    assert [one.actor for one in tokens.all()] == ["maria/viewer", "tom/viewer"]
    for number in (token.id, TokenId(999)):
        with pytest.raises(BadToken, match="no such token"):
            tokens.revoke(number, of=tom.id)
    assert tokens.revoke(other.id, of=tom.id) == other
    assert tokens.revoke(token.id) == token
    assert (tokens.find("maria viewer"), tokens.all()) == (None, [])


def test_an_account_has_so_many_tokens_each_of_its_own_name(engine: Engine, maria: Account) -> None:
    """The text says what to do."""
    for number in range(MOST):
        made(engine, maria, name=f"program-{number}", lasting=NOW)
    with pytest.raises(BadToken, match=f"{MOST} tokens at most"):
        made(engine, maria)
    tokens = PostgresTokens(engine)
    tokens.revoke(tokens.all()[0].id)
    with pytest.raises(BadToken, match="of this name"):
        made(engine, maria, name="program-1")
