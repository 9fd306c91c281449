"""Everything about a patient is erased, with a crash at each step, and nothing about anybody else."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import Engine

from db.audit import PostgresAuditTrail
from db.commitments import PostgresCommitments
from db.erasure import PostgresErasure
from domain.audit import AuditAction
from domain.commitment import CommitmentRequest, Reference
from domain.erasure import Certificate, Erased, Pseudonyms, Whom
from domain.errors import HilumError, Misconfigured, Transient
from domain.film import ReceivedInstance
from domain.ids import StudyId, StudyUid
from domain.subject import StudyIdentity
from tests.conftest import migrated
from tests.retained import DAY, Retained, emptied, film
from worker.erasure import Eraser

ANNA = Whom(patient_id="4711")


def of(patient: str, number: int = 1, *, study: int = 1, issuer: str = "CLINIC", digest: str = "") -> ReceivedInstance:
    identity = StudyIdentity(patient_id=patient, issuer_of_patient_id=issuer, patient_name="Muster^Anna")
    return replace(film(number, study=study, digest=digest), identity=identity)


@pytest.fixture(scope="module")
def module_engine(embedded_url: str) -> Iterator[Engine]:
    """One database for the tests of this module."""
    with migrated(embedded_url) as engine:
        yield engine


@pytest.fixture
def here(module_engine: Engine, tmp_path: Path) -> Retained:
    """Two patients with a delivered study each."""
    opened = emptied(module_engine, tmp_path / "spool")
    opened.delivered(of("4711", 1), of("4711", 2))
    opened.delivered(of("4712", study=2))
    return opened


class PowerCut(BaseException):
    """Nothing runs after it."""


class FaultyErasure(PostgresErasure):
    """One whose process dies before or after a step."""

    dies_at = ""

    def mark(self, studies: Sequence[StudyId]) -> None:
        self._die_at("before mark")
        super().mark(studies)
        self._die_at("after mark")

    def finish(self, studies: Sequence[StudyId], *, actor: str, told: str) -> Erased:
        self._die_at("before finish")
        done = super().finish(studies, actor=actor, told=told)
        self._die_at("after finish")
        return done

    def _die_at(self, moment: str) -> None:
        if self.dies_at == moment:
            raise PowerCut


def erase(
    here: Retained, whom: Whom = ANNA, *, even_undelivered: bool = False, dies_at: str = ""
) -> Certificate | None:
    """Erase; None: there was nothing."""
    erasure = FaultyErasure(here.engine)
    erasure.dies_at = dies_at
    shredder = here.shredder()
    if dies_at == "file":
        shredder = replace(shredder, remove=_dies)
    eraser = Eraser(erasure=erasure, shredder=shredder, actor="ann")
    found = eraser.look(whom, even_undelivered=even_undelivered)
    return eraser.erase(whom, found) if found.studies else None


def _dies(_: str) -> None:
    raise PowerCut


def studies(here: Retained) -> list[str]:
    return [uid for (uid,) in here.rows("SELECT study_instance_uid FROM studies ORDER BY id")]


def test_one_patient_goes_and_the_other_stays(here: Retained) -> None:
    """Rows and files; what a network on trial was to do and said, too."""
    here.run("INSERT INTO jobs (kind, lane, subject_id) SELECT 'shadow', 'shadow:x', id FROM findings")
    here.run(
        "INSERT INTO shadow_findings (findings_id, model_version_id, outcome) "
        "SELECT id, model_version_id, 'skipped' FROM findings"
    )
    done = erase(here)
    assert done is not None
    assert (done.found.counts["films"], done.found.counts["results"]) == (2, 1)
    assert studies(here) == [film(study=2).study_uid]
    assert here.files() == {film(study=2).path}
    assert [(one.peer, one.object, one.count) for one in done.found.elsewhere] == [("pacs", "report", 1)]
    for query in ("SELECT count(*) FROM shadow_findings", "SELECT count(*) FROM jobs WHERE kind = 'shadow'"):
        assert here.rows(query) == [(1,)]
    assert erase(here) is None


def test_the_record_names_nobody_but_can_be_proved(here: Retained) -> None:
    """By whoever has the certificate's key; the chain holds."""
    done = erase(here)
    assert done is not None
    trail = PostgresAuditTrail(here.engine)
    record = list(trail.records())[-1]
    assert (record.id, record.hash) == (done.erased.record, done.erased.hash)
    assert (record.event.action, record.event.actor) == (AuditAction.ERASE, "ann")
    assert "4711" not in record.event.object
    assert film().study_uid not in record.event.object
    names = Pseudonyms(key=done.key)
    assert names.of("CLINIC", "4711") in record.event.object
    assert names.of(film().study_uid) in record.event.object
    assert trail.first_broken() is None


@pytest.mark.parametrize("moment", ["before mark", "after mark", "file", "before finish", "after finish"])
def test_broken_off_anywhere_it_goes_on(here: Retained, moment: str) -> None:
    """Run again: nothing is left, and the other patient has all."""
    with pytest.raises(PowerCut):
        erase(here, dies_at=moment)
    assert (erase(here) is None) is (moment == "after finish")
    assert studies(here) == [film(study=2).study_uid]
    assert here.files() == {film(study=2).path}


def test_content_that_was_kept_aside_goes_too(here: Retained) -> None:
    """And is counted."""
    here.receive(of("4711", 1, digest="ee" * 32))
    done = erase(here)
    assert done is not None
    assert done.found.counts["conflicts"] == 1
    assert here.files() == {film(study=2).path}


def kept(here: Retained) -> None:
    here.run("INSERT INTO kept_studies (study_id, actor, reason) SELECT id, 'a', 'b' FROM studies")


def undelivered(here: Retained) -> None:
    here.receive(of("4711", study=3))
    here.classify("pacs")


def at_work(here: Retained) -> None:
    here.receive(of("4711", study=3))
    here.claim()


def of_two_issuers(here: Retained) -> None:
    here.delivered(of("4711", study=3, issuer="OTHER"))


@pytest.mark.parametrize(
    ("trouble", "error", "says"),
    [
        (kept, Misconfigured, "kept from deletion"),
        (undelivered, Misconfigured, "not delivered yet"),
        (at_work, Transient, "in hand"),
        (of_two_issuers, Misconfigured, "'CLINIC', 'OTHER'"),
    ],
)
def test_what_is_in_the_way_is_told(
    here: Retained, trouble: Callable[[Retained], None], error: type[HilumError], says: str
) -> None:
    """And nothing is erased."""
    trouble(here)
    before = here.files()
    with pytest.raises(error, match=says):
        erase(here)
    assert here.files() == before


def test_what_is_not_delivered_goes_where_that_is_wanted(here: Retained) -> None:
    """Nobody delivers it any more."""
    undelivered(here)
    assert erase(here, even_undelivered=True) is not None
    assert here.queue.claim("deliver:pacs", worker="host:1", lease=DAY) == []
    assert studies(here) == [film(study=2).study_uid]


def test_of_two_issuers_one_is_named(here: Retained) -> None:
    """The other's patient is another person."""
    of_two_issuers(here)
    assert erase(here, Whom(patient_id="4711", issuer="OTHER")) is not None
    assert studies(here) == [film(study=number).study_uid for number in (1, 2)]


def test_a_study_can_be_named(here: Retained) -> None:
    """One whose film names no patient, as of an upload."""
    done = erase(here, Whom(study_uids=(StudyUid(film(study=2).study_uid),)))
    assert done is not None
    assert done.patient == ""
    assert studies(here) == [film().study_uid]


def test_a_film_that_comes_meanwhile_is_not_lost_by_halves(here: Retained) -> None:
    """Nothing is deleted of a study that is not empty; the next try takes all."""
    erasure = PostgresErasure(here.engine)
    found = list(erasure.find(ANNA).studies)
    erasure.mark(found)
    here.shredder().empty()
    here.receive(of("4711", 3))
    with pytest.raises(Transient, match="meanwhile"):
        erasure.finish(found, actor="ann", told="")
    assert len(studies(here)) == 2
    assert erase(here) is not None
    assert studies(here) == [film(study=2).study_uid]


def test_a_request_for_commitment_forgets_his_films_alone(here: Retained) -> None:
    """The other patient's is answered."""
    references = tuple(
        Reference(sop_class_uid=one.sop_class_uid, sop_instance_uid=one.sop_instance_uid)
        for one in (film(1), film(study=2))
    )
    request = CommitmentRequest(calling_ae_title="XRAY1", transaction_uid="2.25.9", references=references)
    PostgresCommitments(here.engine, peers={"XRAY1": "xray"}).ask(request)
    assert erase(here) is not None
    assert here.rows("SELECT referenced FROM commitments") == [
        ([[references[1].sop_class_uid, references[1].sop_instance_uid]],)
    ]
    assert here.rows("SELECT state FROM jobs WHERE kind = 'commit'") == [("waiting",)]
