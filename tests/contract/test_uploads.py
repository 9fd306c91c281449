"""What people uploaded, in the real database."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import IntegrityError

from db.accounts import PostgresAccounts
from db.engine import transaction
from db.intake import PostgresIntake
from db.queue import PostgresQueue
from db.studies import PostgresStudies
from db.uploads import PostgresUploads
from domain.accounts import Role
from domain.findings import Findings, Label, Probabilities, Verdict
from domain.ids import AccountId, StudyId, UploadId
from domain.jobs import Job, ReasonClass
from domain.uploads import NewUpload, Upload, UploadKind, UploadState
from tests.fakes import MODEL, examined, received

NOW = timedelta(0)
POSITIVE = Probabilities(covid19=0.05, normal=0.05, pneumonia=0.9)


@dataclass
class Uploading:
    """Accounts that upload, and a worker."""

    engine: Engine

    def account(self, login: str = "carl") -> AccountId:
        made = PostgresAccounts(self.engine).create(login=login, name=login, role=Role.CLINICIAN, password_hash=None)
        return made.id

    @property
    def ledger(self) -> PostgresUploads:
        return PostgresUploads(self.engine)

    def upload(self, account: AccountId, study: int, kind: UploadKind = UploadKind.JPEG) -> UploadId:
        intake = PostgresIntake(self.engine, quiet=NOW, max_attempts=3)
        study_id = intake.record(received(study, study=study)).study_id
        intake.close()
        new = NewUpload(account=account, study_id=study_id, kind=kind, size_bytes=1234, is_to_read=False)
        return self.ledger.add(new)

    def find(self, upload: UploadId) -> Upload:
        found = self.ledger.find(upload)
        assert found is not None
        return found

    def claim(self) -> Job:
        (job,) = PostgresQueue(self.engine).claim("classify", worker="host:1", lease=timedelta(seconds=30))
        return job

    def classify(self, job: Job) -> None:
        studies = PostgresStudies(self.engine, routes=[])
        films = studies.films([StudyId(job.subject_id)])[StudyId(job.subject_id)]
        found = Findings(model=MODEL, films=films, analysed=films[0], probabilities=POSITIVE)
        studies.settle_classified([(job, examined(found))])


@pytest.fixture
def uploading(engine: Engine) -> Uploading:
    """Nothing was uploaded yet."""
    return Uploading(engine)


def test_an_upload_waits_runs_and_is_done(uploading: Uploading) -> None:
    """Its result is that of its study."""
    upload = uploading.upload(uploading.account(), 1)
    assert (uploading.find(upload).state, uploading.find(upload).verdict) == (UploadState.WAITING, None)
    assert uploading.ledger.result_of(uploading.find(upload)) is None
    job = uploading.claim()
    assert uploading.find(upload).state is UploadState.RUNNING
    uploading.classify(job)
    done = uploading.find(upload)
    assert (done.state, done.verdict, done.label) == (UploadState.DONE, Verdict.POSITIVE, Label.PNEUMONIA)
    result = uploading.ledger.result_of(done)
    assert result is not None
    assert result.findings.probabilities == POSITIVE


def test_an_upload_whose_job_is_held_is_stuck(uploading: Uploading) -> None:
    """It does not wait for ever."""
    upload = uploading.upload(uploading.account(), 1)
    job = uploading.claim()
    PostgresQueue(uploading.engine).hold(job, reason="it crashed", reason_class=ReasonClass.CRASHED)
    assert uploading.find(upload).state is UploadState.STUCK
    assert not uploading.find(upload).state.is_open


def test_everybody_has_a_history_of_ones_own(uploading: Uploading) -> None:
    """The last one first, and no more than asked for."""
    carl, dora = uploading.account("carl"), uploading.account("dora")
    mine = [uploading.upload(carl, study) for study in (1, 2, 3)]
    hers = uploading.upload(dora, 4, UploadKind.DICOM)
    assert [one.id for one in uploading.ledger.last_of(carl, at_most=2)] == [mine[2], mine[1]]
    (found,) = uploading.ledger.last_of(dora, at_most=50)
    assert (found.id, found.kind, found.size_bytes, found.study_uid) == (hers, UploadKind.DICOM, 1234, "2.25.4")


@pytest.mark.parametrize("number", [0, -1, 7, 2**63, 10**30])
def test_there_is_no_upload_under_a_number_of_none(uploading: Uploading, number: int) -> None:
    """Whatever an address may name."""
    assert uploading.ledger.find(UploadId(number)) is None


def test_an_upload_goes_with_its_study(uploading: Uploading) -> None:
    """When that is deleted."""
    upload = uploading.upload(uploading.account(), 1)
    with transaction(uploading.engine) as connection:
        connection.execute(text("DELETE FROM instances; DELETE FROM series; DELETE FROM studies"))
    assert uploading.ledger.find(upload) is None


def test_the_table_holds_no_empty_files(uploading: Uploading) -> None:
    """And no kinds that there are not."""
    uploading.upload(uploading.account(), 1)
    for change in ("size_bytes = 0", "kind = 'GIF'"):
        with pytest.raises(IntegrityError), uploading.engine.begin() as connection:
            connection.execute(text(f"UPDATE uploads SET {change}"))


def test_no_column_can_hold_the_name_of_a_file(engine: Engine) -> None:
    """It may be a patient's."""
    query = text("SELECT column_name FROM information_schema.columns WHERE table_name = 'uploads'")
    with engine.connect() as connection:
        columns = set(connection.execute(query).scalars())
    assert columns == {"id", "account_id", "study_id", "uploaded_at", "kind", "size_bytes", "is_to_read"}
