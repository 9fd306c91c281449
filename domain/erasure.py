"""Erasing everything about a patient: what there is, what is in the way, and the proof that it is gone."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from domain.ids import StudyId, StudyUid


@dataclass(frozen=True, kw_only=True, slots=True)
class Whom:
    """Whose studies are meant: a patient's, or those that are named."""

    patient_id: str = field(default="", repr=False)
    issuer: str | None = field(default=None, repr=False)
    """Issuer of Patient ID; None: whoever it is, if there is one only."""
    study_uids: tuple[StudyUid, ...] = ()

    def __post_init__(self) -> None:
        """Refuse to mean everybody.

        Raises:
            ValueError: neither a patient nor a study is named.
        """
        if not (self.patient_id or self.study_uids):
            raise ValueError("name a patient or a study")


@dataclass(frozen=True, kw_only=True, slots=True)
class Elsewhere:
    """Objects that a peer has acknowledged: they are not erased there."""

    peer: str
    object: str
    count: int
    last: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Holdings:
    """What there is about a patient."""

    studies: Mapping[StudyId, StudyUid]
    issuers: frozenset[str]
    """Of the Patient ID, in these studies."""
    counts: Mapping[str, int]
    """Rows by what they are."""
    kept: frozenset[StudyUid]
    """Studies that a person keeps."""
    at_work: int
    """Jobs that a worker has in hand."""
    undelivered: int
    """Objects that no peer has acknowledged and that are still to be delivered."""
    elsewhere: tuple[Elsewhere, ...]
    audit_records: int
    """Records of the audit trail that name a study; they stay."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Pseudonyms:
    """Whom an erasure was about, for whoever has the key and the plain values, and for nobody else."""

    key: bytes = field(repr=False)

    def of(self, *values: str) -> str:
        """Return 64 hexadecimal digits (HMAC-SHA256) that stand for values."""
        return hmac.new(self.key, "\n".join(values).encode(), hashlib.sha256).hexdigest()


@dataclass(frozen=True, kw_only=True, slots=True)
class Erased:
    """The record of an erasure in the audit trail."""

    record: int
    hash: str


class Erasure(Protocol):
    """Erases rows; each method may be called again, and raises `Transient` while the database is away."""

    def find(self, whom: Whom) -> Holdings:
        """Return what there is."""
        ...

    def mark(self, studies: Sequence[StudyId]) -> None:
        """Cancel what is to be done for studies, and mark their films as deleted, in one transaction.

        Raises:
            Transient: a worker has one of them in hand.
        """
        ...

    def finish(self, studies: Sequence[StudyId], *, actor: str, told: str) -> Erased:
        """Delete all rows of studies whose files are gone, and record that, in one transaction.

        Raises:
            Transient: a film of them came meanwhile, or a file is still there.
        """
        ...


@dataclass(frozen=True, kw_only=True, slots=True)
class Certificate:
    """The proof of an erasure, for whoever asked for it."""

    key: bytes = field(repr=False)
    """Of the pseudonyms; it is nowhere else."""
    patient: str
    """Pseudonym of issuer and Patient ID; empty: studies were named."""
    studies: tuple[str, ...]
    """Pseudonyms of their Study Instance UIDs."""
    found: Holdings
    erased: Erased
