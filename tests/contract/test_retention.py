"""Films go when their time is over, and never before: real rows, a real spool, a crash at each step."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from db.engine import transaction
from db.holdings import known_instances
from db.intake import PostgresIntake
from db.ledger import ledger
from db.outbox import dispatch_of
from db.snapshot import films_stay, snapshot
from db.study_view import PostgresStudyViews
from dicom_node.reconcile import reconcile
from domain.delivery import ResultObject
from domain.errors import Transient
from domain.film import ConflictPolicy, Reception
from domain.ids import CommitmentId
from domain.retention import DeletionCause, Terms
from tests.conftest import migrated
from tests.contract.test_needed_films import ask, commitments, was_uploaded
from tests.peers import wait_for
from tests.retained import DAY, Retained, emptied, film

OTHER = film(1, digest="cd" * 32)
TERMS = Terms(cause=DeletionCause.RETENTION, films=30 * DAY)


@pytest.fixture(scope="module")
def module_engine(embedded_url: str) -> Iterator[Engine]:
    """One database for the tests of this module."""
    with migrated(embedded_url) as engine:
        yield engine


@pytest.fixture
def here(module_engine: Engine, tmp_path: Path) -> Retained:
    """An empty installation."""
    return emptied(module_engine, tmp_path / "spool")


def test_a_film_goes_after_its_time_and_its_row_tells(here: Retained) -> None:
    """All films of the study; UIDs, checksum and the moments stay."""
    here.delivered(film(1), film(2))
    here.pass_days(29)
    assert here.delete_old() == 0
    here.pass_days(2)
    assert here.delete_old() == 2
    assert here.files() == set()
    assert here.rows("SELECT cause, digest, removed_at >= deleted_at, restored_at FROM film_deletions ORDER BY id") == [
        ("retention", film(number).digest, True, None) for number in (1, 2)
    ]
    assert here.rows("SELECT count(*) FROM instances") == [(2,)]
    assert here.delete_old() == 0


def test_a_delivery_that_a_person_cancelled_holds_nothing(here: Retained) -> None:
    """Whether its job is archived or not."""
    here.receive(film())
    here.classify("pacs")
    here.run("UPDATE jobs SET state = 'cancelled', reason = 'why', settled_at = now() WHERE kind = 'deliver'")
    here.pass_days(31)
    assert here.delete_old() == 1


def test_uploads_have_a_time_of_their_own(here: Retained) -> None:
    """And other studies theirs."""
    was_uploaded(here)
    here.delivered(film(study=2))
    here.pass_days(40)
    assert here.delete_old(days=None, uploads=50) == 0
    assert here.delete_old(days=None, uploads=30) == 1
    assert here.files() == {film(study=2).path}


def test_content_that_was_kept_aside_goes_with_the_rest(here: Retained) -> None:
    """Counted from when it last came."""
    here.delivered()
    here.pass_days(31)
    assert here.receive(OTHER).reception is Reception.CONFLICT
    assert here.delete_old() == 0
    here.pass_days(31)
    assert here.delete_old() == 2
    assert here.files() == set()


class PowerCut(BaseException):
    """Nothing runs after it."""


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_crash_at_the_file_loses_nothing(here: Retained, moment: str) -> None:
    """The rows are marked; the next run takes the files, whether the one in hand was gone or not."""
    here.delivered(film(1), film(2))
    here.pass_days(31)

    def crash(place: str) -> None:
        if moment == "after":
            here.spool.remove(place)
        raise PowerCut

    here.retention.mark(TERMS, behind=None, at_most=9)
    with pytest.raises(PowerCut):
        here.retention.remove_next(crash)
    assert here.rows("SELECT count(*) FROM film_deletions WHERE removed_at IS NULL") == [(2,)]
    assert len(here.files()) == (1 if moment == "after" else 2)
    assert here.delete_old() == 2
    assert here.files() == set()


def test_a_store_that_is_away_is_tried_again(here: Retained) -> None:
    """Marked stays marked, and the duty says that it failed."""
    here.delivered()
    here.pass_days(31)
    lost = here.folder.rename(here.folder.with_name("unmounted"))
    with pytest.raises(Transient):
        here.delete_old()
    lost.rename(here.folder)
    assert here.delete_old() == 1


def test_while_a_backup_copies_films_none_is_removed(here: Retained) -> None:
    """What is marked goes when it is done; the next backup does not miss it."""
    study = here.delivered()
    here.pass_days(31)
    with films_stay(here.engine):
        assert here.delete_old() == 0
        assert (here.films(study), here.files()) == ([], {film().path})
    assert here.delete_old() == 1
    with snapshot(here.engine) as moment:
        assert moment.films() == []


def test_two_at_once_take_each_film_once(here: Retained) -> None:
    """A scheduler, and a person beside it."""
    for study in range(1, 9):
        here.delivered(film(study=study))
    here.pass_days(31)
    counts: list[int] = []
    threads = [threading.Thread(target=lambda: counts.append(here.delete_old())) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(counts) == 8
    assert here.rows("SELECT count(*) FROM film_deletions WHERE removed_at IS NOT NULL") == [(8,)]


def test_a_film_that_comes_again_is_here_again_and_brings_no_other_report(here: Retained) -> None:
    """Its content is known, and what was found out about it; its time begins anew."""
    study = here.delivered()
    here.pass_days(31)
    here.delete_old()
    assert here.films(study) == []
    assert here.receive(film()).reception is Reception.DUPLICATE
    assert (here.films(study), here.files()) == ([film().sop_instance_uid], {film().path})
    assert here.queue.claim("classify", worker="host:1", lease=DAY) == []
    assert here.delete_old() == 0
    here.pass_days(31)
    assert here.delete_old() == 1
    assert here.rows("SELECT count(*) FROM film_deletions") == [(2,)]


def test_a_film_that_comes_again_before_its_file_is_gone_stays(here: Retained) -> None:
    """Nobody removes it any more."""
    here.delivered()
    here.pass_days(31)
    here.retention.mark(TERMS, behind=None, at_most=9)
    here.receive(film())
    assert here.shredder().empty() == (0, 0)
    assert here.files() == {film().path}


def test_a_film_that_comes_while_its_file_goes_is_not_acknowledged(here: Retained) -> None:
    """Its sender hears that it is to try again; then the film is here."""
    here.delivered()
    here.pass_days(31)
    here.retention.mark(TERMS, behind=None, at_most=9)
    begun, go_on = threading.Event(), threading.Event()

    def slowly(place: str) -> None:
        begun.set()
        go_on.wait(10)
        here.spool.remove(place)

    remover = threading.Thread(target=lambda: here.retention.remove_next(slowly))
    remover.start()
    begun.wait(10)
    answers: list[Exception] = []

    def send() -> None:
        try:
            here.receive(film())
        except Transient as error:
            answers.append(error)

    sender = threading.Thread(target=send)
    sender.start()
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
    wait_for(lambda: here.rows(waiting) == [(1,)])
    go_on.set()
    for thread in (remover, sender):
        thread.join()
    assert len(answers) == 1
    here.receive(film())
    assert here.files() == {film().path}
    assert here.shredder().empty() == (0, 0)


@pytest.mark.parametrize(
    ("policy", "reception", "here_then", "is_due"),
    [
        (ConflictPolicy.KEEP_FIRST, Reception.CONFLICT, [], False),
        (ConflictPolicy.REPLACE, Reception.REPLACED, [film().sop_instance_uid], True),
        (ConflictPolicy.REJECT, Reception.REJECTED, [], False),
    ],
)
def test_other_content_after_the_deletion_is_a_conflict_as_before(
    here: Retained, policy: ConflictPolicy, reception: Reception, here_then: list[str], *, is_due: bool
) -> None:
    """Kept aside, or it counts and is classified, or it is refused."""
    study = here.delivered()
    here.pass_days(31)
    here.delete_old()
    here.policy = policy
    assert here.receive(OTHER).reception is reception
    assert here.films(study) == here_then
    assert here.files() == (set() if policy is ConflictPolicy.REJECT else {OTHER.path})
    assert bool(here.queue.claim("classify", worker="host:1", lease=DAY)) is is_due


def test_a_late_film_is_classified_without_those_that_are_gone(here: Retained) -> None:
    """Its report names the one before."""
    here.delivered(film(1))
    here.pass_days(31)
    here.delete_old()
    here.receive(film(2))
    here.classify("pacs")
    with transaction(here.engine) as connection:
        last = connection.execute(text("SELECT max(id) FROM findings")).scalar_one()
        told = dispatch_of(connection, last, peer="pacs", told_as=ResultObject.REPORT)
    assert [one.sop_instance_uid for one in told.findings.films] == [film(2).sop_instance_uid]
    assert told.predecessor is not None
    assert [bool(one.deleted_on) for one in told.predecessor.films] == [True]


def reconciled(here: Retained) -> int:
    with here.storage() as place, closing(PostgresIntake(here.engine, quiet=timedelta(0), max_attempts=3)) as rows:
        return reconcile(place, rows, threading.Event())


def test_what_is_gone_on_purpose_is_no_difference(here: Retained) -> None:
    """Neither before its file is removed nor after; nor is the film fetched again."""
    here.delivered()
    here.pass_days(31)
    here.retention.mark(TERMS, behind=None, at_most=9)
    assert reconciled(here) == 0
    here.spool.remove(film().path)
    assert reconciled(here) == 0
    here.shredder().empty()
    assert reconciled(here) == 0
    assert known_instances(here.engine, [film().sop_instance_uid]) == {film().sop_instance_uid}


def test_the_ledger_and_the_page_tell(here: Retained) -> None:
    """When it went and why, and when it came again."""
    study = here.delivered()
    here.pass_days(31)
    here.delete_old()
    told = ledger(here.engine, film().study_uid)
    view = PostgresStudyViews(here.engine).find(study)
    assert told is not None
    assert view is not None
    (step,) = [entry for entry in told.entries if entry.event == "deleted"]
    assert (step.who, step.what) == ("retention", f"film {film().sop_instance_uid}")
    assert view.films[0].film.deleted_on == f"{step.at:%Y-%m-%d}"
    here.receive(film())
    told = ledger(here.engine, film().study_uid)
    assert told is not None
    assert "restored" in {entry.event for entry in told.entries}


def test_a_modality_that_asks_later_hears_that_the_film_is_not_here(here: Retained) -> None:
    """It must not delete its own."""
    here.delivered()
    here.pass_days(31)
    here.delete_old()
    ask(here)
    (number,) = here.rows("SELECT id FROM commitments")[0]
    assert commitments(here).load(CommitmentId(number)).kept == {}


def forget(here: Retained, days: int = 400) -> int:
    return here.retention.forget_old(older_than=days * DAY, at_most=100)


def test_results_are_forgotten_after_their_time_with_all_that_names_the_study(here: Retained) -> None:
    """Once its films are gone; a film that comes then is new."""
    here.delivered(film(1), film(2))
    here.pass_days(401)
    assert forget(here) == 0
    here.delete_old()
    assert forget(here) == 1
    for table in ("studies", "series", "instances", "findings", "deliveries", "jobs", "job_history", "film_deletions"):
        assert here.rows(f"SELECT count(*) FROM {table}") == [(0,)], table
    assert here.receive(film(1)).reception is Reception.NEW


@pytest.mark.parametrize("change", ["deliveries SET accepted_at = now()", "findings SET created_at = now()"])
def test_a_study_to_which_something_happened_lately_is_not_forgotten(here: Retained, change: str) -> None:
    """Its time counts from that."""
    here.delivered()
    here.pass_days(401)
    here.delete_old()
    here.run(f"UPDATE {change}")
    assert forget(here) == 0
