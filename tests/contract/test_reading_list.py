"""The radiologists' list in the real database."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import date, timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import Engine, text

from db.accounts import PostgresAccounts
from db.engine import connect, schema_revision, transaction
from db.intake import PostgresIntake
from db.reading_list import PostgresReadingList, PostgresSavedFilters
from db.reading_news import PostgresReadingNews
from db.upgrade import downgrade, upgrade
from domain.accounts import Role
from domain.film import Unsuitable, View
from domain.findings import Verdict
from domain.priority import Priority
from domain.reading_list import BadFilter, ReadingOrder, ReadingQuery, ReadingState
from domain.worklist import StepPriority
from tests.fakes import received
from tests.reading import NEGATIVE, POSITIVE, UNSURE, ReadingRoom


@pytest.fixture
def room(engine: Engine) -> ReadingRoom:
    """An empty list."""
    return ReadingRoom(engine)


@pytest.mark.parametrize(
    ("happens", "state"),
    [
        (lambda _: None, ReadingState.WAITING),
        (lambda room: room.begin(), ReadingState.RUNNING),
        (lambda room: room.classify(POSITIVE), ReadingState.DONE),
        (lambda room: room.classify(UNSURE), ReadingState.UNDETERMINED),
        (lambda room: room.classify(Unsuitable.NOT_FRONTAL), ReadingState.UNSUITABLE),
        (lambda room: room.hold(), ReadingState.FAILED),
        (lambda room: room.run("UPDATE jobs SET run_after = now() - interval '1 hour'"), ReadingState.UNAVAILABLE),
        (lambda room: room.run("INSERT INTO pauses VALUES ('', now(), 'ada', 'why')"), ReadingState.UNAVAILABLE),
        (lambda room: room.run("DELETE FROM jobs"), ReadingState.UNAVAILABLE),
    ],
)
def test_a_study_shows_how_far_the_network_is(
    room: ReadingRoom, happens: Callable[[ReadingRoom], object], state: ReadingState
) -> None:
    """And a filter for that state finds it, one for another does not."""
    room.receive(1)
    happens(room)
    assert room.readings()[0].state is state
    found = {wanted: room.accessions(ReadingQuery(state=wanted)) for wanted in ReadingState}
    assert found == {wanted: ["A1"] if wanted is state else [] for wanted in ReadingState}


@pytest.mark.parametrize(("workers", "state"), [(0, ReadingState.UNAVAILABLE), (1, ReadingState.WAITING)])
def test_nobody_waits_long_for_workers_that_are_not_there(room: ReadingRoom, workers: int, state: ReadingState) -> None:
    """Half a minute is a sign, where none is connected to the database; one that is there may be busy."""
    room.receive(1)
    room.run("UPDATE jobs SET run_after = now() - interval '30 seconds'")
    at_work = [connect(room.engine.url.render_as_string(hide_password=False), role="worker") for _ in range(workers)]
    for worker in at_work:
        schema_revision(worker)
    assert room.readings()[0].state is state
    for worker in at_work:
        worker.dispose()


def test_a_day_begins_at_midnight_of_the_house(room: ReadingRoom) -> None:
    """Half past eleven in the evening of London is tomorrow in Berlin."""
    room.receive(1)
    room.run("UPDATE reading_list SET received_at = '2026-01-02 23:30Z'")
    query = ReadingQuery(since=date(2026, 1, 3), until=date(2026, 1, 3))
    for zone, found in (("Europe/London", 0), ("Europe/Berlin", 1)):
        readings = PostgresReadingList(room.engine, patience=timedelta(minutes=5), zone=ZoneInfo(zone))
        assert len(readings.page(query, at_most=9).readings) == found


@pytest.mark.parametrize("zone", ["Asia/Tokyo", "America/Lima"])
def test_the_first_day_and_the_last_are_days_like_others(room: ReadingRoom, zone: str) -> None:
    """Before the one and after the other there is no midnight that a program could write down."""
    room.receive(1)
    for at in (ZoneInfo(zone), None):
        readings = PostgresReadingList(room.engine, patience=timedelta(minutes=5), zone=at)
        assert len(readings.page(ReadingQuery(since=date.min, until=date.max), at_most=9).readings) == 1
        assert not readings.page(ReadingQuery(since=date.max), at_most=9).readings
        assert not readings.page(ReadingQuery(until=date.min), at_most=9).readings


def test_a_later_result_ends_what_a_held_job_said(room: ReadingRoom) -> None:
    """As after a film that could be read."""
    room.receive(1)
    room.hold()
    room.receive(1, number=2)
    room.classify(NEGATIVE)
    assert room.readings()[0].state is ReadingState.DONE


def test_a_study_shows_its_result_with_the_thresholds(room: ReadingRoom) -> None:
    """Those of the network that made it."""
    room.receive(1)
    room.classify(POSITIVE, view=View.AP)
    (found,) = room.readings()
    assert (found.probabilities, found.verdict, found.views) == (POSITIVE, Verdict.POSITIVE, (View.AP,))
    assert found.model == room.model


def test_what_is_suggested_comes_first_then_what_waits_longest(room: ReadingRoom) -> None:
    """Of the order, and of results."""
    for study in (1, 2, 3):
        room.receive(study)
    room.receive(4, priority=Priority.STAT)
    room.receive(5, priority=Priority.LOW)
    for scores in (POSITIVE, NEGATIVE, POSITIVE, NEGATIVE, NEGATIVE):  # the urgent one is classified first
        room.classify(scores)
    assert room.accessions() == ["A2", "A4", "A1", "A3", "A5"]
    assert [one.suggested.name for one in room.readings()] == ["HIGH", "HIGH", "MEDIUM", "MEDIUM", "LOW"]
    assert room.accessions(ReadingQuery(order=ReadingOrder.ARRIVAL)) == ["A1", "A2", "A3", "A4", "A5"]
    assert room.accessions(ReadingQuery(order=ReadingOrder.NEWEST)) == ["A5", "A4", "A3", "A2", "A1"]


@pytest.mark.parametrize("has_steps", [True, False])
def test_no_result_makes_a_study_less_urgent(engine: Engine, has_steps: bool) -> None:  # noqa: FBT001 - parametrised
    """Neither a negative one, nor a second one; whether workstations read the worklist or not."""
    room = ReadingRoom(engine, has_steps=has_steps)
    room.receive(1, priority=Priority.LOW)
    room.classify(POSITIVE)
    room.receive(1, number=2)
    room.classify(NEGATIVE)
    (found,) = room.readings()
    assert (found.suggested, found.verdict) == (StepPriority.HIGH, Verdict.NEGATIVE)


def test_a_more_urgent_film_makes_its_study_more_urgent(room: ReadingRoom) -> None:
    """As in the queue."""
    room.receive(1)
    room.receive(1, number=2, priority=Priority.STAT)
    assert (room.readings()[0].suggested, room.readings()[0].ordered) == (StepPriority.HIGH, Priority.STAT)


def test_a_film_that_nobody_is_to_read_is_not_in_the_list(room: ReadingRoom) -> None:
    """As one that somebody uploaded to see a result, or that came from an archive; a result of it changes nothing."""
    intake = PostgresIntake(room.engine, quiet=timedelta(0), max_attempts=3, to_read=False)
    intake.record(received())
    intake.close()
    room.classify(POSITIVE)
    assert len(room.readings()) == 0
    room.receive(1, number=2)
    assert len(room.readings()) == 1


@pytest.mark.parametrize("read", [lambda room: room.read(1), lambda room: room.assess(1)])
def test_what_was_read_leaves_the_unread_until_a_film_comes(
    room: ReadingRoom, read: Callable[[ReadingRoom], None]
) -> None:
    """Whether a workstation read it or a person assessed it."""
    room.receive(1)
    room.receive(2)
    read(room)
    assert (room.accessions(ReadingQuery()), len(room.accessions())) == (["A2"], 2)
    room.receive(1, number=1)
    assert room.accessions(ReadingQuery()) == ["A2"]  # it was here already
    room.receive(1, number=2)
    assert room.accessions(ReadingQuery()) == ["A1", "A2"]


def test_a_claim_is_seen(room: ReadingRoom) -> None:
    """With the name of whoever reads it."""
    room.receive(1)
    room.claim(1, "READER7")
    assert (room.readings()[0].performer, room.readings()[0].is_read) == ("READER7", False)


@pytest.mark.parametrize(
    ("search", "found"),
    [
        ("müller", ["A1"]),
        ("MÜLLER, j", ["A1"]),
        ("Müller^J", ["A1"]),
        ("jan", []),
        ("id%", []),
        ("id_", ["A2"]),
        ("ID", ["A1", "A2"]),
        ("a2", ["A2"]),
        ("\\", []),
    ],
)
def test_a_study_is_found_by_the_beginning_of_its_names(room: ReadingRoom, search: str, found: list[str]) -> None:
    """Patient's name as it is shown or written, patient ID, accession number; signs of SQL stand for themselves."""
    room.receive(1, patient_name="Müller^Jan", patient_id="ID7")
    room.receive(2, patient_name="Meier^Ute", patient_id="ID_8")
    assert room.accessions(ReadingQuery(search=search)) == found


def test_filters_leave_out_what_they_do_not_fit(room: ReadingRoom) -> None:
    """Each by itself."""
    room.receive(1, sender="XRAY7")
    room.classify(POSITIVE)
    room.receive(2, station_name="ROOM9")
    room.run("UPDATE reading_list SET received_at = '2026-01-02 12:00Z' WHERE station = 'ROOM9'")
    day = room.readings(ReadingQuery(place="ROOM9"))[0].received_at.date()
    assert room.accessions(ReadingQuery(place="XRAY7")) == ["A1"]
    assert room.accessions(ReadingQuery(verdict=Verdict.POSITIVE)) == ["A1"]
    assert room.accessions(ReadingQuery(priority=StepPriority.MEDIUM)) == ["A2"]
    assert room.accessions(ReadingQuery(since=day, until=day)) == ["A2"]
    assert room.accessions(ReadingQuery(since=day + timedelta(days=1))) == ["A1"]


def test_a_search_that_finds_many_finds_the_same(room: ReadingRoom, monkeypatch: pytest.MonkeyPatch) -> None:
    """It only looks for them in another way."""
    room.receive(1, patient_name="Müller^Jan", patient_id="ID7")
    room.receive(2, patient_name="Meier^Ute", patient_id="ID_8")
    monkeypatch.setattr("db.reading_list._MANY", 0)
    found = [room.accessions(ReadingQuery(search=search)) for search in ("müller, j", "id_", "A", "zzz")]
    assert found == [["A1"], ["A2"], ["A1", "A2"], []]


@pytest.mark.parametrize("order", list(ReadingOrder))
def test_pages_together_are_the_list(room: ReadingRoom, order: ReadingOrder) -> None:
    """Nothing twice, nothing left out, also where many are equal."""
    for study in range(1, 8):
        room.receive(study, priority=Priority.STAT if study % 3 == 0 else Priority.ROUTINE)
    room.run("UPDATE reading_list SET received_at = '2026-01-02 12:00Z' WHERE study_id % 2 = 0")
    whole, pages, behind = room.accessions(ReadingQuery(order=order)), [], None
    readings = PostgresReadingList(room.engine, patience=timedelta(minutes=5))
    while True:
        page = readings.page(ReadingQuery(order=order, behind=behind), at_most=2)
        pages += [one.identity.accession_number for one in page.readings]
        behind = page.readings[-1].study_id
        if not page.has_more:
            break
    assert pages == whole
    assert len(whole) == 7


def test_senders_and_stations_are_offered(room: ReadingRoom) -> None:
    """Each once, without those that have no name."""
    room.receive(1, sender="XRAY7", station_name="")
    room.receive(2, sender="XRAY7", station_name="ROOM9")
    assert PostgresReadingList(room.engine, patience=timedelta(0)).places() == ["ROOM9", "XRAY7"]


@pytest.mark.parametrize(
    "happens",
    [
        lambda room: room.receive(2),
        lambda room: room.classify(POSITIVE),
        lambda room: room.hold(),
        lambda room: room.claim(1),
        lambda room: room.assess(1),
    ],
)
def test_whoever_follows_hears_what_changes(room: ReadingRoom, happens: Callable[[ReadingRoom], object]) -> None:
    """And no longer when following has ended."""
    room.receive(1)
    news, heard, done = PostgresReadingNews(room.engine), [], threading.Event()

    def hear(changed: frozenset[object]) -> None:
        heard.append(changed)
        if changed:  # the first says that any may have changed: what came before was not heard
            done.set()

    end = news.follow(hear)
    happens(room)
    assert done.wait(20)
    end()
    known = len(heard)
    room.receive(3)
    news.close()
    assert len(heard) == known


def test_filters_are_their_owners(engine: Engine) -> None:
    """Nobody else sees or deletes them; a second one of a name takes the place of the first."""
    people = PostgresAccounts(engine)
    ada, bob = (
        people.create(login=login, name=login, role=Role.RADIOLOGIST, password_hash=None).id for login in ("ada", "bob")
    )
    filters = PostgresSavedFilters(engine)
    filters.save(ada, name="night", query="priority=HIGH")
    filters.save(ada, name="night", query="show=all")
    (kept,) = filters.all(ada)
    filters.delete(bob, kept.id)
    assert (filters.all(bob), [one.query for one in filters.all(ada)]) == ([], ["show=all"])
    filters.delete(ada, kept.id)
    assert filters.all(ada) == []


def test_nobody_keeps_filters_without_end(engine: Engine) -> None:
    """Thirty are enough."""
    account = PostgresAccounts(engine).create(login="ada", name="A", role=Role.RADIOLOGIST, password_hash=None).id
    filters = PostgresSavedFilters(engine)
    for number in range(30):
        filters.save(account, name=str(number), query="")
    filters.save(account, name="7", query="show=all")
    with pytest.raises(BadFilter, match="delete one"):
        filters.save(account, name="31", query="")


def test_the_migration_fills_the_list_from_what_is_there(room: ReadingRoom) -> None:
    """As the database itself would have written it."""
    for study, scores in ((1, POSITIVE), (2, NEGATIVE), (3, UNSURE)):
        room.receive(study, sender=f"XRAY{study}")
        room.classify(scores)
    room.receive(4, priority=Priority.LOW)
    room.read(2)

    def rows() -> list[tuple[object, ...]]:
        with transaction(room.engine) as connection:
            return [tuple(row) for row in connection.execute(text("SELECT * FROM reading_list ORDER BY study_id"))]

    before = rows()
    downgrade(room.engine, "0019")
    upgrade(room.engine)
    assert rows() == before
