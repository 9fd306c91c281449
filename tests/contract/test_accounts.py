"""Accounts, sessions and the audit trail in the real database."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import DatabaseError

from db.accounts import PostgresAccounts, PostgresSessions
from db.audit import PostgresAuditTrail
from db.engine import transaction
from domain.accounts import Account, BadAccount, Role
from domain.audit import AuditAction, AuditEvent, AuditOutcome

HOUR = timedelta(hours=1)
NOW = timedelta(0)


@pytest.fixture
def maria(engine: Engine) -> Account:
    """A radiologist."""
    return PostgresAccounts(engine).create(login="maria", name="Maria", role=Role.RADIOLOGIST, password_hash="kept")


def test_a_login_is_there_once(engine: Engine, maria: Account) -> None:
    """Another one with it is refused."""
    with pytest.raises(BadAccount, match="already"):
        PostgresAccounts(engine).create(login=maria.login, name="", role=Role.ADMIN, password_hash=None)
    assert PostgresAccounts(engine).all() == [maria]


def test_five_wrong_passwords_lock_an_account(engine: Engine, maria: Account) -> None:
    """Until its time is over, or somebody sets a new password."""
    accounts = PostgresAccounts(engine)

    def is_locked() -> bool:
        found = accounts.credentials(maria.login)
        assert found is not None
        return found.is_locked

    for expected in (False, False, False, False, True):
        accounts.failed(maria.login, most=5, within=HOUR, lock=HOUR)
        assert is_locked() is expected
    accounts.set_password(maria.login, "another")
    assert not is_locked()


def test_old_failures_do_not_count(engine: Engine, maria: Account) -> None:
    """Four of yesterday and one of today lock nobody."""
    accounts = PostgresAccounts(engine)
    for _ in range(6):
        accounts.failed(maria.login, most=5, within=NOW, lock=HOUR)
    found = accounts.credentials(maria.login)
    assert found is not None
    assert not found.is_locked


def test_a_session_lasts_until_it_is_idle_over_or_ended(engine: Engine, maria: Account) -> None:
    """Each of the three ends it."""
    sessions = PostgresSessions(engine)
    for token, lasting in (("a", HOUR), ("b", NOW)):
        sessions.begin(maria, token_sha256=token, csrf_token=f"csrf {token}", lasting=lasting)
    found = sessions.find("a", idle=HOUR)
    assert found is not None
    assert (found.account, found.csrf_token) == (maria, "csrf a")
    assert [sessions.find(token, idle=HOUR) for token in ("b", "c")] == [None, None]
    assert sessions.find("a", idle=NOW) is None
    sessions.end("a")
    assert sessions.find("a", idle=HOUR) is None


@pytest.mark.parametrize("is_active", [True, False])
def test_only_somebody_active_keeps_a_session(engine: Engine, maria: Account, *, is_active: bool) -> None:
    """A page that refreshes itself does not."""
    sessions = PostgresSessions(engine)
    sessions.begin(maria, token_sha256="a", csrf_token="", lasting=HOUR)
    with transaction(engine) as connection:
        connection.execute(text("UPDATE web_sessions SET seen_at = now() - interval '50 minutes'"))
    assert sessions.find("a", idle=HOUR, is_active=is_active) is not None
    assert (sessions.find("a", idle=timedelta(minutes=40)) is not None) is is_active


@pytest.mark.parametrize("change", [{"is_disabled": True}, {"role": Role.OPERATOR}])
def test_a_change_of_an_account_ends_its_sessions(engine: Engine, maria: Account, change: dict[str, object]) -> None:
    """What somebody might before is over at once."""
    accounts, sessions = PostgresAccounts(engine), PostgresSessions(engine)
    sessions.begin(maria, token_sha256="a", csrf_token="", lasting=HOUR)
    accounts.change(maria.login, **change)  # type: ignore[arg-type]  # one argument or the other
    assert sessions.find("a", idle=HOUR) is None
    assert (accounts.credentials(maria.login) is None) is ("is_disabled" in change)


def test_an_invitation_makes_one_account(engine: Engine, maria: Account) -> None:
    """A second time, or when it is over, it makes none."""
    accounts = PostgresAccounts(engine)
    for token, lasting in (("good", HOUR), ("old", NOW)):
        accounts.invite(role=Role.CLINICIAN, token_sha256=token, by=maria, lasting=lasting)
    made = accounts.accept("good", login="tom", name="Tom", password_hash="kept")
    assert made.role is Role.CLINICIAN
    for token in ("good", "old", "none"):
        with pytest.raises(BadAccount, match="over, or was used"):
            accounts.accept(token, login="tim", name="", password_hash="kept")


def test_a_taken_login_does_not_use_up_an_invitation(engine: Engine, maria: Account) -> None:
    """One may choose another."""
    accounts = PostgresAccounts(engine)
    accounts.invite(role=Role.CLINICIAN, token_sha256="good", by=maria, lasting=HOUR)
    with pytest.raises(BadAccount, match="already"):
        accounts.accept("good", login="maria", name="", password_hash="kept")
    assert accounts.accept("good", login="tom", name="", password_hash="kept").login == "tom"


# --- the audit trail ------------------------------------------------------------------------------------------------


def events(count: int) -> list[AuditEvent]:
    return [
        AuditEvent(actor=f"user{number}", role="radiologist", action=AuditAction.VIEW, object=f"1.2.{number}")
        for number in range(count)
    ]


def test_records_are_numbered_and_chained(engine: Engine) -> None:
    """In the order in which they came, each with the hash of the one before."""
    trail = PostgresAuditTrail(engine)
    for event in events(3):
        trail.record(event)
    found = list(trail.records())
    assert [record.event for record in found] == events(3)
    assert [record.id for record in found] == [1, 2, 3]
    assert [record.previous for record in found] == ["", *(record.hash for record in found[:-1])]
    assert trail.first_broken() is None
    assert [record.id for record in trail.records(behind=2)] == [3]


def test_records_of_many_at_once_leave_no_gap(engine: Engine) -> None:
    """The chain holds when all write at the same moment."""
    trail = PostgresAuditTrail(engine)
    threads = [threading.Thread(target=trail.record, args=(event,)) for event in events(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [record.id for record in trail.records()] == list(range(1, 17))
    assert trail.first_broken() is None


@pytest.mark.parametrize(
    "statement",
    ["UPDATE audit_events SET actor = 'nobody'", "DELETE FROM audit_events", "TRUNCATE audit_events"],
)
def test_the_trail_can_only_grow(engine: Engine, statement: str) -> None:
    """Nothing is changed, nothing is taken away."""
    PostgresAuditTrail(engine).record(events(1)[0])
    with pytest.raises(DatabaseError, match="can only grow"), transaction(engine) as connection:
        connection.execute(text(statement))


@pytest.mark.parametrize(
    ("statement", "broken"),
    [
        ("UPDATE audit_events SET outcome = 'denied' WHERE id = 2", 2),
        ("DELETE FROM audit_events WHERE id = 2", 2),
        ("DELETE FROM audit_events WHERE id = 1", 1),
        ("UPDATE audit_events SET hash = 'ab' WHERE id = 3", 3),
    ],
)
def test_who_changes_it_with_the_servers_keys_is_found_out(engine: Engine, statement: str, broken: int) -> None:
    """The first record that does not fit is named."""
    trail = PostgresAuditTrail(engine)
    for event in events(4):
        trail.record(event)
    with transaction(engine) as connection:
        connection.execute(text("ALTER TABLE audit_events DISABLE TRIGGER USER"))
        connection.execute(text(statement))
    assert trail.first_broken() == broken


def test_what_was_denied_is_recorded_as_such(engine: Engine) -> None:
    """With where it came from."""
    event = AuditEvent(actor="tom", role="", action=AuditAction.LOGIN, outcome=AuditOutcome.DENIED, address="10.1.2.3")
    trail = PostgresAuditTrail(engine)
    trail.record(event)
    assert next(trail.records()).event == event


def test_how_far_a_repository_was_told_is_known(engine: Engine) -> None:
    """Each for itself; it never goes back."""
    trail = PostgresAuditTrail(engine)
    assert trail.sent_to("a:6514") == 0
    for last in (3, 2):
        trail.mark_sent("a:6514", last)
    assert (trail.sent_to("a:6514"), trail.sent_to("b:6514")) == (3, 0)
