"""Storage commitment asked by us: whether a peer keeps what it accepted (PS3.4 Annex J)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from domain.commitment import Reference
    from domain.ids import SopInstanceUid


@dataclass(frozen=True, kw_only=True, slots=True)
class Inquiry:
    """What to ask a peer."""

    peer: str
    transaction_uid: str
    """Transaction UID (0008,1195); the same each time the same is asked."""
    references: tuple[Reference, ...]
    questions: int
    """How often it was asked before, without an answer."""
    is_answered: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class PeersAnswer:
    """What a peer says of the instances that it was asked about."""

    transaction_uid: str
    committed: tuple[SopInstanceUid, ...]
    failed: tuple[tuple[SopInstanceUid, int], ...] = ()
    """Instances that it does not keep, with the Failure Reason (0008,1197)."""
