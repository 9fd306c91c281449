"""The structured report: what it says, and that the tools of others can read it."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.uid import CTImageStorage

from dicom_node.identity import ReportSettings, report_uid_for, uid_for
from dicom_node.report import build_report
from dicom_node.wrap import wrap_film
from domain.film import Unsuitable
from domain.findings import DISCLAIMER, Label
from tests.reports import CLASSES, CREATED, built, coded, encoded, faults, items, texts, written
from tests.validators import dciodvfy, dsrdump, pixelmed

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from domain.findings import Findings


@pytest.fixture
def lateral() -> Dataset:
    """Return the other film of the study."""
    picture = np.arange(80 * 80, dtype=np.uint16).reshape(80, 80)
    return wrap_film(picture, patient_id="P1", patient_name="Doe^Jane", view_position="LL", study_uid="2.25.1")


@pytest.fixture(params=["positive", "negative", "undetermined", "could not process"])
def outcome(
    request: pytest.FixtureRequest,
    film: Dataset,
    lateral: Dataset,
    classified: Callable[..., Findings],
    refused: Callable[..., Findings],
) -> Findings:
    """Return findings of a study of two films, one of each outcome."""
    return {
        "positive": lambda: classified(film, lateral),
        "negative": lambda: classified(film, lateral, covid19=0.05, normal=0.9, pneumonia=0.05),
        "undetermined": lambda: classified(film, lateral, covid19=0.4, normal=0.3, pneumonia=0.3),
        "could not process": lambda: refused(Unsuitable.PIXELS_CORRUPT, film, lateral),
    }[request.param]()


# --- what others say of it ---------------------------------------------------------------------------------------


@pytest.mark.peers
@pytest.mark.parametrize("sop_class", CLASSES)
def test_every_outcome_is_a_valid_object(
    tmp_path: Path, film: Dataset, lateral: Dataset, outcome: Findings, sop_class: str
) -> None:
    """Modules, value lengths and evidence are right, and dcmtk reads the document."""
    path = written(tmp_path, outcome, film, lateral, sop_class_uid=sop_class)
    assert dciodvfy(path) == []
    assert dsrdump(path) == []
    assert faults(dcmread(path)) == []


@pytest.mark.peers
def test_every_outcome_follows_the_template(tmp_path: Path, film: Dataset, lateral: Dataset, outcome: Findings) -> None:
    """TID 1500, its relationships and context groups are right."""
    assert pixelmed(written(tmp_path, outcome, film, lateral)) == []


@pytest.mark.peers
@pytest.mark.parametrize("sop_class", CLASSES)
def test_an_update_names_the_report_that_it_supersedes(
    tmp_path: Path, film: Dataset, lateral: Dataset, classified: Callable[..., Findings], sop_class: str
) -> None:
    """A late film: the new report refers to the earlier one, in data and in words, and is valid."""
    early, late = classified(film), classified(film, lateral)
    path = written(tmp_path, late, film, lateral, sop_class_uid=sop_class, predecessor=early)
    (study,) = dcmread(path).PredecessorDocumentsSequence
    (series,) = study.ReferencedSeriesSequence
    (document,) = series.ReferencedSOPSequence
    first = built(early, film, sop_class_uid=sop_class)
    assert (study.StudyInstanceUID, series.SeriesInstanceUID) == (first.StudyInstanceUID, first.SeriesInstanceUID)
    assert document.ReferencedSOPInstanceUID == first.SOPInstanceUID != dcmread(path).SOPInstanceUID
    assert any("earlier" in text for text in texts(dcmread(path), "121106"))
    assert dciodvfy(path) == dsrdump(path) == pixelmed(path) == []


def test_both_targets_are_always_reported(film: Dataset, outcome: Findings) -> None:
    """A group for each disease, present or not."""
    assert coded(built(outcome, film), "121071") == ["882784691000119100", "233604007"]


def test_each_group_has_its_own_stable_tracking_uid(film: Dataset, classified: Callable[..., Findings]) -> None:
    """Viewers need one, and a report made again has the same."""
    first, again = (built(classified(film), film) for _ in range(2))
    uids = [item.UID for item in items(first, "112040")]
    assert len(set(uids)) == 2
    assert uids == [item.UID for item in items(again, "112040")]


def test_the_template_is_named(film: Dataset, classified: Callable[..., Findings]) -> None:
    """Without it no reader knows that the tree is TID 1500."""
    report = built(classified(film), film)
    template = report.ContentTemplateSequence[0]
    assert (template.MappingResource, template.TemplateIdentifier) == ("DCMR", "1500")


def test_the_procedure_is_reported(film: Dataset, classified: Callable[..., Findings]) -> None:
    """TID 1500 row 4 is mandatory."""
    assert coded(built(classified(film), film), "121058") == ["363679005"]


def test_every_number_is_finite_and_a_percentage(film: Dataset, classified: Callable[..., Findings]) -> None:
    """A certainty is 0 to 100 in percent."""
    findings = classified(film, covid19=1.0, normal=0.0, pneumonia=0.0)
    values = [item.MeasuredValueSequence[0] for item in items(built(findings, film), "111012")]
    assert [float(value.NumericValue) for value in values] == [100.0, 0.0]
    assert all(math.isfinite(float(value.NumericValue)) for value in values)
    assert {value.MeasurementUnitsCodeSequence[0].CodeValue for value in values} == {"%"}


def test_the_long_code_travels_as_long_code_value(film: Dataset, classified: Callable[..., Findings]) -> None:
    """18 characters do not fit into Code Value."""
    finding = next(items(built(classified(film), film), "121071")).ConceptCodeSequence[0]
    assert (finding.get("CodeValue"), finding.LongCodeValue) == (None, "882784691000119100")


@pytest.mark.parametrize(
    ("scores", "presence", "run_status", "normality", "priority"),
    [
        ((0.83, 0.1, 0.07), ["52101004", "272519000"], "111242", "263654008", ["394849002"]),
        ((0.07, 0.1, 0.83), ["272519000", "52101004"], "111242", "263654008", ["394849002"]),
        ((0.05, 0.9, 0.05), ["272519000", "272519000"], "111241", "17621005", ["394848005"]),
        ((0.4, 0.3, 0.3), ["373068000", "373068000"], "111243", "371934000", ["394848005"]),
    ],
)
def test_a_classified_study_says_presence_status_normality_and_priority(
    film: Dataset,
    classified: Callable[..., Findings],
    scores: tuple[float, float, float],
    presence: list[str],
    run_status: str,
    normality: str,
    priority: list[str],
) -> None:
    """The codes follow the probabilities."""
    covid19, normal, pneumonia = scores
    report = built(classified(film, covid19=covid19, normal=normal, pneumonia=pneumonia), film)
    assert coded(report, "705057003") == presence
    assert coded(report, "111017") == [run_status]
    assert coded(report, "121402") == [normality]
    assert coded(report, "260870009") == priority


def test_a_study_not_processed_says_why_and_gives_no_number(film: Dataset, refused: Callable[..., Findings]) -> None:
    """No score, no priority, nothing that looks like a negative result."""
    report = built(refused(Unsuitable.NOT_FRONTAL, film), film)
    assert coded(report, "111017") == ["111245"]
    assert coded(report, "705057003") == ["373068000", "373068000"]
    assert not list(items(report, "111012"))
    assert not list(items(report, "260870009"))
    assert Unsuitable.NOT_FRONTAL.sentence in texts(report, "121106")[0]
    assert report.CompletionFlag == "PARTIAL"
    assert report.CompletionFlagDescription


@pytest.mark.parametrize(("reason", "quality"), [(Unsuitable.PIXELS_CORRUPT, ["RID14"]), (Unsuitable.NOT_FRONTAL, [])])
def test_only_bad_pixels_are_called_non_diagnostic(
    film: Dataset, refused: Callable[..., Findings], reason: Unsuitable, quality: list[str]
) -> None:
    """A good lateral film is a good film."""
    assert coded(built(refused(reason, film), film), "111101") == quality


def test_the_report_is_preliminary_and_unverified(film: Dataset, outcome: Findings) -> None:
    """No person has looked at it."""
    report = built(outcome, film)
    assert (report.PreliminaryFlag, report.VerificationFlag) == ("PRELIMINARY", "UNVERIFIED")


def test_the_disclaimer_is_part_of_every_report(film: Dataset, outcome: Findings) -> None:
    """Whoever reads the document reads it."""
    assert DISCLAIMER in texts(built(outcome, film), "121106")


def test_algorithm_observer_and_equipment_say_the_same(film: Dataset, classified: Callable[..., Findings]) -> None:
    """IHE AIR 6.5.3.1 asks for equal values in the three places."""
    findings = classified(film)
    report = built(findings, film)
    equipment = next(item for item in report.ContributingEquipmentSequence if "DeviceUID" in item)
    assert equipment.PurposeOfReferenceCodeSequence[0].CodeValue == "109102"
    assert {equipment.Manufacturer} == set(texts(report, "121014"))
    assert {equipment.ManufacturerModelName} == set(texts(report, "121015")) == set(texts(report, "111001"))
    assert {equipment.SoftwareVersions} == set(texts(report, "111003"))
    assert [equipment.DeviceUID] == [item.UID for item in items(report, "121012")]


def test_the_weights_and_the_threshold_are_on_record(film: Dataset, classified: Callable[..., Findings]) -> None:
    """What made the result can be found again, down to its bytes."""
    findings = classified(film)
    parameters = " ".join(texts(built(findings, film), "111002"))
    assert findings.model.sha256 in parameters
    assert "below 50 %" in parameters
    assert "COVID19 is named from 50 % on" in parameters
    assert "calibrated on its validation films; elsewhere it may be far off" in parameters


def test_another_threshold_makes_another_report(film: Dataset, classified: Callable[..., Findings]) -> None:
    """The same weights read with another threshold are another model version: their report has its own UID."""
    findings = classified(film)
    others = [replace(findings.model, undetermined_below=0.7), replace(findings.model, covid19_from=0.7)]
    reports = [built(replace(findings, model=model), film) for model in (findings.model, *others)]
    assert len({report.SOPInstanceUID for report in reports}) == 3


def test_a_result_from_before_the_threshold_of_covid19_keeps_its_uid(
    film: Dataset, classified: Callable[..., Findings]
) -> None:
    """A report whose delivery was interrupted by an upgrade is sent again as the same instance."""
    findings = classified(film)
    model = (findings.model.sha256, f"{findings.model.undetermined_below:.6f}")
    before = uid_for("report", findings.films[0].study_uid, findings.films[0].digest, *model)
    assert findings.model.covid19_from == 0.0
    assert report_uid_for(findings, "report") == before


def test_every_film_looked_at_is_in_the_library_and_in_evidence(
    film: Dataset, lateral: Dataset, classified: Callable[..., Findings]
) -> None:
    """Also the lateral one that was not classified."""
    report = built(classified(film, lateral), film, lateral)
    library = {item.ReferencedSOPSequence[0].ReferencedSOPInstanceUID for item in items(report, "260753009")}
    series = report.CurrentRequestedProcedureEvidenceSequence[0].ReferencedSeriesSequence
    evidence = {image.ReferencedSOPInstanceUID for group in series for image in group.ReferencedSOPSequence}
    assert library == evidence == {film.SOPInstanceUID, lateral.SOPInstanceUID}


def test_only_the_analysed_film_is_the_source_of_the_measurement(
    film: Dataset, lateral: Dataset, classified: Callable[..., Findings]
) -> None:
    """Both groups point at the frontal film."""
    sources = items(built(classified(film, lateral), film, lateral), "121112")
    assert {item.ReferencedSOPSequence[0].ReferencedSOPInstanceUID for item in sources} == {film.SOPInstanceUID}


def test_the_report_is_a_new_series_of_the_same_study_and_patient(
    film: Dataset, classified: Callable[..., Findings]
) -> None:
    """The PACS files it beside the films."""
    film.InstitutionName = "General Hospital"
    report = built(classified(film), film)
    for keyword in ("StudyInstanceUID", "PatientID", "PatientName", "PatientSex", "AccessionNumber", "InstitutionName"):
        assert report[keyword].value == film[keyword].value
    assert report.SeriesInstanceUID != film.SeriesInstanceUID
    assert (report.Modality, report.SeriesNumber) == ("SR", 9001)


def test_no_institution_is_invented(film: Dataset, classified: Callable[..., Findings]) -> None:
    """A film without one gives a report without one."""
    assert "InstitutionName" not in built(classified(film), film)


def test_the_order_is_passed_on(film: Dataset, classified: Callable[..., Findings]) -> None:
    """The RIS finds its request again."""
    request = Dataset()
    request.RequestedProcedureID, request.AccessionNumber = "RP7", "A1"
    film.RequestAttributesSequence = [request]
    passed = built(classified(film), film).ReferencedRequestSequence[0]
    assert (passed.RequestedProcedureID, passed.AccessionNumber) == ("RP7", "A1")
    assert passed.StudyInstanceUID == film.StudyInstanceUID


def test_times_are_written_in_the_zone_of_the_film(film: Dataset, classified: Callable[..., Findings]) -> None:
    """One object has one zone."""
    film.TimezoneOffsetFromUTC = "+0530"
    report = built(classified(film), film)
    assert report.TimezoneOffsetFromUTC == "+0530"
    assert (report.ContentDate, report.ContentTime) == ("20260102", "153000")


def test_the_same_findings_make_the_same_bytes(film: Dataset, outcome: Findings) -> None:
    """A delivery tried again sends the same instance."""
    assert encoded(outcome, film) == encoded(outcome, film)


def test_each_sop_class_is_an_instance_of_its_own(film: Dataset, classified: Callable[..., Findings]) -> None:
    """An instance never changes its class."""
    reports = [built(classified(film), film, sop_class_uid=sop_class) for sop_class in CLASSES]
    assert [report.SOPClassUID for report in reports] == CLASSES
    assert len({report.SOPInstanceUID for report in reports}) == 3


def test_another_sop_class_is_refused(film: Dataset, classified: Callable[..., Findings]) -> None:
    """A report is no image."""
    with pytest.raises(ValueError, match="SR"):
        build_report(classified(film), [film], created=CREATED, sop_class_uid=CTImageStorage)


def test_the_site_decides_about_normal_and_priority(film: Dataset, classified: Callable[..., Findings]) -> None:
    """Both can be turned off."""
    settings = ReportSettings(normal_means_normal=False, triage_priority=False)
    report = built(classified(film, covid19=0.05, normal=0.9, pneumonia=0.05), film, settings=settings)
    assert coded(report, "121402") == ["371934000"]
    assert coded(report, "260870009") == []


def test_the_uids_stand_under_the_root_of_the_site(film: Dataset, classified: Callable[..., Findings]) -> None:
    """Every UID that the report makes, not those it takes over."""
    report = built(classified(film), film, settings=ReportSettings(uid_root="1.2.840.99"))
    made = [report.SOPInstanceUID, report.SeriesInstanceUID, *(item.UID for item in items(report, "112040"))]
    assert all(uid.startswith("1.2.840.99.") for uid in made)


def test_every_target_has_a_code() -> None:
    """And NORMAL, which is no disease, has none."""
    from dicom_node.codes import TARGET_FINDING
    from domain.findings import TARGETS

    assert set(TARGET_FINDING) == set(TARGETS)
    assert Label.NORMAL not in TARGET_FINDING
