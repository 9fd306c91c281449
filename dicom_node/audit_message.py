"""Records of the audit trail as DICOM audit messages (PS3.15 Section A.5)."""

from __future__ import annotations

from base64 import b64encode
from datetime import UTC
from typing import TYPE_CHECKING, Final, NamedTuple
from xml.etree import ElementTree as ET

from domain.audit import AuditAction, AuditOutcome

if TYPE_CHECKING:
    from collections.abc import Mapping
    from xml.etree.ElementTree import Element

    from domain.audit import AuditRecord


class _Code(NamedTuple):
    value: str
    meaning: str


class _Kind(NamedTuple):
    event: _Code
    """Of CID 400."""
    action: str
    """EventActionCode: C, R, U, D or E."""
    type: _Code | None = None
    """Of CID 401."""


_KINDS: Final[Mapping[AuditAction, _Kind]] = {
    AuditAction.LOGIN: _Kind(_Code("110114", "User Authentication"), "E", _Code("110122", "Login")),
    AuditAction.LOGOUT: _Kind(_Code("110114", "User Authentication"), "E", _Code("110123", "Logout")),
    AuditAction.REGISTER: _Kind(
        _Code("110113", "Security Alert"), "E", _Code("110137", "User security Attributes Changed")
    ),
    AuditAction.ACCOUNT: _Kind(
        _Code("110113", "Security Alert"), "E", _Code("110137", "User security Attributes Changed")
    ),
    AuditAction.SEARCH: _Kind(_Code("110112", "Query"), "E"),
    AuditAction.VIEW: _Kind(_Code("110103", "DICOM Instances Accessed"), "R"),
    AuditAction.ASSESS: _Kind(_Code("110103", "DICOM Instances Accessed"), "U"),
    AuditAction.UPLOAD: _Kind(_Code("110107", "Import"), "C"),
    AuditAction.EXPORT: _Kind(_Code("110106", "Export"), "R"),
    AuditAction.ERASE: _Kind(_Code("110105", "DICOM Study Deleted"), "D"),
    AuditAction.OPERATE: _Kind(_Code("110100", "Application Activity"), "E"),
}
_OUTCOMES: Final = {AuditOutcome.SUCCESS: "0", AuditOutcome.DENIED: "8", AuditOutcome.FAILED: "4"}
"""EventOutcomeIndicator: success, serious failure, minor failure."""
_OF_STUDIES: Final = frozenset({AuditAction.VIEW, AuditAction.ASSESS, AuditAction.UPLOAD, AuditAction.EXPORT})
_IP_ADDRESS: Final = "2"
_STUDY_UID: Final = _Code("110180", "Study Instance UID")


def audit_events() -> tuple[tuple[str, str, str, str], ...]:
    """Return what is recorded: our action, the event's code and meaning, its type if it has one, its action code."""
    return tuple(
        (
            action.value,
            f"({kind.event.value}, DCM, {kind.event.meaning})",
            f"({kind.type.value}, DCM, {kind.type.meaning})" if kind.type else "",
            kind.action,
        )
        for action, kind in _KINDS.items()
    )


def audit_message(record: AuditRecord, *, source: str) -> bytes:
    """Return a record as XML in UTF-8.

    Args:
        record: of the audit trail.
        source: AuditSourceID: what our site calls us.
    """
    event, kind = record.event, _KINDS[record.event.action]
    message = ET.Element("AuditMessage")
    told = ET.SubElement(
        message,
        "EventIdentification",
        EventActionCode=kind.action,
        EventDateTime=record.at.astimezone(UTC).isoformat(timespec="milliseconds"),
        EventOutcomeIndicator=_OUTCOMES[event.outcome],
    )
    _add_code(told, "EventID", kind.event)
    if kind.type is not None:
        _add_code(told, "EventTypeCode", kind.type)
    who = ET.SubElement(message, "ActiveParticipant", UserID=event.actor or "unknown", UserIsRequestor="true")
    if event.address:
        who.set("NetworkAccessPointID", event.address)
        who.set("NetworkAccessPointTypeCode", _IP_ADDRESS)
    if event.role:
        _add_code(who, "RoleIDCode", _Code(event.role, event.role), system="99HILUM")
    ET.SubElement(message, "AuditSourceIdentification", AuditSourceID=source)
    if event.object:
        _add_object(message, event.action, event.object)
    content: bytes = ET.tostring(message, encoding="utf-8", xml_declaration=True)
    return content


def _add_object(message: Element, action: AuditAction, name: str) -> None:
    """Name what it was done to: a study (object type 2, role 3, report), or something of the system's (2, 13)."""
    uid, _, further = name.partition(" ")
    is_study = action in _OF_STUDIES and uid.replace(".", "").isdigit()
    one = ET.SubElement(
        message,
        "ParticipantObjectIdentification",
        ParticipantObjectID=uid if is_study else name,
        ParticipantObjectTypeCode="2",
        ParticipantObjectTypeCodeRole="3" if is_study else "13",
    )
    code = _STUDY_UID if is_study else _Code("12", "URI")
    _add_code(one, "ParticipantObjectIDTypeCode", code, system="DCM" if is_study else "RFC-3881")
    if is_study and further:
        value = b64encode(further.encode()).decode()
        ET.SubElement(one, "ParticipantObjectDetail", type="part", value=value)


def _add_code(parent: Element, name: str, code: _Code, *, system: str = "DCM") -> None:
    attributes = {"csd-code": code.value, "codeSystemName": system, "originalText": code.meaning}
    ET.SubElement(parent, name, attributes)
