"""What people uploaded, as it stands: the file's row, the job of its study, and the study's last result."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import text

from db.engine import transaction
from db.outbox import dispatch_of
from db.verdicts import VERDICT
from domain.delivery import ResultObject
from domain.findings import Label, Verdict
from domain.ids import AccountId, StudyId, StudyUid, UploadId
from domain.jobs import JobKind, JobState
from domain.uploads import Upload, UploadKind, UploadState

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy import Engine, Row

    from domain.delivery import Dispatch
    from domain.uploads import NewUpload

_ADD = text("""
INSERT INTO uploads (account_id, study_id, kind, size_bytes, is_to_read)
VALUES (:account, :study_id, :kind, :size_bytes, :is_to_read) RETURNING id
""")
_UPLOADS = f"""
SELECT u.id, u.account_id, u.uploaded_at, u.kind, u.size_bytes, u.is_to_read, u.study_id, s.study_instance_uid,
    found.verdict, found.label, job.state
FROM uploads AS u JOIN studies AS s ON s.id = u.study_id
LEFT JOIN LATERAL (
    SELECT {VERDICT} AS verdict, label FROM findings WHERE findings.study_id = u.study_id
    ORDER BY findings.id DESC LIMIT 1
) AS found ON true
LEFT JOIN LATERAL (
    SELECT jobs.state FROM jobs WHERE kind = '{JobKind.CLASSIFY}' AND subject_id = u.study_id
    ORDER BY jobs.id DESC LIMIT 1
) AS job ON true
"""  # noqa: S608 - constants
_LAST = text(f"{_UPLOADS} WHERE u.account_id = :account ORDER BY u.id DESC LIMIT :at_most")
_ONE = text(f"{_UPLOADS} WHERE u.id = :id")
_LAST_FINDINGS = text("SELECT max(id) FROM findings WHERE study_id = :study_id")
_STATES: Mapping[str | None, UploadState] = {
    JobState.WAITING: UploadState.WAITING,
    JobState.LEASED: UploadState.RUNNING,
}
_LARGEST_ID = 2**63 - 1


class PostgresUploads:
    """Implements `domain.uploads.Uploads`."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def add(self, upload: NewUpload) -> UploadId:
        """Record that a file was taken."""
        values = {
            "account": upload.account,
            "study_id": upload.study_id,
            "kind": upload.kind,
            "size_bytes": upload.size_bytes,
            "is_to_read": upload.is_to_read,
        }
        with transaction(self._engine) as connection:
            return UploadId(connection.execute(_ADD, values).scalar_one())

    def last_of(self, account: AccountId, *, at_most: int) -> list[Upload]:
        """Return somebody's own uploads, the last one first."""
        with transaction(self._engine) as connection:
            return [_upload(row) for row in connection.execute(_LAST, {"account": account, "at_most": at_most})]

    def find(self, upload_id: UploadId) -> Upload | None:
        """Return an upload; None where there is none."""
        if not 0 < upload_id <= _LARGEST_ID:
            return None
        with transaction(self._engine) as connection:
            row = connection.execute(_ONE, {"id": upload_id}).one_or_none()
        return None if row is None else _upload(row)

    def result_of(self, upload: Upload) -> Dispatch | None:
        """Return the last result of an upload's study; None where there is none yet."""
        with transaction(self._engine) as connection:
            findings_id = connection.execute(_LAST_FINDINGS, {"study_id": upload.study_id}).scalar_one()
            if findings_id is None:
                return None
            return dispatch_of(connection, findings_id, peer="", told_as=ResultObject.REPORT)


def _upload(row: Row[*tuple[Any, ...]]) -> Upload:
    return Upload(
        id=UploadId(row.id),
        account=AccountId(row.account_id),
        at=row.uploaded_at,
        kind=UploadKind(row.kind),
        size_bytes=row.size_bytes,
        is_to_read=row.is_to_read,
        study_id=StudyId(row.study_id),
        study_uid=StudyUid(row.study_instance_uid),
        state=_state(row),
        verdict=None if row.verdict is None else Verdict(row.verdict),
        label=None if row.label is None else Label(row.label),
    )


def _state(row: Row[*tuple[Any, ...]]) -> UploadState:
    """Tell how far it is by the study's job; where that is over, by whether there is a result."""
    if row.state in _STATES:
        return _STATES[row.state]
    if row.verdict is not None:
        return UploadState.DONE
    return UploadState.STUCK if row.state in {JobState.HELD, JobState.CANCELLED} else UploadState.WAITING
