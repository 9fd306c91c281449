"""Coded concepts in which results are told, whatever the language they are told in; each with where it comes from."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from domain.findings import TARGETS, Findings, Label, Outcome, Presence

if TYPE_CHECKING:
    from collections.abc import Mapping


class Concept(NamedTuple):
    """A code, its coding scheme (PS3.16 Chapter 8), and its meaning in English."""

    value: str
    scheme: str
    meaning: str


FINDING = Concept("121071", "DCM", "Finding")
"""PS3.16 TID 1501 row 3."""
TARGET_FINDING: Mapping[Label, Concept] = {
    Label.COVID19: Concept("882784691000119100", "SCT", "Pneumonia caused by SARS-CoV-2"),
    Label.PNEUMONIA: Concept("233604007", "SCT", "Pneumonia"),
}
"""SNOMED CT; in no DICOM context group."""

PRESENCE = Concept("705057003", "SCT", "Presence")
"""SNOMED CT; name of the answer that CID 240 lists."""
PRESENCE_VALUE: Mapping[Presence, Concept] = {
    # PS3.16 CID 240.
    Presence.PRESENT: Concept("52101004", "SCT", "Present"),
    Presence.ABSENT: Concept("272519000", "SCT", "Absent"),
    Presence.UNDETERMINED: Concept("373068000", "SCT", "Undetermined"),
}

CERTAINTY = Concept("111012", "DCM", "Certainty of Finding")
"""PS3.16 Annex D; 0 to 100."""
PERCENT = Concept("%", "UCUM", "Percent")

STUDY = Concept("113014", "DCM", "DICOM Study")
"""PS3.16 Annex D; names a Study Instance UID."""
COMMENT = Concept("121106", "DCM", "Comment")

RUN_STATUS = Concept("111017", "DCM", "CAD Processing and Findings Summary")
"""PS3.16 TID 4000; its values are CID 6047."""
RUN_OK_WITHOUT_FINDINGS = Concept("111241", "DCM", "All algorithms succeeded; without findings")
RUN_OK_WITH_FINDINGS = Concept("111242", "DCM", "All algorithms succeeded; with findings")
RUN_INCOMPLETE = Concept("111243", "DCM", "Not all algorithms succeeded; without findings")
RUN_FAILED = Concept("111245", "DCM", "No algorithms succeeded; without findings")

_RUN_STATUS = {Outcome.UNDETERMINED: RUN_INCOMPLETE, Outcome.COULD_NOT_PROCESS: RUN_FAILED}


def run_status(findings: Findings) -> Concept:
    """Return how the run of the network ended (PS3.16 CID 6047)."""
    present = any(findings.presence(target) is Presence.PRESENT for target in TARGETS)
    return _RUN_STATUS.get(findings.outcome, RUN_OK_WITH_FINDINGS if present else RUN_OK_WITHOUT_FINDINGS)
