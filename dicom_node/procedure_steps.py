"""Items of the reading worklist as unified procedure steps (PS3.3 B.26.2; PS3.4 Table CC.2.5-3)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pydicom.dataset import Dataset

from domain.findings import DISCLAIMER, Verdict
from domain.worklist import StepState

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime
    from typing import Any

    from domain.worklist import InputSeries, Workitem

UPS_PUSH: Final = "1.2.840.10008.5.1.4.34.6.1"
"""SOP class of every step, whichever service is asked for it (PS3.4 CC.3.1)."""
LABEL: Final = "Read chest X-ray"

_INTERPRETATION = ("110005", "DCM", "Interpretation")
"""PS3.16 CID 9231."""
_UNSPECIFIED = ("110513", "DCM", "Discontinued for unspecified reason")
"""PS3.16 CID 9300."""
CODES: Final = (_INTERPRETATION, _UNSPECIFIED)
_SAYINGS: Mapping[Verdict | None, str] = {
    None: "Not analysed yet.",
    Verdict.POSITIVE: "Analysed: a finding is suggested.",
    Verdict.NEGATIVE: "Analysed: no finding of those looked for is suggested.",
    Verdict.UNDETERMINED: "Analysed: undetermined.",
    Verdict.COULD_NOT_PROCESS: "Could not be analysed.",
}


def step_of(item: Workitem, *, worklist_label: str, retrieve_from: str = "") -> Dataset:
    """Return an item as a procedure step, with what its performers wrote into it.

    Args:
        item: The item.
        worklist_label: Worklist Label (0074,1202).
        retrieve_from: AE title that the films can be retrieved from; empty: of whoever sent them.
    """
    step = Dataset()
    step.SpecificCharacterSet = "ISO_IR 192"
    step.SOPClassUID, step.SOPInstanceUID = UPS_PUSH, item.uid
    _describe(step, item, worklist_label)
    _name_patient(step, item)
    step.InputReadinessState = "READY" if item.is_ready else "INCOMPLETE"
    step.InputInformationSequence = [_input(item, series, retrieve_from) for series in item.inputs]
    step.update(Dataset.from_json(dict(item.changes)))
    step.ProcedureStepState = item.state.value
    _tell_end(step, item)
    return step


def _describe(step: Dataset, item: Workitem, worklist_label: str) -> None:
    step.ScheduledProcedureStepPriority = item.priority.name
    step.ScheduledProcedureStepModificationDateTime = _moment(item.modified_at)
    step.ScheduledProcedureStepStartDateTime = _moment(item.created_at)
    step.ScheduledProcedureStepExpirationDateTime = _moment(item.expires_at)
    step.ProcedureStepLabel = LABEL
    step.WorklistLabel = worklist_label
    step.ScheduledWorkitemCodeSequence = [_code(*_INTERPRETATION)]
    step.CommentsOnTheScheduledProcedureStep = f"{_SAYINGS[item.verdict]} {DISCLAIMER}"
    for keyword in (
        "ScheduledProcessingParametersSequence",
        "ScheduledStationNameCodeSequence",
        "ScheduledStationClassCodeSequence",
        "ScheduledStationGeographicLocationCodeSequence",
        "ScheduledHumanPerformersSequence",
        "ProcedureStepProgressInformationSequence",
        "UnifiedProcedureStepPerformedProcedureSequence",
    ):
        setattr(step, keyword, [])


def _name_patient(step: Dataset, item: Workitem) -> None:
    identity = item.identity
    step.PatientName, step.PatientID = identity.patient_name, identity.patient_id
    step.IssuerOfPatientID = identity.issuer_of_patient_id
    step.PatientBirthDate, step.PatientSex = identity.patient_birth_date, identity.patient_sex
    step.AdmissionID = ""
    step.StudyInstanceUID = item.study_uid
    request = Dataset()
    request.StudyInstanceUID = item.study_uid
    request.AccessionNumber = identity.accession_number
    request.RequestedProcedureID = ""
    request.RequestedProcedureDescription = identity.study_description
    request.RequestedProcedureCodeSequence = []
    step.ReferencedRequestSequence = [request]


def _input(item: Workitem, series: InputSeries, retrieve_from: str) -> Dataset:
    """Return a reference to a series (PS3.3 Table 10-3b)."""
    given, retrieval = Dataset(), Dataset()
    given.TypeOfInstances = "DICOM"
    given.StudyInstanceUID, given.SeriesInstanceUID = item.study_uid, series.series_uid
    given.ReferencedSOPSequence = [_reference(*one) for one in series.instances]
    retrieval.RetrieveAETitle = retrieve_from or series.source
    given.DICOMRetrievalSequence = [retrieval]
    return given


def _reference(sop_class: str, instance: str) -> Dataset:
    reference = Dataset()
    reference.ReferencedSOPClassUID, reference.ReferencedSOPInstanceUID = sop_class, instance
    return reference


def _tell_end(step: Dataset, item: Workitem) -> None:
    """Say when and why it was cancelled, where nobody said so (PS3.4 CC.2.5.1.1)."""
    if item.state is not StepState.CANCELED or item.ended_at is None:
        return
    told: Sequence[Dataset] = step.ProcedureStepProgressInformationSequence
    progress = told[0] if told else Dataset()
    if not progress.get("ProcedureStepCancellationDateTime"):
        progress.ProcedureStepCancellationDateTime = _moment(item.ended_at)
    if not progress.get("ProcedureStepDiscontinuationReasonCodeSequence"):
        progress.ProcedureStepDiscontinuationReasonCodeSequence = [_code(*_UNSPECIFIED)]
    if item.reason and not progress.get("ReasonForCancellation"):
        progress.ReasonForCancellation = item.reason
    step.ProcedureStepProgressInformationSequence = [progress]


def _code(value: str, scheme: str, meaning: str) -> Dataset:
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, scheme, meaning
    return item


def _moment(at: datetime) -> str:
    """Return a date and time with its zone, of VR DT (PS3.5 6.2)."""
    return at.strftime("%Y%m%d%H%M%S.%f%z")


def is_completable(step: Dataset) -> bool:
    """Whether a step says what a completed one must (PS3.4 Table CC.2.5-3, final state requirements).

    Of what was performed: when it began and ended, what it was, and where.
    """
    performed: Any = step.get("UnifiedProcedureStepPerformedProcedureSequence") or []
    needed = (
        "PerformedProcedureStepStartDateTime",
        "PerformedProcedureStepEndDateTime",
        "PerformedWorkitemCodeSequence",
        "PerformedStationNameCodeSequence",
    )
    return bool(performed) and all(one.get(keyword) for one in performed for keyword in needed)
