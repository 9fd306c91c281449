"""A film goes never while anybody may need it: real rows, a real spool."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from db.commitments import PostgresCommitments
from domain.commitment import CommitmentRequest, Reference
from domain.film import ConflictPolicy
from domain.jobs import ReasonClass
from tests.conftest import migrated
from tests.retained import Retained, emptied, film


@pytest.fixture(scope="module")
def module_engine(embedded_url: str) -> Iterator[Engine]:
    """One database for the tests of this module."""
    with migrated(embedded_url) as engine:
        yield engine


@pytest.fixture
def here(module_engine: Engine, tmp_path: Path) -> Retained:
    """An empty installation."""
    return emptied(module_engine, tmp_path / "spool")


def waits(here: Retained) -> None:
    here.receive(film())


def runs(here: Retained) -> None:
    here.receive(film())
    here.claim()


def is_held(here: Retained) -> None:
    here.receive(film())
    here.queue.hold(here.claim(), reason="why", reason_class=ReasonClass.PERMANENT)


def was_never_classified(here: Retained) -> None:
    here.receive(film())
    here.run("UPDATE jobs SET state = 'cancelled', reason = 'why', settled_at = now()")


def has_a_film_without_result(here: Retained) -> None:
    here.delivered()
    here.receive(film(2))
    here.run("DELETE FROM jobs")


def has_other_content_without_result(here: Retained) -> None:
    here.delivered()
    here.policy = ConflictPolicy.REPLACE
    here.receive(film(1, digest="cd" * 32))
    here.run("DELETE FROM jobs")


def has_an_undelivered_report(here: Retained) -> None:
    here.receive(film())
    here.classify("pacs", "archive")
    here.deliver("pacs")


def has_a_report_whose_job_is_lost(here: Retained) -> None:
    here.receive(film())
    here.classify("pacs")
    here.run("DELETE FROM jobs")


def has_a_held_delivery(here: Retained) -> None:
    here.receive(film())
    here.classify("pacs")
    here.queue.hold(here.claim("deliver:pacs"), reason="why", reason_class=ReasonClass.PERMANENT)


def has_a_report_that_is_not_known_to_be_kept(here: Retained) -> None:
    here.asked = ("pacs",)
    here.delivered()


def is_kept_by_a_person(here: Retained) -> None:
    study = here.delivered()
    here.run("INSERT INTO kept_studies (study_id, actor, reason) VALUES (:study, 'ann', 'a lawsuit')", study=study)


def is_to_be_read(here: Retained, state: str = "SCHEDULED") -> None:
    study = here.delivered()
    here.run(
        "INSERT INTO workitems (uid, study_id, state, priority, suggested, expires_at, transaction_uid) "
        "VALUES ('2.25.5', :study, :state, 1, 1, now(), '2.25.6')",
        study=study,
        state=state,
    )


def is_being_read(here: Retained) -> None:
    is_to_be_read(here, "IN PROGRESS")


def was_uploaded(here: Retained) -> None:
    study = here.delivered()
    here.run("INSERT INTO accounts (login, name, role) VALUES ('ann', 'Ann', 'clinician')")
    here.run(
        "INSERT INTO uploads (account_id, study_id, kind, size_bytes, is_to_read) "
        "SELECT id, :study, 'DICOM', 1, false FROM accounts",
        study=study,
    )


def ask(here: Retained) -> None:
    references = (Reference(sop_class_uid=film().sop_class_uid, sop_instance_uid=film().sop_instance_uid),)
    request = CommitmentRequest(calling_ae_title="XRAY1", transaction_uid="2.25.9", references=references)
    assert commitments(here).ask(request)


def has_a_modality_that_waits_for_its_answer(here: Retained) -> None:
    here.delivered()
    ask(here)


def commitments(here: Retained) -> PostgresCommitments:
    return PostgresCommitments(here.engine, peers={"XRAY1": "xray"})


def is_looked_at_by_a_network_on_trial(here: Retained) -> None:
    here.delivered()
    here.run("INSERT INTO jobs (kind, lane, subject_id) SELECT 'shadow', 'shadow:x', id FROM findings")


NEEDED: list[Callable[[Retained], None]] = [
    waits,
    runs,
    is_held,
    was_never_classified,
    has_a_film_without_result,
    has_other_content_without_result,
    has_an_undelivered_report,
    has_a_report_whose_job_is_lost,
    has_a_held_delivery,
    has_a_report_that_is_not_known_to_be_kept,
    is_kept_by_a_person,
    is_to_be_read,
    is_being_read,
    was_uploaded,
    has_a_modality_that_waits_for_its_answer,
    is_looked_at_by_a_network_on_trial,
]


@pytest.mark.parametrize("study", NEEDED)
def test_a_study_that_somebody_may_need_stays(here: Retained, study: Callable[[Retained], None]) -> None:
    """However old it is, and however full the disk."""
    study(here)
    here.pass_days(4000)
    before = here.files()
    assert here.delete_old() == 0
    assert here.files() == before != set()
