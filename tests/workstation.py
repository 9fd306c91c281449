"""A reading workstation that asks the node for its worklist, and claims what it reads."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from pydicom import Dataset
from pydicom.uid import generate_uid
from pynetdicom import AE
from pynetdicom.association import Association
from pynetdicom.sop_class import UnifiedProcedureStepPull, UnifiedProcedureStepPush


def code(value: str, meaning: str, scheme: str = "DCM") -> Dataset:
    """Return an item of a code sequence."""
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, scheme, meaning
    return item


def performed() -> Dataset:
    """Return what a workstation writes into a step that it has done."""
    modifications, step = Dataset(), Dataset()
    step.PerformedProcedureStepStartDateTime = "20261127101500"
    step.PerformedProcedureStepEndDateTime = "20261127101800"
    step.PerformedStationNameCodeSequence = [code("READ1", "Reading room 1", "99HOSPITAL")]
    step.PerformedWorkitemCodeSequence = [code("110005", "Interpretation")]
    step.OutputInformationSequence = []
    modifications.UnifiedProcedureStepPerformedProcedureSequence = [step]
    return modifications


@dataclass
class Workstation:
    """One association."""

    association: Association

    def find(self, **keys: Any) -> list[Dataset]:  # noqa: ANN401 - by VR
        """C-FIND and return what was found."""
        query = Dataset()
        query.SOPInstanceUID, query.StudyInstanceUID, query.ProcedureStepState = "", "", ""
        query.PatientName, query.ScheduledProcedureStepPriority = "", ""
        for keyword, value in keys.items():
            setattr(query, keyword, value)
        answers = list(self.association.send_c_find(query, UnifiedProcedureStepPull))
        assert answers[-1][0].Status == 0
        return [found for status, found in answers if status.Status == 0xFF00]

    def get(self, uid: str, *tags: int) -> Dataset:
        """N-GET a step."""
        status, step = self.association.send_n_get(
            list(tags), UnifiedProcedureStepPush, uid, meta_uid=UnifiedProcedureStepPull
        )
        assert status.Status == 0
        return step

    def act(self, uid: str, state: str, transaction: str = "2.25.1", *, action: int = 1) -> int:
        """N-ACTION and return the status."""
        information = Dataset()
        information.ProcedureStepState, information.TransactionUID = state, transaction
        status, _ = self.association.send_n_action(
            information, action, UnifiedProcedureStepPush, uid, meta_uid=UnifiedProcedureStepPull
        )
        return int(status.Status)

    def set(self, uid: str, modifications: Dataset, transaction: str = "") -> int:
        """N-SET and return the status."""
        if transaction:
            modifications.TransactionUID = transaction
        status, _ = self.association.send_n_set(
            modifications, UnifiedProcedureStepPush, uid, meta_uid=UnifiedProcedureStepPull
        )
        return int(status.Status)


@contextmanager
def workstation(port: int, *, calling: str = "READER") -> Iterator[Workstation]:
    """Open an association with the node for its worklist."""
    entity = AE(ae_title=calling)
    entity.add_requested_context(UnifiedProcedureStepPull)
    association = entity.associate("127.0.0.1", port, ae_title="HILUM")
    assert association.is_established
    try:
        yield Workstation(association)
    finally:
        association.release()


def new_transaction() -> str:
    """Return what a workstation proves itself with."""
    return str(generate_uid())
