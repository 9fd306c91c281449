"""Twelve wrong reports: each fault is seen by a validator of others, or by our own check."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from pydicom import Dataset

from tests.reports import built, faults, items
from tests.validators import dciodvfy, dsrdump, pixelmed

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from domain.findings import Findings


def first(report: Dataset, code: str) -> Dataset:
    return next(items(report, code))


def no_verification_flag(report: Dataset) -> None:
    del report.VerificationFlag


def no_code_meaning(report: Dataset) -> None:
    del first(report, "121071").ConceptCodeSequence[0].CodeMeaning


def no_unit(report: Dataset) -> None:
    del first(report, "111012").MeasuredValueSequence[0].MeasurementUnitsCodeSequence


def site_in_another_relationship(report: Dataset) -> None:
    first(report, "363698007").RelationshipType = "INFERRED FROM"


def number_among_the_evaluations(report: Dataset) -> None:
    first(report, "C0034375").ContentSequence.append(first(report, "111012"))


def image_without_evidence(report: Dataset) -> None:
    first(report, "121112").ReferencedSOPSequence[0].ReferencedSOPInstanceUID = "2.25.404"


def long_value_in_a_short_field(report: Dataset) -> None:
    code = first(report, "121071").ConceptCodeSequence[0]
    code.CodeValue = code.LongCodeValue
    del code.LongCodeValue


def wrong_value_type(report: Dataset) -> None:
    first(report, "121071").ValueType = "TEXT"


def no_tracking_uid(report: Dataset) -> None:
    group = first(report, "125007")
    group.ContentSequence = [one for one in group.ContentSequence if one is not first(group, "112040")]


def no_template(report: Dataset) -> None:
    del report.ContentTemplateSequence


def no_procedure(report: Dataset) -> None:
    report.ContentSequence = [
        one for one in report.ContentSequence if one.ConceptNameCodeSequence[0].get("CodeValue") != "121058"
    ]


def endless_number(report: Dataset) -> None:
    first(report, "111012").MeasuredValueSequence[0].NumericValue = "1E400"


BY_OTHERS = [
    no_verification_flag,
    no_code_meaning,
    no_unit,
    site_in_another_relationship,
    number_among_the_evaluations,
    image_without_evidence,
    long_value_in_a_short_field,
    wrong_value_type,
]
BY_US = [no_tracking_uid, no_template, no_procedure, endless_number]


@pytest.fixture
def report(film: Dataset, classified: Callable[..., Findings]) -> Dataset:
    """Return a report without fault."""
    return built(classified(film), film)


@pytest.mark.peers
@pytest.mark.parametrize("spoil", BY_OTHERS)
@pytest.mark.filterwarnings("ignore::UserWarning")  # pydicom sees some of the faults too
def test_a_fault_is_seen_by_a_validator(tmp_path: Path, report: Dataset, spoil: Callable[[Dataset], None]) -> None:
    """By dciodvfy, dsrdump or pixelmed; the slow one is asked last."""
    spoil(report)
    path = tmp_path / "wrong.dcm"
    report.save_as(path, enforce_file_format=True)
    assert dciodvfy(path) or dsrdump(path) or pixelmed(path)


@pytest.mark.parametrize("spoil", BY_US)
@pytest.mark.filterwarnings("ignore::UserWarning")  # the same
def test_a_fault_is_seen_by_our_own_check(report: Dataset, spoil: Callable[[Dataset], None]) -> None:
    """What they all let pass."""
    assert faults(report) == []
    spoil(report)
    assert len(faults(report)) == 1
