"""Queries that stand in an address."""

from __future__ import annotations

import pytest

from dicom_node.web_query import includes_all, query_of
from domain.dicomweb import BadQuery


def test_names_tags_and_sequences_are_keys() -> None:
    """Each way that the standard has."""
    query = query_of(
        [
            ("PatientID", "P1"),
            ("00080050", "A1"),
            ("ReferencedRequestSequence.AccessionNumber", "A2"),
            ("0040A370.0020000D", "1.2.3"),
            ("StudyInstanceUID", "1.2,1.3"),
            ("includefield", "PatientName,StudyDate"),
            ("limit", "5"),
            ("fuzzymatching", "true"),
        ]
    )
    (request,) = query.ReferencedRequestSequence
    assert (query.PatientID, query.AccessionNumber, request.AccessionNumber) == ("P1", "A1", "A2")
    assert (request.StudyInstanceUID, list(query.StudyInstanceUID)) == ("1.2.3", ["1.2", "1.3"])
    assert "PatientName" in query
    assert len(query) == 6


@pytest.mark.parametrize(
    "name",
    [
        "NoSuchAttribute",
        "0008",
        "FFFFFFFF",
        "PatientID.AccessionNumber",
        "ReferencedRequestSequence",
        "includefield",
        "",
    ],
)
def test_what_there_is_not_is_refused(name: str) -> None:
    """An attribute, one within something that is no sequence, a sequence with a value."""
    with pytest.raises(BadQuery):
        query_of([(name, "no such thing")])


def test_a_value_without_end_is_refused() -> None:
    """It would be matched against every study."""
    with pytest.raises(BadQuery, match="too long"):
        query_of([("PatientName", "x" * 2000)])


def test_everything_can_be_asked_for() -> None:
    """By a word, in capitals or not."""
    assert [includes_all([("includefield", word)]) for word in ("all", "ALL", "PatientID")] == [True, True, False]
