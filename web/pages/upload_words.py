"""What the pages of uploads say of an upload, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from domain.findings import Label, Verdict
from domain.uploads import UploadState

if TYPE_CHECKING:
    from domain.uploads import Upload

_NAMES: Final = {Label.COVID19: "COVID-19", Label.NORMAL: "normal", Label.PNEUMONIA: "pneumonia"}
_VERDICTS: Final = {
    Verdict.UNDETERMINED: "Undetermined",
    Verdict.COULD_NOT_PROCESS: "Not classified",
}
STATES: Final = {
    UploadState.WAITING: "waiting",
    UploadState.RUNNING: "running",
    UploadState.DONE: "done",
    UploadState.STUCK: "held: ask an operator",
}


def row_of(upload: Upload) -> dict[str, Any]:
    """Return an upload for a script, as JSON can hold it."""
    return {
        "id": upload.id,
        "at": upload.at.isoformat(),
        "kind": upload.kind,
        "size_bytes": upload.size_bytes,
        "is_to_read": upload.is_to_read,
        "state": upload.state,
        "state_text": STATES[upload.state],
        "is_open": upload.state.is_open,
        "verdict": upload.verdict or "",
        "result": result_of(upload),
    }


def result_of(upload: Upload) -> str:
    """Return an upload's result in a few words; empty where there is none yet."""
    if upload.verdict is None:
        return ""
    if upload.label is None:
        return _VERDICTS.get(upload.verdict, "")
    return f"{'Positive' if upload.verdict is Verdict.POSITIVE else 'Negative'}: {_NAMES[upload.label]}"
