"""The outside of a message that comes in: its segments, whom it is from, what it is, in which characters."""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from hl7apy.consts import VALIDATION_LEVEL
from hl7apy.core import Message
from hl7apy.parser import parse_segment

from domain.errors import HilumError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ris.acknowledgement import Code

_VERSION: Final = "2.5.1"
"""Segments of older versions are read as of this one: what is read here is at the same place in all of them."""
SPOKEN: Final = re.compile(r"2\.[1-6](\.1)?")
_ACKNOWLEDGES: Final = "ACK"
_SEGMENT: Final = re.compile(r"[A-Z][A-Z0-9]{2}(\W|$)")
_LEAST_HEADER_CHARACTERS: Final = 8
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]+")


class Unreadable(HilumError):
    """A message is none, or none that is taken here; the text says why."""


@dataclass(frozen=True, kw_only=True, slots=True, repr=False)
class Envelope:
    """A message, cut into segments; it never shows what it holds."""

    sending_application: str
    sending_facility: str
    receiving_application: str
    receiving_facility: str
    kind: str
    """MSH-9, message code and trigger event, as `ORU^R01`."""
    control_id: str
    """MSH-10."""
    processing_id: str
    """MSH-11: P production, T training, D debugging (table HL70103)."""
    version: str
    separators: Mapping[str, str]
    """As hl7apy wants them."""
    segments: tuple[str, ...]
    """Those behind the header, decoded, each in one piece."""

    def parsed(self, segment: str) -> Any:  # noqa: ANN401 - hl7apy is untyped
        """Return a segment's fields."""
        return _parse(segment, self.separators)


def read_envelope(message: bytes) -> Envelope:
    """Read the header (HL7 v2.5.1, 2.15.9) and cut the rest; lines that begin no segment belong to the one before.

    Raises:
        Unreadable: it is no message, or its character set is not known.
    """
    # As every single byte character set has it: separators and the names of character sets are ASCII.
    first = re.split(rb"[\r\n]", message.lstrip(), maxsplit=1)[0].decode("latin-1")
    if not first.startswith("MSH") or len(first) < _LEAST_HEADER_CHARACTERS:
        raise Unreadable("this is no HL7 message")
    separators = _separators(first)
    try:
        charset = str(_parse(first, separators).msh_18.value or "")
        lines = _lines(_decoded(message, charset))
        header = _parse(lines[0], separators)
        kind = header.msh_9.to_er7(separators).split(separators["COMPONENT"])
        return Envelope(
            sending_application=clean(header.msh_3.to_er7(separators)),
            sending_facility=clean(header.msh_4.to_er7(separators)),
            receiving_application=clean(header.msh_5.to_er7(separators)),
            receiving_facility=clean(header.msh_6.to_er7(separators)),
            kind="^".join(kind[:2]),
            control_id=clean(str(header.msh_10.value or "")),
            processing_id=header.msh_11.to_er7(separators)[:1],
            version=header.msh_12.to_er7(separators).split(separators["COMPONENT"])[0],
            separators=separators,
            segments=tuple(lines[1:]),
        )
    except HilumError:
        raise
    except Exception as error:  # foreign bytes: whatever a parser raises, it is no message
        raise Unreadable("the header of the message can't be read") from error


def acknowledge(envelope: Envelope | None, code: Code, *, own_id: str, moment: str, text: str = "") -> bytes:
    """Return the acknowledgement of a message (HL7 v2.5.1, 2.9.2.2), in original mode; None: it could not be read.

    Args:
        envelope: of the message.
        code: MSA-1.
        own_id: MSH-10 of the acknowledgement.
        moment: MSH-7.
        text: MSA-3, in our own words.
    """
    version = envelope.version if envelope is not None and SPOKEN.fullmatch(envelope.version) else _VERSION
    reply = Message(_ACKNOWLEDGES, version=_VERSION, validation_level=VALIDATION_LEVEL.TOLERANT)
    msh = reply.msh
    if envelope is not None:
        msh.msh_3, msh.msh_4 = _first(envelope.receiving_application), _first(envelope.receiving_facility)
        msh.msh_5, msh.msh_6 = _first(envelope.sending_application), _first(envelope.sending_facility)
        msh.msh_11 = envelope.processing_id or "P"
    msh.msh_7, msh.msh_10, msh.msh_12, msh.msh_18 = moment, own_id, version, "UNICODE UTF-8"
    msh.msh_9 = "ACK^R01"
    msa = reply.add_segment("MSA")
    msa.msa_1, msa.msa_2 = str(code), envelope.control_id if envelope is not None else ""
    if text:
        msa.msa_3 = text
    written: str = reply.to_er7()
    return (written.rstrip("\r") + "\r").encode()


def clean(text: str) -> str:
    """Return text without control characters."""
    return _CONTROL.sub(" ", text).strip()


def _first(name: str) -> str:
    return re.split(r"\W", name, maxsplit=1)[0]


def _parse(segment: str, separators: Mapping[str, str]) -> Any:  # noqa: ANN401 - hl7apy is untyped
    return parse_segment(
        segment, version=_VERSION, encoding_chars=dict(separators), validation_level=VALIDATION_LEVEL.TOLERANT
    )


def _separators(header: str) -> dict[str, str]:
    """Return the separators that a header declares (HL7 v2.5.1, 2.5.4)."""
    field, rest = header[3], header[4:8]
    if not (len({field, *rest}) == 5 and not any(one.isalnum() or one.isspace() for one in (field, *rest))):  # noqa: PLR2004 - there are five
        raise Unreadable("the separators of the message can't be read")
    return {
        "FIELD": field,
        "COMPONENT": rest[0],
        "REPETITION": rest[1],
        "ESCAPE": rest[2],
        "SUBCOMPONENT": rest[3],
        "SEGMENT": "\r",
        "GROUP": "\r",
    }


def _decoded(message: bytes, charset: str) -> str:
    """Return the text by MSH-18 (table HL70211); without it UTF-8 where it is that, else ISO 8859-1."""
    name = charset.strip().upper()
    if name in {"", "ASCII"}:
        try:
            return message.decode()
        except UnicodeDecodeError:
            return message.decode("latin-1")
    codec = "utf-8" if name in {"UNICODE UTF-8", "UTF-8", "UNICODE"} else name.replace("8859/", "iso8859-")
    try:
        return message.decode(codecs.lookup(codec).name, "replace")
    except (LookupError, UnicodeError) as error:
        raise Unreadable("the character set of the message is not known") from error


def _lines(text: str) -> list[str]:
    lines: list[str] = []
    for line in re.split(r"\r\n|\r|\n", text.strip()):
        if _SEGMENT.match(line) or not lines:
            lines.append(line)
        else:
            lines[-1] += f"\n{line}"
    return lines
