"""Storage commitment: a modality asks whether its films are safe here, and may delete them once it is told so."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from domain.status import Status

if TYPE_CHECKING:
    from domain.ids import SopInstanceUid


class FailureReason(Status):
    """Failure Reason (0008,1197) of an instance that is not committed (PS3.3 C.14.1.1)."""

    PROCESSING_FAILURE = 0x0110, "The instance was received, but its file is gone."
    NO_SUCH_OBJECT_INSTANCE = 0x0112, "It was never received, or the peer's content of it was not taken."
    CLASS_INSTANCE_CONFLICT = 0x0119, "It was received with another SOP class."


@dataclass(frozen=True, kw_only=True, slots=True)
class Reference:
    """An instance that a request names."""

    sop_class_uid: str
    sop_instance_uid: SopInstanceUid


@dataclass(frozen=True, kw_only=True, slots=True)
class CommitmentRequest:
    """What a modality wants to know."""

    calling_ae_title: str
    transaction_uid: str
    """Transaction UID (0008,1195): the modality's own name for its request."""
    references: tuple[Reference, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class KeptInstance:
    """An instance as the database knows it."""

    sop_class_uid: str
    path: str
    """Place in the store, relative to its root."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PendingCommitment:
    """A request that waits for its answer, with what the database knows of the instances it names."""

    peer: str
    """Name of the modality in the settings."""
    transaction_uid: str
    references: tuple[Reference, ...]
    kept: dict[SopInstanceUid, KeptInstance]


@dataclass(frozen=True, kw_only=True, slots=True)
class CommitmentReport:
    """The answer: which instances are safe and which are not."""

    peer: str
    transaction_uid: str
    committed: tuple[Reference, ...]
    failed: tuple[tuple[Reference, FailureReason], ...]
