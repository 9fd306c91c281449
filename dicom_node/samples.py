"""An invented film, and each object as it would be made of it: the conformance statement is read off these."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Final

import numpy as np
from pydicom.datadict import dictionary_description, tag_for_keyword
from pydicom.tag import Tag
from pydicom.uid import UID

from dicom_node.identity import ReportSettings, uid_for
from dicom_node.objects import KINDS, Making
from dicom_node.procedure_steps import step_of
from dicom_node.silence import quiet
from dicom_node.worklist import WRITABLE
from dicom_node.wrap import wrap_film
from domain.delivery import Dispatch, ResultObject
from domain.film import StoredFilm
from domain.findings import Findings, ModelVersion, Probabilities
from domain.ids import SeriesUid, SopInstanceUid, StudyId, StudyUid
from domain.paper import Example, Table
from domain.subject import StudyIdentity
from domain.worklist import InputSeries, StepPriority, StepState, Workitem

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydicom.dataelem import DataElement
    from pydicom.dataset import Dataset

_MOMENT: Final = datetime(2026, 1, 2, 10, 0, tzinfo=UTC)
_SIDE: Final = 64
_LONGEST_VALUE: Final = 48
_TOLD_VRS: Final = frozenset({"CS", "LO", "SH", "IS", "US", "ST", "UI"})
_MAY_BE_MISSING: Final = (
    "StudyDescription",
    "StudyID",
    "InstitutionName",
    "ReferringPhysicianName",
    "IssuerOfPatientID",
)
_MAY_BE_EMPTY: Final = ("PatientName", "PatientBirthDate", "PatientSex", "AccessionNumber", "StudyDate", "StudyTime")
_OF_NETWORK: Final = frozenset({"ManufacturerModelName", "SoftwareVersions", "DeviceSerialNumber"})
_PAGES: Final = b"%PDF-1.7 of a specimen"


def film() -> Dataset:
    """Return a film of nobody, with attributes that objects take over from films."""
    ramp = np.linspace(0, 255, _SIDE * _SIDE).reshape(_SIDE, _SIDE).astype(np.uint8)
    made = wrap_film(
        ramp,
        patient_id="SPECIMEN",
        patient_name="Specimen^Film",
        patient_sex="O",
        patient_birth_date="19000101",
        accession_number="SPECIMEN",
    )
    for keyword in _MAY_BE_MISSING:
        setattr(made, keyword, "Specimen")
    # Other values than ours, so that it is seen whose an attribute's is.
    made.Manufacturer, made.InstanceNumber, made.BodyPartExamined = "Specimen", 7, "SPECIMEN"
    made.BurnedInAnnotation, made.RescaleType = "SPECIMEN", "SPECIMEN"
    return made


def bare_film() -> Dataset:
    """Return the same film with as little about its patient, study and order as a film can have."""
    made = film()
    for keyword in _MAY_BE_MISSING:
        delattr(made, keyword)
    for keyword in _MAY_BE_EMPTY:
        setattr(made, keyword, "")
    return made


def findings() -> Findings:
    """Return a result of that film."""
    made = film()
    stored = StoredFilm(
        study_id=StudyId(1),
        study_uid=StudyUid(made.StudyInstanceUID),
        series_uid=SeriesUid(made.SeriesInstanceUID),
        sop_instance_uid=SopInstanceUid(made.SOPInstanceUID),
        sop_class_uid=str(made.SOPClassUID),
        digest=hashlib.sha256(b"specimen").hexdigest(),
        path="specimen",
    )
    model = ModelVersion(name="specimen", version="0.0.0", sha256=hashlib.sha256(b"weights").hexdigest())
    scores = Probabilities(covid19=0.8, normal=0.1, pneumonia=0.1)
    return Findings(model=model, films=(stored,), analysed=stored, probabilities=scores)


def dispatch(one: ResultObject) -> Dispatch:
    """Return the order to tell that result as an object."""
    return Dispatch(peer="specimen", object=one, findings=findings(), made_at=_MOMENT)


@cache
def sample(one: ResultObject, settings: ReportSettings, *, is_bare: bool = False) -> Dataset:
    """Return an object as a peer would get it, of the film or of the bare one; it is made once, not to be changed."""
    kind = KINDS[one]
    picture = np.zeros((_SIDE, _SIDE, 3), dtype=np.uint8) if one is ResultObject.CAPTURE else None
    making = Making(
        dispatch=dispatch(one),
        headers=[bare_film() if is_bare else film()],
        sop_class_uid=kind.sop_classes[0],
        settings=settings,
        picture=picture,
        pages=_PAGES if one is ResultObject.DOCUMENT else b"",
    )
    return next(iter(kind.make(making)))


def attributes(one: ResultObject, settings: ReportSettings) -> Table:
    """Return the attributes of an object's top level, when each is there and where its value comes from.

    In the words of PS3.2: ALWAYS with a value; VNAP, the value is empty where the film has none; ANAP, the attribute is
    not there where the film has none; EMPTY.
    """
    with quiet():
        source, made, bare = film(), sample(one, settings), sample(one, settings, is_bare=True)
        rows = [
            (element.name, str(element.tag), str(element.VR), _presence(element, bare), _origin(element, source))
            for element in made
        ]
    return Table(columns=("Attribute", "Tag", "VR", "Presence", "Value"), rows=rows)


def has_private(made: Dataset) -> bool:
    """Whether an object has private attributes, at any depth."""
    return any(element.tag.is_private for element in made.iterall())


def _presence(element: DataElement, bare: Dataset) -> str:
    if element.is_empty:
        return "EMPTY"
    if element.tag not in bare:
        return "ANAP"
    return "VNAP" if bare[element.tag].is_empty else "ALWAYS"


def _origin(element: DataElement, source: Dataset) -> str:
    if element.is_empty:
        return ""
    if element.tag in source and source[element.tag].value == element.value:
        return "of the film"
    if element.keyword in _OF_NETWORK:
        return "of the network"
    value = str(element.value) if element.VM <= 1 else "\\".join(map(str, element.value))
    if element.VR in _TOLD_VRS and len(value) <= _LONGEST_VALUE and not value.startswith("2.25."):
        return UID(value).name if element.VR == "UI" else f"`{value}`"
    return "made"


def content_tree(made: Dataset) -> Example:
    """Return the content items of a document, each below the one that it belongs to (PS3.16)."""
    return Example(text="\n".join(_items(made, 0)))


def _items(item: Dataset, depth: int) -> Iterator[str]:
    value = str(item.get("ValueType", ""))
    names = item.get("ConceptNameCodeSequence")
    name = _code(names[0]) if names else "(no concept name)"
    relation = f"{item.RelationshipType}: " if "RelationshipType" in item else ""
    answer = f" = {_code(item.ConceptCodeSequence[0])}" if "ConceptCodeSequence" in item else ""
    yield f"{'  ' * depth}{relation}{value} {name}{answer}"
    for child in item.get("ContentSequence") or ():
        yield from _items(child, depth + 1)


def _code(code: Dataset) -> str:
    value = code.get("CodeValue") or code.get("LongCodeValue") or code.get("URNCodeValue")
    return f"({value}, {code.CodingSchemeDesignator}, {code.CodeMeaning})"


def step_attributes(*, label: str, retrieve_from: str) -> Table:
    """Return the attributes of an item of the reading worklist, with who may write them (PS3.4 Table CC.2.5-3)."""
    result = findings()
    stored = result.films[0]
    item = Workitem(
        uid=uid_for("specimen"),
        study_uid=stored.study_uid,
        identity=StudyIdentity(patient_name="Specimen^Film", patient_id="SPECIMEN"),
        state=StepState.SCHEDULED,
        priority=StepPriority.HIGH,
        suggested=StepPriority.HIGH,
        verdict=result.verdict,
        is_ready=True,
        created_at=_MOMENT,
        modified_at=_MOMENT,
        expires_at=_MOMENT,
        inputs=[
            InputSeries(
                series_uid=stored.series_uid,
                instances=[(stored.sop_class_uid, stored.sop_instance_uid)],
                source="SPECIMEN",
            )
        ],
    )
    step = step_of(item, worklist_label=label, retrieve_from=retrieve_from)
    keywords = {*(element.keyword for element in step), *WRITABLE}
    rows = [_step_row(step, keyword) for keyword in keywords]
    return Table(columns=("Attribute", "Tag", "Key of C-FIND", "N-SET"), rows=sorted(rows, key=lambda row: row[1]))


def _step_row(step: Dataset, keyword: str) -> tuple[str, ...]:
    tag = Tag(tag_for_keyword(keyword) or 0)
    may_write = keyword in WRITABLE or keyword == "ScheduledProcedureStepPriority"
    return dictionary_description(tag), str(tag), "yes" if tag in step else "once written", "yes" if may_write else "no"
