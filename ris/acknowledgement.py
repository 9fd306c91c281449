"""What a peer says of a message that it was sent (HL7 v2.5.1, 2.9.2 and 2.14.8)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from hl7apy.parser import parse_message

from domain.errors import Doubtful, Permanent, Transient


class Code(StrEnum):
    """MSA-1, acknowledgement code (table HL70008)."""

    APPLICATION_ACCEPT = "AA"
    APPLICATION_ERROR = "AE"
    APPLICATION_REJECT = "AR"
    COMMIT_ACCEPT = "CA"
    COMMIT_ERROR = "CE"
    COMMIT_REJECT = "CR"


_ACCEPTED = {Code.APPLICATION_ACCEPT, Code.COMMIT_ACCEPT}
_REJECTED = {Code.APPLICATION_REJECT, Code.COMMIT_REJECT}


@dataclass(frozen=True, kw_only=True, slots=True)
class Acknowledgement:
    """An acknowledgement that was read."""

    code: Code
    control_id: str
    """MSA-2: MSH-10 of the message that it is about."""
    said: str
    """MSA-3, or the user message or code of the first ERR segment; in the peer's words, which may hold anything."""


def judge(reply: bytes, control_id: str) -> Acknowledgement:
    """Return the acknowledgement where the peer accepted the message.

    Args:
        reply: the peer's answer, without its frame.
        control_id: MSH-10 of the message.

    Raises:
        Transient: it is no acknowledgement, or one of another message.
        Doubtful: the peer had an error (AE, CE), which may or may not pass.
        Permanent: the peer rejects the message (AR, CR).
    """
    found = read(reply)
    if found.control_id != control_id:
        raise Transient("the peer acknowledged another message")
    if found.code in _ACCEPTED:
        return found
    if found.code in _REJECTED:
        raise Permanent(f"the peer rejected the message ({found.code})", said=found.said)
    raise Doubtful(f"the peer had an error with the message ({found.code})", said=found.said)


def read(reply: bytes) -> Acknowledgement:
    """Read an acknowledgement.

    Raises:
        Transient: it is none.
    """
    try:
        message = parse_message(reply.decode("utf-8", "replace").strip(), find_groups=False)
        msa = message.msa
        code, control_id, said = Code(msa.msa_1.value), str(msa.msa_2.value), str(msa.msa_3.value)
        if not said and message.children.get("ERR"):
            error = message.err
            said = str(error.err_8.value or error.err_3.value)
    except Exception as error:  # foreign bytes: whatever a parser raises, it is no acknowledgement
        raise Transient("the peer's answer is no acknowledgement") from error
    return Acknowledgement(code=code, control_id=control_id, said=said)
