"""A result as an unsolicited observation: ORU^R01 of HL7 v2.5.1 (7.3.1)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hl7apy.consts import VALIDATION_LEVEL
from hl7apy.core import Field, Message

from domain import concepts
from domain.findings import DISCLAIMER, TARGETS, Presence, Verdict

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from domain.concepts import Concept
    from domain.delivery import Dispatch
    from domain.findings import Findings, Label
    from domain.subject import Subject

_VERSION = "2.5.1"
_TOLERANT = VALIDATION_LEVEL.TOLERANT
_CONTROL = re.compile(r"[\x00-\x1f\x7f]+")
_SOON, _ROUTINE = "A", "R"
"""Of table HL70485."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Parties:
    """Who sends to whom (MSH-3 to MSH-6)."""

    sending_application: str
    sending_facility: str = ""
    receiving_application: str = ""
    receiving_facility: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Observation:
    """An OBX segment."""

    name: Concept
    type: str
    """OBX-2: CE, NM or ST."""
    value: Concept | str
    group: int | None = None
    """OBX-4: observations of one finding have the same."""
    units: Concept | None = None
    flag: str = ""
    """OBX-8: N or A (table HL70078)."""
    probability: float | None = None
    """OBX-9, 0 to 1."""


def build_oru(dispatch: Dispatch, subject: Subject, *, parties: Parties, device_uid: str) -> bytes:
    """Return the message in UTF-8, each segment ended by a carriage return; the same arguments give the same bytes.

    It is preliminary (OBR-25 P, OBX-11 P): a person reports finally. MSH-10 is the fingerprint of what is told to whom.

    Args:
        dispatch: What is told.
        subject: Whom it is about.
        parties: Who sends to whom.
        device_uid: UID of the network as a device.
    """
    message = Message("ORU_R01", version=_VERSION, validation_level=_TOLERANT)
    moment = _moment(dispatch.made_at)
    _header(message.msh, dispatch, parties, moment)
    result = message.add_group("ORU_R01_PATIENT_RESULT")
    patient = result.add_group("ORU_R01_PATIENT")
    _identify(patient.add_segment("PID"), subject)
    patient.add_group("ORU_R01_VISIT").add_segment("PV1").pv1_2 = "U"  # unknown
    order = result.add_group("ORU_R01_ORDER_OBSERVATION")
    _order(order, subject, moment)
    timing = order.add_group("ORU_R01_TIMING_QTY").add_segment("TQ1")
    timing.tq1_1 = "1"
    timing.tq1_9.cwe_1, timing.tq1_9.cwe_3 = suggested_priority(dispatch.findings), "HL70485"
    for number, observation in enumerate(_observations(dispatch.findings), start=1):
        segment = order.add_group("ORU_R01_OBSERVATION").add_segment("OBX")
        _observe(segment, number, observation, moment=moment, device_uid=device_uid)
    text: str = message.to_er7()
    return (text.rstrip("\r") + "\r").encode()


def suggested_priority(findings: Findings) -> str:
    """Return a priority for the reading worklist (TQ1-9): what is positive is suggested to be read sooner."""
    return _SOON if findings.verdict is Verdict.POSITIVE else _ROUTINE


def _header(msh: Any, dispatch: Dispatch, parties: Parties, moment: str) -> None:  # noqa: ANN401 - hl7apy is untyped
    msh.msh_3.hd_1, msh.msh_4.hd_1 = _clean(parties.sending_application), _clean(parties.sending_facility)
    msh.msh_5.hd_1, msh.msh_6.hd_1 = _clean(parties.receiving_application), _clean(parties.receiving_facility)
    msh.msh_7.ts_1 = moment
    msh.msh_9.msg_1, msh.msh_9.msg_2, msh.msh_9.msg_3 = "ORU", "R01", "ORU_R01"
    msh.msh_10 = dispatch.fingerprint
    msh.msh_11.pt_1 = "P"
    msh.msh_18 = "UNICODE UTF-8"


def _identify(pid: Any, subject: Subject) -> None:  # noqa: ANN401 - hl7apy is untyped
    pid.pid_1 = "1"
    pid.pid_3.cx_1 = _clean(subject.patient_id)
    pid.pid_3.cx_4.hd_1 = _clean(subject.issuer_of_patient_id)
    family, given, middle, prefix, suffix = (*map(_clean, subject.patient_name), "", "", "", "", "")[:5]
    pid.pid_5.xpn_1.fn_1, pid.pid_5.xpn_2, pid.pid_5.xpn_3 = family, given, middle
    pid.pid_5.xpn_4, pid.pid_5.xpn_5 = suffix, prefix
    pid.pid_7.ts_1 = _clean(subject.birth_date)
    pid.pid_8 = _clean(subject.sex)


def _order(order: Any, subject: Subject, moment: str) -> None:  # noqa: ANN401 - hl7apy is untyped
    orc, obr = order.add_segment("ORC"), order.add_segment("OBR")
    orc.orc_1, orc.orc_5 = "SC", "CM"
    obr.obr_1 = "1"
    for number, place in ((subject.placer_order_number, "2"), (subject.filler_order_number, "3")):
        getattr(orc, f"orc_{place}").ei_1 = _clean(number)
        getattr(obr, f"obr_{place}").ei_1 = _clean(number)
    value, meaning, scheme = map(_clean, subject.procedure_code)
    obr.obr_4.ce_1, obr.obr_4.ce_2, obr.obr_4.ce_3 = value or "XR", meaning or "Radiography", scheme or "L"
    obr.obr_7.ts_1 = _clean(subject.study_date + subject.study_time.partition(".")[0] if subject.study_date else "")
    obr.obr_18 = _clean(subject.accession_number)
    obr.obr_22.ts_1 = moment
    obr.obr_24, obr.obr_25 = "RAD", "P"


def _observations(findings: Findings) -> Iterator[_Observation]:
    yield _Observation(name=concepts.STUDY, type="ST", value=findings.films[0].study_uid)
    yield _Observation(name=concepts.RUN_STATUS, type="CE", value=concepts.run_status(findings))
    for group, target in enumerate(TARGETS, start=1):
        yield from _finding(findings, target, group)
    for text in (findings.summary, DISCLAIMER):
        yield _Observation(name=concepts.COMMENT, type="ST", value=text)


def _finding(findings: Findings, target: Label, group: int) -> Iterator[_Observation]:
    presence = findings.presence(target)
    share = None if findings.probabilities is None else findings.probabilities.of(target)
    yield _Observation(
        name=concepts.FINDING,
        type="CE",
        value=concepts.TARGET_FINDING[target],
        group=group,
        flag={Presence.PRESENT: "A", Presence.ABSENT: "N"}.get(presence, ""),
        probability=share,
    )
    yield _Observation(name=concepts.PRESENCE, type="CE", value=concepts.PRESENCE_VALUE[presence], group=group)
    if share is not None:
        percent = f"{100.0 * share:.2f}"
        yield _Observation(name=concepts.CERTAINTY, type="NM", value=percent, group=group, units=concepts.PERCENT)


def _observe(obx: Any, number: int, one: _Observation, *, moment: str, device_uid: str) -> None:  # noqa: ANN401 - hl7apy
    obx.obx_1, obx.obx_2 = str(number), one.type
    _code(obx.obx_3, one.name)
    if one.group is not None:
        obx.obx_4 = str(one.group)
    if isinstance(one.value, str):
        value = Field("OBX_5", version=_VERSION, datatype=one.type, validation_level=_TOLERANT)
        setattr(value, one.type.lower(), _clean(one.value))
        obx.add(value)
    else:  # hl7apy writes no components of a field whose type varies: they are those of any other coded field
        coded = Field("OBX_3", version=_VERSION, validation_level=_TOLERANT)
        _code(coded, one.value)
        obx.obx_5 = coded.to_er7()
    if one.units is not None:
        _code(obx.obx_6, one.units)
    if one.flag:
        obx.obx_8 = one.flag
    if one.probability is not None:
        obx.obx_9 = f"{one.probability:.4f}"
    obx.obx_11 = "P"
    obx.obx_14.ts_1 = obx.obx_19.ts_1 = moment
    obx.obx_18.ei_1 = device_uid


def _code(field: Any, concept: Concept) -> None:  # noqa: ANN401 - hl7apy is untyped
    field.ce_1, field.ce_2, field.ce_3 = concept.value, concept.meaning, concept.scheme


def _clean(text: str) -> str:
    """Return text without control characters, which would end a segment or the message; hl7apy escapes the rest."""
    return _CONTROL.sub(" ", text).strip()


def _moment(at: datetime) -> str:
    return at.strftime("%Y%m%d%H%M%S%z")
