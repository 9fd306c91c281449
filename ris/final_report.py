"""Final reports in messages: ORU^R01 of HL7 v2.3 to v2.5.1 (7.3.1), one report for each OBR."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from domain.assessment import FinalReport, StatedCode, StudyReference
from domain.concepts import PRESENCE_VALUE, STUDY
from domain.report_phrases import Statement
from ris.envelope import clean

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ris.envelope import Envelope

RESULT: Final = "ORU^R01"
FINAL, CORRECTED = "F", "C"
"""OBR-25, result status (table HL70123)."""
NOT_TO_BE_USED: Final = frozenset({"D", "W", "X", "I", "O"})
"""OBX-11 (table HL70085): deleted, posted wrongly, can't be obtained, pending, order only."""
TEXT_TYPES: Final = frozenset({"TX", "FT", "ST"})
CODE_TYPES: Final = frozenset({"CE", "CWE", "CNE", "CF"})
IMPRESSIONS: Final = ("19005-8", "IMP", "IMPRESSION", "CONCLUSION", "BEURTEILUNG")
"""LOINC 19005-8 Radiology Imaging study [Impression]; `IMP` is HL7's own suffix (7.2.4)."""
_SAYS: Final = {
    PRESENCE_VALUE[presence].value: Statement(presence.value) for presence in PRESENCE_VALUE
}  # PS3.16 CID 240, by codes of SNOMED CT
_SIMPLE: Final = {"Y": Statement.PRESENT, "N": Statement.ABSENT}
_YES_OR_NO: Final = "HL70136"
_UID: Final = re.compile(r"[0-2](\.(0|[1-9][0-9]*))+")
_LONGEST_UID: Final = 64
_MOMENT: Final = re.compile(r"(\d{8})(\d{2})?(\d{2})?(\d{2})?(?:\.\d+)?([+-]\d{4})?")
_WRAPPED: Final = re.compile(r"\\E\\(\.[^\\]*|[CMXZ][0-9A-Za-z]*)\\E\\")
"""hl7apy escapes the escape characters of sequences that it does not know."""


@dataclass(kw_only=True, slots=True, repr=False)
class _Draft:
    """A report that is being read: an OBR, and what follows it."""

    obr: Any
    orc: Any
    observations: list[Any] = field(default_factory=list)


def final_reports(envelope: Envelope) -> tuple[FinalReport, ...]:
    """Return the final and the corrected reports of a message; others, as preliminary ones, are left out.

    So are those without text and codes: of several orders of a study often one has the report of all.

    Raises whatever a parser raises at foreign bytes.
    """
    patients: tuple[str, ...] = ()
    orc: Any = None
    study = ""
    drafts: list[_Draft] = []
    for line in envelope.segments:
        name = line[:3]
        if name == "PID":
            patients = _patients(envelope.parsed(line))
        elif name == "ORC":
            orc = envelope.parsed(line)
        elif name == "OBR":
            drafts.append(_Draft(obr=envelope.parsed(line), orc=orc))
            orc = None
        elif name == "OBX" and drafts and _is_of_use(line, envelope):
            drafts[-1].observations.append(envelope.parsed(line))
        elif name in {"ZDS", "IPC"}:
            study = study or _uid(_first_part(envelope.parsed(line), "zds_1" if name == "ZDS" else "ipc_3"))
    alone = study if len(drafts) == 1 else ""
    found = (_Reading(envelope).report(draft, patients, alone) for draft in drafts if _is_final(draft))
    return tuple(report for report in found if report.codes or report.text.strip())


def _is_final(draft: _Draft) -> bool:
    return draft.obr.obr_25.to_er7() in {FINAL, CORRECTED}


def _is_of_use(line: str, envelope: Envelope) -> bool:
    """Whether an observation is text or a code: others, as embedded documents of megabytes, are not parsed."""
    fields = line.split(envelope.separators["FIELD"], 3)
    return len(fields) > 3 and fields[2] in TEXT_TYPES | CODE_TYPES | {"UI", "HD", "RP"}  # noqa: PLR2004 - OBX-2 and more


def _patients(pid: Any) -> tuple[str, ...]:  # noqa: ANN401 - hl7apy is untyped
    return tuple(dict.fromkeys(one for one in (clean(str(each.cx_1.value or "")) for each in pid.pid_3) if one))


def _first_part(segment: Any, place: str) -> str:  # noqa: ANN401 - hl7apy is untyped
    return re.split(r"[\^&~]", str(getattr(segment, place).to_er7()))[0]


def _uid(text: str) -> str:
    text = text.strip()
    return text if len(text) <= _LONGEST_UID and _UID.fullmatch(text) else ""


class _Reading:
    """Reads the reports of one message."""

    def __init__(self, envelope: Envelope) -> None:
        self._envelope = envelope
        self._component = envelope.separators["COMPONENT"]
        self._subcomponent = envelope.separators["SUBCOMPONENT"]

    def report(self, draft: _Draft, patients: tuple[str, ...], study: str) -> FinalReport:
        used = [one for one in draft.observations if one.obx_11.to_er7() not in NOT_TO_BE_USED]
        return FinalReport(
            study=StudyReference(
                study_uid=self._study(used) or study,
                accession_numbers=self._numbers(draft),
                patient_ids=patients,
            ),
            codes=tuple(self._codes(used)),
            text=self._text(used),
            reported_at=_moment(draft.obr.obr_22.to_er7()),
            is_correction=draft.obr.obr_25.to_er7() == CORRECTED,
        )

    def _study(self, observations: Iterable[Any]) -> str:
        for one in observations:
            if self._parts(one.obx_3)[0] == STUDY.value:
                return _uid(self._parts(one.obx_5)[0])
        return ""

    def _numbers(self, draft: _Draft) -> tuple[str, ...]:
        """Return what may be the accession number: OBR-18, the filler order number of OBR-3, and of ORC-3."""
        fields = [draft.obr.obr_18, draft.obr.obr_3, *([draft.orc.orc_3] if draft.orc is not None else [])]
        return tuple(dict.fromkeys(number for one in fields if (number := self._unescaped(self._parts(one)[0]))))

    def _codes(self, observations: list[Any]) -> Iterator[StatedCode]:
        groups: dict[str, Statement] = {}
        coded = [one for one in observations if one.obx_2.to_er7() in CODE_TYPES]
        for one in coded:
            said = self._said(one)
            if said is not None:
                groups.setdefault(one.obx_4.to_er7(), said)
        for one in coded:
            said, group = self._said(one), one.obx_4.to_er7()
            if said is not None:  # as "Pneumonia: absent"
                yield self._code(self._parts(one.obx_3), said)
                continue
            of_group = groups.get(group, Statement.PRESENT) if group else Statement.PRESENT
            for value in one.obx_5:
                yield self._code(self._parts(value), of_group)

    def _said(self, observation: Any) -> Statement | None:  # noqa: ANN401 - hl7apy is untyped
        value, _, scheme = self._parts(observation.obx_5)[:3]
        return _SIMPLE.get(value) if scheme == _YES_OR_NO else _SAYS.get(value)

    def _code(self, parts: list[str], statement: Statement) -> StatedCode:
        return StatedCode(scheme=parts[2], value=self._unescaped(parts[0]), statement=statement)

    def _text(self, observations: list[Any]) -> str:
        """Return the impression where observations are marked so, else all text."""
        texts = [one for one in observations if one.obx_2.to_er7() in TEXT_TYPES and not self._is_study(one)]
        return "\n".join(self._lines([one for one in texts if self._is_impression(one)] or texts))

    def _lines(self, observations: Iterable[Any]) -> Iterator[str]:
        for one in observations:
            for value in one.obx_5:
                yield self._unescaped(value.to_er7(dict(self._envelope.separators)), is_text=True)

    def _is_study(self, observation: Any) -> bool:  # noqa: ANN401 - hl7apy is untyped
        return self._parts(observation.obx_3)[0] == STUDY.value

    def _is_impression(self, observation: Any) -> bool:  # noqa: ANN401 - hl7apy is untyped
        identifier, text, *_ = self._parts(observation.obx_3)
        marks = (*identifier.split(self._subcomponent), text)
        return any(mark.strip().upper() in IMPRESSIONS for mark in marks)

    def _parts(self, one: Any) -> list[str]:  # noqa: ANN401 - hl7apy is untyped
        """Return the components of a field, at least three; of several repetitions hl7apy gives the first."""
        parts = str(one.to_er7(dict(self._envelope.separators))).split(self._component)
        return [*parts, "", "", ""]

    def _unescaped(self, text: str, *, is_text: bool = False) -> str:
        """Return text without HL7's escape sequences (2.7): line breaks stay, highlighting and the like does not."""
        own = self._envelope.separators
        escape = re.escape(own["ESCAPE"])
        meanings = {"F": own["FIELD"], "S": own["COMPONENT"], "T": own["SUBCOMPONENT"], "R": own["REPETITION"]}

        def meaning(found: re.Match[str]) -> str:
            inside = found.group(1)
            if inside in {".br", ".sp", ".ce", "X0D", "X0A", "X0D0A"} or inside.startswith((".sp", ".in", ".ti")):
                return "\n"
            return own["ESCAPE"] if inside == "E" else meanings.get(inside, "")

        unwrapped = _WRAPPED.sub(r"\\\1\\", text)
        plain = re.sub(rf"{escape}([^{escape}\s]*){escape}", meaning, unwrapped)
        return re.sub(r"[\x00-\x09\x0b-\x1f\x7f]", " ", plain) if is_text else clean(plain)


def _moment(text: str) -> datetime | None:
    """Return a time (HL7 v2.5.1, 2.A.77); without an offset, of this machine's time zone."""
    found = _MOMENT.match(text)
    if found is None:
        return None
    day, hour, minute, second, offset = found.groups()
    written = f"{day}{hour or '00'}{minute or '00'}{second or '00'}"
    try:
        if offset:
            return datetime.strptime(written + offset, "%Y%m%d%H%M%S%z")
        return datetime.strptime(written, "%Y%m%d%H%M%S").astimezone()
    except (ValueError, OverflowError):
        return None
