"""The reading worklist for the web: data sets in the DICOM JSON model (PS3.18 Chapter 11)."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any

from pydicom.dataset import Dataset

from dicom_node.silence import quiet
from dicom_node.web_query import includes_all, query_of
from dicom_node.worklist import StepStatus
from domain.dicomweb import StepReply

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dicom_node.worklist import ReadingWorklist
    from domain.dicomweb import DicomJson, Page

_SHOWN = (
    "SOPClassUID",
    "SOPInstanceUID",
    "PatientName",
    "PatientID",
    "PatientBirthDate",
    "PatientSex",
    "StudyInstanceUID",
    "ReferencedRequestSequence",
    "ProcedureStepState",
    "ScheduledProcedureStepPriority",
    "ScheduledProcedureStepStartDateTime",
    "ScheduledProcedureStepModificationDateTime",
    "ScheduledWorkitemCodeSequence",
    "CommentsOnTheScheduledProcedureStep",
    "InputReadinessState",
    "InputInformationSequence",
    "ProcedureStepLabel",
    "WorklistLabel",
)
"""Attributes that are returned beside those that a query names."""


class WebWorklist:
    """Implements `domain.dicomweb.StepDesk`."""

    def __init__(self, worklist: ReadingWorklist) -> None:
        self._worklist = worklist

    def find(self, parameters: Sequence[tuple[str, str]], page: Page) -> list[DicomJson]:
        """Return steps that meet a query, the most urgent first."""
        query = query_of(parameters)
        for keyword in _SHOWN:
            if keyword not in query:
                setattr(query, keyword, [] if keyword.endswith("Sequence") else "")
        with quiet():
            found = islice(self._worklist.find(query), page.offset, page.offset + page.limit)
            if includes_all(parameters):
                steps = (self._worklist.get(step.SOPInstanceUID) for step in found)
                return [step.to_json_dict() for step in steps if step is not None]
            return [step.to_json_dict() for step in found]

    def get(self, uid: str) -> DicomJson | None:
        """Return a step with all its attributes; None where there is none."""
        step = self._worklist.get(uid)
        return None if step is None else step.to_json_dict()

    def change_state(self, uid: str, wanted: Mapping[str, Any], *, performer: str) -> StepReply:
        """Claim a step, or complete or cancel it."""
        information = _read(wanted)
        if information is None:
            return _reply(StepStatus.INVALID_ARGUMENT_VALUE)
        status = self._worklist.change_state(
            uid,
            state=str(information.get("ProcedureStepState") or ""),
            transaction_uid=str(information.get("TransactionUID") or ""),
            performer=performer,
        )
        return _reply(status)

    def modify(self, uid: str, modifications: Mapping[str, Any], *, transaction_uid: str) -> StepReply:
        """Change a step."""
        wanted = _read(modifications)
        if wanted is None:
            return _reply(StepStatus.INVALID_ATTRIBUTE_VALUE)
        if transaction_uid:
            wanted.TransactionUID = transaction_uid
        with quiet():
            return _reply(self._worklist.modify(uid, wanted))


def _read(written: Mapping[str, Any]) -> Dataset | None:
    try:
        with quiet():
            return Dataset.from_json(dict(written))
    except Exception:  # noqa: BLE001 - foreign JSON fails in many ways; all mean that it is no data set
        return None


def _reply(status: StepStatus) -> StepReply:
    return StepReply(status=int(status), name=status.name, is_done=status.is_done)
