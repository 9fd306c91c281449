"""Statuses: what the node answers to C-STORE, and what a peer's answer means (PS3.4 B.2.3, C.4)."""

from __future__ import annotations

from domain.status import Status


class StoreStatus(Status):
    """Status of a C-STORE response (PS3.4 B.2.3; PS3.7 Annex C)."""

    SUCCESS = 0x0000, "The film is durable: its file is in its place, its rows are committed; or both were so before."
    DUPLICATE_SOP_INSTANCE = (
        0x0111,
        "The SOP Instance UID is known with another content, and `node.on_conflict` is `reject`.",
    )
    NOT_AUTHORISED = 0x0124, "The caller is a known peer that may not send."
    OUT_OF_RESOURCES = 0xA700, "Disk or database can't take it now: the sender should try again."
    DATA_SET_DOES_NOT_MATCH = 0xA900, "SOP class or instance differ between command and data set."
    CANNOT_UNDERSTAND = 0xC000, "The data set can't be parsed, or lacks an identifier."


_WARNINGS = frozenset({0x0107, 0x0116, *range(0xB000, 0xC000)})
_NAMES = {
    # PS3.7 Annex C.
    0x0110: "processing failure",
    0x0117: "invalid object instance",
    0x0122: "SOP class not supported",
    0x0124: "not authorised",
    0x0210: "duplicate invocation",
    0x0211: "unrecognised operation",
    0x0212: "mistyped argument",
    0x0213: "resource limitation",
}
_NAMES_BY_HIGH_BYTE = {0xA7: "out of resources", 0xA9: "data set does not match SOP class"}
_OF_THE_MOMENT = frozenset({0x0110, 0x0210, 0x0213})
"""Failures that may pass, like all of 0xA7xx; every other one would come again."""


_RETRIEVAL_NAMES = {
    # PS3.4 C.4.1.1.4, C.4.2.1.5 and C.4.3.1.4.
    0xA701: "out of resources, unable to calculate the number of matches",
    0xA702: "out of resources, unable to perform the sub-operations",
    0xA801: "move destination unknown",
    0xA900: "identifier does not match SOP class",
    0xB000: "sub-operations complete, some of them with failures",
    0xFE00: "cancelled",
}


def is_accepted(status: int) -> bool:
    """Whether a peer has the object: success, a warning (PS3.4 B.2.3, PS3.7 C.4), or it had it before."""
    # The UID of a report is derived from the findings: a peer that knows it got it from an earlier try.
    return status in (StoreStatus.SUCCESS, StoreStatus.DUPLICATE_SOP_INSTANCE) or status in _WARNINGS


def passes(status: int) -> bool:
    """Whether a peer's refusal may pass with time (PS3.4 B.2.3: out of resources)."""
    return status in _OF_THE_MOMENT or status >> 8 == 0xA7  # noqa: PLR2004 - 0xA7xx


def status_name(status: int) -> str:
    """Return a peer's refusal in words."""
    if status >> 12 == 0xC:  # noqa: PLR2004 - 0xCxxx
        return "cannot understand"
    return _NAMES.get(status) or _NAMES_BY_HIGH_BYTE.get(status >> 8, "failure")


def is_pending(status: int) -> bool:
    """Whether more answers to a query or a retrieval follow."""
    return status in {0xFF00, 0xFF01}


def retrieval_status_name(status: int) -> str:
    """Return a peer's answer to a query or a retrieval in words."""
    if status >> 12 == 0xC:  # noqa: PLR2004 - 0xCxxx
        return "unable to process"
    return _RETRIEVAL_NAMES.get(status) or status_name(status)
