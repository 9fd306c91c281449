"""Our own results for the web: the reports that peers get, made again when they are asked for (PS3.18 Chapter 10)."""

from __future__ import annotations

from io import BytesIO
from itertools import islice
from typing import TYPE_CHECKING, Final

import pydicom
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRLittleEndian

import dicom_node.report  # noqa: F401 - loaded by one thread, before several ask for reports at once
from dicom_node.films import SpoolFilms
from dicom_node.matching import matches, returned, single_value
from dicom_node.objects import KINDS, Making
from dicom_node.silence import quiet
from dicom_node.web_query import includes_all, query_of
from domain.delivery import ResultObject
from domain.errors import Deleted, Permanent
from domain.results import ResultQuery

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from dicom_node.identity import ReportSettings
    from dicom_node.store import Store
    from domain.delivery import Dispatch
    from domain.dicomweb import DicomJson, Page, Place
    from domain.results import Results, StudyWithResults

_STUDY: Final = (
    "SpecificCharacterSet",
    "StudyDate",
    "StudyTime",
    "AccessionNumber",
    "InstanceAvailability",
    "ModalitiesInStudy",
    "PatientName",
    "PatientID",
    "PatientBirthDate",
    "PatientSex",
    "StudyInstanceUID",
    "StudyDescription",
    "NumberOfStudyRelatedSeries",
    "NumberOfStudyRelatedInstances",
)
_SERIES: Final = (
    "SpecificCharacterSet",
    "Modality",
    "SeriesDescription",
    "StudyInstanceUID",
    "SeriesInstanceUID",
    "SeriesNumber",
    "SeriesDate",
    "SeriesTime",
    "NumberOfSeriesRelatedInstances",
)
_INSTANCE: Final = (
    "SpecificCharacterSet",
    "SOPClassUID",
    "SOPInstanceUID",
    "InstanceAvailability",
    "StudyInstanceUID",
    "SeriesInstanceUID",
    "InstanceNumber",
    "ContentDate",
    "ContentTime",
    "Modality",
    "CompletionFlag",
    "VerificationFlag",
    "ConceptNameCodeSequence",
)
"""What is returned at each level beside what a query names (PS3.18 Section 10.6.3.3)."""
RETURNED: Final = {"studies": _STUDY, "series": _SERIES, "instances": _INSTANCE}
_REPORT = KINDS[ResultObject.REPORT]


class ResultReports:
    """Implements `domain.dicomweb.ResultLibrary`."""

    def __init__(self, results: Results, store: Store, settings: ReportSettings) -> None:
        self._results = results
        self._films = SpoolFilms(store)
        self._settings = settings

    def studies(self, parameters: Sequence[tuple[str, str]], page: Page) -> list[DicomJson]:
        """Return studies with a result that meet a query, the last received first."""
        query = query_of(parameters)
        narrowed = ResultQuery(
            study_uid=single_value(query, "StudyInstanceUID"),
            accession_number=single_value(query, "AccessionNumber"),
            patient_id=single_value(query, "PatientID"),
        )
        found = (_as_dataset(study) for study in self._results.studies(narrowed))
        return _answers(found, query, RETURNED["studies"], page)

    def series(self, study_uid: str, parameters: Sequence[tuple[str, str]], page: Page) -> list[DicomJson]:
        """Return the series of a study's results that meet a query: each report is one."""
        reports = (_counted(report) for report in self._reports(study_uid))
        return _answers(reports, query_of(parameters), RETURNED["series"], page, whole=includes_all(parameters))

    def instances(self, place: Place, parameters: Sequence[tuple[str, str]], page: Page) -> list[DicomJson]:
        """Return the instances of a study or series that meet a query."""
        reports = (_counted(report) for report in self._at(place))
        return _answers(reports, query_of(parameters), RETURNED["instances"], page, whole=includes_all(parameters))

    def metadata(self, place: Place) -> list[DicomJson]:
        """Return every attribute of the instances of a place."""
        return [report.to_json_dict() for report in self._at(place)]

    def files(self, place: Place) -> Iterator[bytes]:
        """Yield the instances of a place as DICOM files."""
        for content in self._contents(place.study_uid):
            if _is_at(place, _read(content)):
                yield content

    def _at(self, place: Place) -> Iterator[Dataset]:
        return (report for report in self._reports(place.study_uid) if _is_at(place, report))

    def _reports(self, study_uid: str) -> Iterator[Dataset]:
        return map(_read, self._contents(study_uid))

    def _contents(self, study_uid: str) -> Iterator[bytes]:
        """Yield the reports that can be made again as their peers got them: their films are all here.

        Raises:
            Deleted: there were results, but the films of each are deleted.
        """
        results = self._results.of_study(study_uid)
        dates = [max(film.deleted_on for film in result.findings.films) for result in results]
        if results and all(dates):
            raise Deleted(f"the study's films were deleted on {max(dates)}; its reports are where they were sent")
        return (self._made(result) for result, date in zip(results, dates, strict=True) if not date)

    def _made(self, dispatch: Dispatch) -> bytes:
        """Make a report, or a plainer one where that can't be encoded: what a peer would get.

        Raises:
            Permanent: neither can be encoded.
        """
        headers = (self._films.dataset(film) for film in dispatch.findings.films)
        making = Making(
            dispatch=dispatch,
            headers=[header for header in headers if header is not None],
            sop_class_uid=_REPORT.sop_classes[0],
            settings=self._settings,
        )
        for report in _REPORT.make(making):
            report.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
            try:
                return _encoded(report)
            except Exception:  # noqa: BLE001, S112 - a header can be wrong in any way; the plainer one is tried then
                continue
        raise Permanent("the report can't be encoded")


def _is_at(place: Place, report: Dataset) -> bool:
    return place.series_uid in {"", report.SeriesInstanceUID} and place.instance_uid in {"", report.SOPInstanceUID}


def _read(content: bytes) -> Dataset:
    """Read a report again, so that its values are those that others see."""
    return pydicom.dcmread(BytesIO(content))


def _encoded(report: Dataset) -> bytes:
    content = BytesIO()
    with quiet():
        pydicom.dcmwrite(content, report, enforce_file_format=True)
    return content.getvalue()


def _answers(
    found: Iterator[Dataset], query: Dataset, shown: Sequence[str], page: Page, *, whole: bool = False
) -> list[DicomJson]:
    met = (one for one in found if matches(one, query))
    for keyword in shown:
        if keyword not in query:
            setattr(query, keyword, [] if keyword.endswith("Sequence") else None)
    answers = islice(met, page.offset, page.offset + page.limit)
    with quiet():
        return [(one if whole else returned(one, query)).to_json_dict() for one in answers]


def _as_dataset(study: StudyWithResults) -> Dataset:
    identity, made = study.identity, Dataset()
    with quiet():
        made.SpecificCharacterSet = "ISO_IR 192"
        made.StudyDate, made.StudyTime = identity.study_date, identity.study_time
        made.AccessionNumber, made.StudyDescription = identity.accession_number, identity.study_description
        made.InstanceAvailability, made.ModalitiesInStudy = "ONLINE", ["SR"]
        made.PatientName, made.PatientID = identity.patient_name, identity.patient_id
        made.PatientBirthDate, made.PatientSex = identity.patient_birth_date, identity.patient_sex
        made.StudyInstanceUID = study.study_uid
        made.NumberOfStudyRelatedSeries = made.NumberOfStudyRelatedInstances = study.results
    return made


def _counted(report: Dataset) -> Dataset:
    report.InstanceAvailability = "ONLINE"
    report.NumberOfSeriesRelatedInstances = 1
    return report
