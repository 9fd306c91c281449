"""Keys of queries, and what they match."""

from __future__ import annotations

from typing import Any

import pytest
from pydicom import Dataset

from dicom_node.matching import matches, returned


def dataset(**attributes: Any) -> Dataset:  # noqa: ANN401 - by VR
    """Return a data set of these attributes."""
    made = Dataset()
    for keyword, value in attributes.items():
        setattr(made, keyword, value)
    return made


STEP = dataset(
    PatientName="Müller^Änne=ミュラー",
    PatientID="A[1]",
    StudyInstanceUID="1.2.3",
    StudyDate="20261127",
    ScheduledProcedureStepStartDateTime="20261127101500.000000+0000",
    ReferencedRequestSequence=[dataset(AccessionNumber="X1"), dataset(AccessionNumber="X2", StudyInstanceUID="1.2.3")],
)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        (dataset(), True),
        (dataset(PatientName="", StudyDate=""), True),
        (dataset(PatientName="müller*"), True),
        (dataset(PatientName="ミュ*"), True),
        (dataset(PatientName="M?ller^Änne"), True),
        (dataset(PatientName="Maier*"), False),
        (dataset(PatientID="A[1]"), True),
        (dataset(PatientID="A1"), False),
        (dataset(StudyInstanceUID=["1.2", "1.2.3"]), True),
        (dataset(StudyInstanceUID="1.2"), False),
        (dataset(StudyDate="20261127"), True),
        (dataset(StudyDate="20261101-20261130"), True),
        (dataset(StudyDate="20261128-"), False),
        (dataset(StudyDate="-20261127"), True),
        (dataset(ScheduledProcedureStepStartDateTime="20261127-20261127"), True),
        (dataset(ScheduledProcedureStepStartDateTime="202611271016-"), False),
        (dataset(ScheduledProcedureStepStartDateTime="20261127101500.000000+0000"), True),
        (dataset(ReferencedRequestSequence=[]), True),
        (dataset(ReferencedRequestSequence=[dataset(AccessionNumber="")]), True),
        (dataset(ReferencedRequestSequence=[dataset(AccessionNumber="X2")]), True),
        (dataset(ReferencedRequestSequence=[dataset(AccessionNumber="X1", StudyInstanceUID="1.2.3")]), False),
        (dataset(AccessionNumber="X1"), False),
        (dataset(AccessionNumber="*"), True),
        (dataset(SpecificCharacterSet="ISO_IR 100"), True),
    ],
)
def test_a_key_matches_what_it_says(query: Dataset, expected: bool) -> None:  # noqa: FBT001 - a parameter
    """Wildcards, ranges, lists, items of sequences; a key without a value is met by all."""
    assert matches(STEP, query) is expected


def test_what_was_asked_for_is_returned() -> None:
    """And no more; what is not there is empty."""
    answer = returned(STEP, dataset(PatientID="", AccessionNumber="", ReferencedRequestSequence=[]))
    assert {element.keyword for element in answer} == {"PatientID", "AccessionNumber", "ReferencedRequestSequence"}
    assert not answer.AccessionNumber
    assert len(answer.ReferencedRequestSequence) == 2
