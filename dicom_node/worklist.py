"""The reading worklist as a provider of unified procedure steps (PS3.4 Annex CC), whatever the transport."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final

from dicom_node.matching import matches, returned, single_value
from dicom_node.procedure_steps import is_completable, step_of
from domain.status import Status
from domain.worklist import Answer, Changes, StepPriority, StepState, WorklistQuery

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydicom.dataset import Dataset

    from domain.worklist import Workitem
    from domain.worklist_ports import Worklist

_UID = re.compile(r"[0-9.]{1,64}")
_NOT_STORABLE = re.compile(r"\\u(0000|d[89a-f])")
"""What a database can't hold as text: NUL, and halves of characters; as JSON escapes them."""
_LONGEST_CHANGES_BYTES: Final = 256 * 1024
WRITABLE: Final = frozenset(
    {
        "CommentsOnTheScheduledProcedureStep",
        "ExpectedCompletionDateTime",
        "ProcedureStepLabel",
        "ProcedureStepProgressInformationSequence",
        "ScheduledHumanPerformersSequence",
        "ScheduledProcessingParametersSequence",
        "ScheduledStationClassCodeSequence",
        "ScheduledStationGeographicLocationCodeSequence",
        "ScheduledStationNameCodeSequence",
        "UnifiedProcedureStepPerformedProcedureSequence",
        "WorklistLabel",
    }
)
"""What others may write beside the priority; the rest is the films', or ours."""
_HANDLED: Final = frozenset({"ScheduledProcedureStepPriority", "SpecificCharacterSet", "TransactionUID"})


class StepStatus(Status):
    """Status of the services on procedure steps (PS3.4 Tables CC.2.1-2, CC.2.6-1, CC.2.7-1)."""

    SUCCESS = 0x0000, "What was asked for is done."
    OPTIONAL_ATTRIBUTES_NOT_SUPPORTED = 0x0001, "N-SET of what is ours or the films'; the rest was written."
    INVALID_ATTRIBUTE_VALUE = 0x0106, "N-SET of a priority there is not, of a state, or of a value that can't be read."
    INVALID_ARGUMENT_VALUE = 0x0115, "N-ACTION with a state there is not, or that can't be read."
    NO_SUCH_ACTION = 0x0123, "Another action type than 1."
    RESOURCE_LIMITATION = 0x0213, "The database is away, or more is written than an item holds."
    ALREADY_CANCELED = 0xB304, "The item is CANCELED, as asked."
    COERCED = 0xB305, "The priority would have been less urgent than is suggested: it is as suggested."
    ALREADY_COMPLETED = 0xB306, "The item is COMPLETED, as asked."
    MAY_NO_LONGER_BE_UPDATED = 0xC300, "The item is COMPLETED or CANCELED."
    TRANSACTION_UID_MISSING = 0xC301, "There is no Transaction UID, or not the one that the item was claimed with."
    ALREADY_IN_PROGRESS = 0xC302, "Somebody has claimed the item."
    ONLY_SCHEDULED_BY_CREATION = 0xC303, "Nothing returns to SCHEDULED."
    FINAL_STATE_REQUIREMENTS_NOT_MET = (
        0xC304,
        "COMPLETED without a performed procedure that has start, end, station and code.",
    )
    DOES_NOT_EXIST = 0xC307, "There is no such item."
    NOT_YET_IN_PROGRESS = 0xC310, "The item must be claimed before it is ended."

    @property
    def is_done(self) -> bool:
        """Whether what was asked for holds now: success, or a warning."""
        return self < StepStatus.INVALID_ATTRIBUTE_VALUE or self >> 12 == 0xB  # noqa: PLR2004 - PS3.7 C.3


_STATUS_OF: Final = {
    Answer.DONE: StepStatus.SUCCESS,
    Answer.NOT_LOWERED: StepStatus.COERCED,
    Answer.UNKNOWN: StepStatus.DOES_NOT_EXIST,
    Answer.IN_PROGRESS: StepStatus.ALREADY_IN_PROGRESS,
    Answer.WRONG_TRANSACTION: StepStatus.TRANSACTION_UID_MISSING,
    Answer.NOT_IN_PROGRESS: StepStatus.NOT_YET_IN_PROGRESS,
    Answer.FINAL: StepStatus.MAY_NO_LONGER_BE_UPDATED,
    Answer.IS_COMPLETED: StepStatus.ALREADY_COMPLETED,
    Answer.IS_CANCELED: StepStatus.ALREADY_CANCELED,
}


class ReadingWorklist:
    """Finds, shows, claims, changes and ends items; each method raises `Transient` while the database is away."""

    def __init__(self, worklist: Worklist, *, label: str, retrieve_from: str = "") -> None:
        """Provide a worklist.

        Args:
            worklist: the items.
            label: Worklist Label (0074,1202).
            retrieve_from: AE title that films can be retrieved from; empty: of whoever sent them.
        """
        self._worklist = worklist
        self._label = label
        self._retrieve_from = retrieve_from

    def find(self, query: Dataset) -> Iterator[Dataset]:
        """Yield the attributes that a query names of each step that meets it, the most urgent first."""
        for item in self._worklist.search(_narrowed(query)):
            step = self._step(item)
            if matches(step, query):
                yield returned(step, query)

    def get(self, uid: str) -> Dataset | None:
        """Return a step with all its attributes; None where there is none."""
        item = next(self._worklist.search(WorklistQuery(uid=uid)), None) if _UID.fullmatch(uid) else None
        return None if item is None else self._step(item)

    def change_state(self, uid: str, *, state: str, transaction_uid: str, performer: str) -> StepStatus:
        """Claim a step, or complete or cancel it (PS3.4 CC.2.1).

        Args:
            uid: SOP Instance UID.
            state: the new Procedure Step State (0074,1000).
            transaction_uid: Transaction UID (0008,1195), which proves who claimed it.
            performer: AE title of the caller, or its name in the settings.
        """
        if not _UID.fullmatch(transaction_uid):
            return StepStatus.TRANSACTION_UID_MISSING
        if state not in set(StepState):
            return StepStatus.INVALID_ARGUMENT_VALUE
        wanted = StepState(state)
        if wanted is StepState.SCHEDULED:
            return StepStatus.ONLY_SCHEDULED_BY_CREATION
        if wanted is StepState.IN_PROGRESS:
            answer = self._worklist.claim(uid, transaction_uid=transaction_uid, performer=performer)
            return _STATUS_OF[answer]
        step = self.get(uid) if wanted is StepState.COMPLETED else None
        if step is not None and step.ProcedureStepState == StepState.IN_PROGRESS and not is_completable(step):
            proven = self._worklist.change(uid, Changes(), transaction_uid=transaction_uid)
            return StepStatus.FINAL_STATE_REQUIREMENTS_NOT_MET if proven is Answer.DONE else _STATUS_OF[proven]
        return _STATUS_OF[self._worklist.end(uid, transaction_uid=transaction_uid, state=wanted)]

    def modify(self, uid: str, modifications: Dataset) -> StepStatus:
        """Change a step (PS3.4 CC.2.6); its Transaction UID is among the modifications once it is claimed."""
        priority = str(modifications.get("ScheduledProcedureStepPriority") or "")
        if "ScheduledProcedureStepPriority" in modifications and priority not in StepPriority.__members__:
            return StepStatus.INVALID_ATTRIBUTE_VALUE
        if "ProcedureStepState" in modifications:
            return StepStatus.INVALID_ATTRIBUTE_VALUE
        named = {element.keyword for element in modifications}
        try:
            attributes = _written(modifications)
        except Exception:  # noqa: BLE001 - foreign values fail in many ways; all mean the same to whoever wrote them
            return StepStatus.INVALID_ATTRIBUTE_VALUE
        if len(json.dumps(attributes)) > _LONGEST_CHANGES_BYTES:
            return StepStatus.RESOURCE_LIMITATION
        changes = Changes(priority=StepPriority[priority] if priority else None, attributes=attributes)
        transaction_uid = str(modifications.get("TransactionUID") or "")
        status = _STATUS_OF[self._worklist.change(uid, changes, transaction_uid=transaction_uid)]
        if status is StepStatus.SUCCESS and named - WRITABLE - _HANDLED:
            return StepStatus.OPTIONAL_ATTRIBUTES_NOT_SUPPORTED
        return status

    def _step(self, item: Workitem) -> Dataset:
        return step_of(item, worklist_label=self._label, retrieve_from=self._retrieve_from)


def _written(modifications: Dataset) -> dict[str, Any]:
    """Return what may be written, in the DICOM JSON model.

    Raises:
        ValueError: a text holds what no database does.
    """
    whole: dict[str, Any] = modifications.to_json_dict()
    written = {f"{one.tag:08X}": whole[f"{one.tag:08X}"] for one in modifications if _is_writable(one)}
    if _NOT_STORABLE.search(json.dumps(written)):
        raise ValueError("a text holds NUL or half a character")
    return written


def _is_writable(element: Any) -> bool:  # noqa: ANN401 - a DataElement
    return element.keyword in WRITABLE


def _narrowed(query: Dataset) -> WorklistQuery:
    """Return what the database can look for by itself; `matches` looks at all of the query afterwards."""
    requests = query.get("ReferencedRequestSequence") or []
    return WorklistQuery(
        uid=single_value(query, "SOPInstanceUID"),
        study_uid=single_value(query, "StudyInstanceUID"),
        states=[StepState(text) for text in [single_value(query, "ProcedureStepState")] if text in set(StepState)],
        priorities=[
            StepPriority[text]
            for text in [single_value(query, "ScheduledProcedureStepPriority")]
            if text in StepPriority.__members__
        ],
        accession_number=single_value(requests[0], "AccessionNumber") if requests else "",
        patient_id=single_value(query, "PatientID"),
    )
